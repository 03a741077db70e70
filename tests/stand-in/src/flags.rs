//! Which version of DTR has which command, flag and environment variable, as far as it is known.

use crate::Version;

/// What a flag takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// Twelve hex digits.
    Replica,
    /// Several of them, with commas between.
    Replicas,
    /// A port.
    Port,
    /// A number.
    Number,
    /// Nothing, or `=true`, `=false`.
    Switch,
}

/// A flag of a command.
#[derive(Debug, Clone, Copy)]
pub struct Flag {
    /// Without dashes.
    pub name: &'static str,
    /// The variable that stands for it, where one is known.
    pub environment: Option<&'static str>,
    /// What it takes.
    pub kind: Kind,
    /// The first version that has it.
    pub since: Version,
    /// Whether the command does nothing without it.
    pub needed: bool,
}

/// A command of the image.
#[derive(Debug)]
pub struct Command {
    /// Its name.
    pub name: &'static str,
    /// Its own flags; every command has [`CLUSTER`]'s too.
    pub flags: &'static [Flag],
    /// At least one of these must be given from a version on.
    pub one_of: Option<(Version, &'static [&'static str])>,
}

impl Command {
    /// All flags that a version has.
    pub fn flags_of(&self, version: Version) -> impl Iterator<Item = &'static Flag> {
        self.flags.iter().chain(CLUSTER).filter(move |flag| flag.since <= version)
    }
}

const ALWAYS: Version = Version::new(0, 0, 0);

const fn flag(name: &'static str, environment: &'static str, kind: Kind) -> Flag {
    Flag { name, environment: Some(environment), kind, since: ALWAYS, needed: false }
}

const fn without_variable(name: &'static str, kind: Kind) -> Flag {
    Flag { name, environment: None, kind, since: ALWAYS, needed: false }
}

const fn needed(flag: Flag) -> Flag {
    Flag { needed: true, ..flag }
}

const fn since(major: u16, minor: u16, patch: u16, flag: Flag) -> Flag {
    Flag { since: Version::new(major, minor, patch), ..flag }
}

/// Flags of every command.
pub const CLUSTER: &[Flag] = &[
    needed(flag("ucp-url", "UCP_URL", Kind::Text)),
    needed(flag("ucp-username", "UCP_USERNAME", Kind::Text)),
    needed(flag("ucp-password", "UCP_PASSWORD", Kind::Text)),
    flag("ucp-ca", "UCP_CA", Kind::Text),
    flag("ucp-insecure-tls", "UCP_INSECURE_TLS", Kind::Switch),
    flag("debug", "DEBUG", Kind::Switch),
    since(2, 4, 0, flag("help-extended", "DTR_EXTENDED_HELP", Kind::Switch)),
];

const EXISTING: Flag = needed(flag("existing-replica-id", "DTR_REPLICA_ID", Kind::Replica));
const INSTALLED: Flag = flag("replica-id", "DTR_INSTALL_REPLICA_ID", Kind::Replica);
const HTTP_PORT: Flag = flag("replica-http-port", "REPLICA_HTTP_PORT", Kind::Port);
const HTTPS_PORT: Flag = flag("replica-https-port", "REPLICA_HTTPS_PORT", Kind::Port);
const CACHE: Flag = flag("replica-rethinkdb-cache-mb", "RETHINKDB_CACHE_MB", Kind::Number);
const NODE: Flag = flag("ucp-node", "UCP_NODE", Kind::Text);

/// Flags that tell `restore` where images are.
pub const STORAGE: &[&str] = &["dtr-use-default-storage", "dtr-storage-volume", "nfs-storage-url"];

/// Every command.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "backup",
        flags: &[
            EXISTING,
            since(2, 5, 0, flag("offline-backup", "DTR_OFFLINE_BACKUP", Kind::Switch)),
            since(2, 8, 0, without_variable("ignore-events-table", Kind::Switch)),
            since(2, 9, 18, without_variable("ignore-scan-data", Kind::Switch)),
        ],
        one_of: None,
    },
    Command {
        name: "restore",
        flags: &[
            since(2, 6, 0, flag("dtr-use-default-storage", "DTR_DEFAULT_STORAGE", Kind::Switch)),
            flag("dtr-storage-volume", "DTR_STORAGE_VOLUME", Kind::Text),
            flag("nfs-storage-url", "NFS_STORAGE_URL", Kind::Text),
            needed(INSTALLED),
            HTTP_PORT,
            HTTPS_PORT,
            CACHE,
            flag("dtr-external-url", "DTR_EXTERNAL_URL", Kind::Text),
            flag("dtr-ca", "DTR_CA", Kind::Text),
            flag("dtr-cert", "DTR_CERT", Kind::Text),
            flag("dtr-key", "DTR_KEY", Kind::Text),
            flag("http-proxy", "DTR_HTTP_PROXY", Kind::Text),
            flag("https-proxy", "DTR_HTTPS_PROXY", Kind::Text),
            flag("no-proxy", "DTR_NO_PROXY", Kind::Text),
            flag("log-protocol", "LOG_PROTOCOL", Kind::Text),
            flag("log-host", "LOG_HOST", Kind::Text),
            flag("log-level", "LOG_LEVEL", Kind::Text),
            flag("enable-pprof", "DTR_PPROF", Kind::Switch),
            NODE,
            since(2, 8, 0, without_variable("async-nfs", Kind::Switch)),
            since(2, 8, 0, without_variable("client-cert-auth-ca", Kind::Text)),
        ],
        one_of: Some((Version::new(2, 6, 0), STORAGE)),
    },
    Command {
        name: "destroy",
        flags: &[needed(without_variable("replica-id", Kind::Replica))],
        one_of: None,
    },
    Command { name: "join", flags: &[EXISTING, INSTALLED, HTTP_PORT, HTTPS_PORT, CACHE, NODE], one_of: None },
    Command {
        name: "remove",
        flags: &[EXISTING, needed(without_variable("replica-ids", Kind::Replicas))],
        one_of: None,
    },
    Command { name: "emergency-repair", flags: &[EXISTING], one_of: None },
];

/// Whether some command of some version knows a variable.
#[must_use]
pub fn is_known(variable: &str) -> bool {
    let flags = COMMANDS.iter().flat_map(|command| command.flags).chain(CLUSTER);
    flags.into_iter().any(|flag| flag.environment == Some(variable))
}
