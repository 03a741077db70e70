//! A command line and its environment, held against what the version has.

use std::collections::BTreeMap;

use crate::flags::{COMMANDS, Command, Flag, Kind, is_known};
use crate::{Refusal, Version};

/// Flags whose values are secret.
const SECRET_FLAGS: [&str; 2] = ["ucp-password", "dtr-key"];

/// What was asked for.
#[derive(Debug)]
pub struct Arguments {
    /// The command.
    pub command: &'static Command,
    /// Value of each flag that was given, by its name; `true` of a switch that is on.
    pub options: BTreeMap<String, String>,
    /// Whether a secret is among the arguments, where every user of the machine sees it.
    pub shows_secrets: bool,
}

impl Arguments {
    /// Reads the arguments after the program's name, and the environment for what they leave out.
    ///
    /// # Errors
    ///
    /// Of whatever the version does not have, and of what is missing.
    pub fn parse(
        version: Version,
        arguments: &[String],
        environment: &BTreeMap<String, String>,
    ) -> Result<Self, Refusal> {
        let (name, rest) = arguments.split_first().ok_or("no command given; see --help")?;
        let command = COMMANDS
            .iter()
            .find(|command| command.name == name)
            .ok_or_else(|| format!("No help topic for '{name}'"))?;
        let mut options = given(command, version, rest)?;
        let shows_secrets = SECRET_FLAGS.iter().any(|flag| options.contains_key(*flag));
        from_environment(command, version, environment, &mut options)?;
        options.retain(|_, value| value != "false");
        whole(command, version, &options)?;
        Ok(Self { command, options, shows_secrets })
    }

    /// Whether a switch is on.
    #[must_use]
    pub fn is_on(&self, switch: &str) -> bool {
        self.options.get(switch).is_some_and(|value| value == "true")
    }

    /// Value of a flag, empty when it was not given.
    #[must_use]
    pub fn text(&self, flag: &str) -> &str {
        self.options.get(flag).map_or("", String::as_str)
    }
}

fn given(
    command: &'static Command,
    version: Version,
    arguments: &[String],
) -> Result<BTreeMap<String, String>, Refusal> {
    let mut options = BTreeMap::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let word = argument
            .strip_prefix("--")
            .ok_or_else(|| format!("Incorrect Usage: stray argument {argument:?}"))?;
        let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
        let flag = command
            .flags_of(version)
            .find(|flag| flag.name == name)
            .ok_or_else(|| format!("Incorrect Usage: flag provided but not defined: -{name}"))?;
        let value = match (flag.kind, value) {
            (_, Some(value)) => value,
            (Kind::Switch, None) => "true",
            (_, None) => {
                rest.next().ok_or_else(|| format!("Incorrect Usage: flag needs an argument: -{name}"))?
            }
        };
        let old = options.insert(name.to_owned(), checked(flag, value)?);
        if old.is_some() {
            return Err(format!("Incorrect Usage: flag given twice: -{name}"));
        }
    }
    Ok(options)
}

fn from_environment(
    command: &'static Command,
    version: Version,
    environment: &BTreeMap<String, String>,
    options: &mut BTreeMap<String, String>,
) -> Result<(), Refusal> {
    for (name, value) in environment {
        if let Some(flag) = command.flags_of(version).find(|flag| flag.environment == Some(name.as_str())) {
            if !value.is_empty() && !options.contains_key(flag.name) {
                options.insert(flag.name.to_owned(), checked(flag, value)?);
            }
        } else if is_known(name) || is_ours(name) {
            return Err(format!("{} of {version} has no variable {name}", command.name));
        }
    }
    Ok(())
}

/// Whether a variable is meant for DTR, known or not.
fn is_ours(name: &str) -> bool {
    let prefixed = ["DTR_", "UCP_", "REPLICA_"].iter().any(|prefix| name.starts_with(prefix));
    prefixed && name != "DTR_VERSION" && !name.starts_with("DTR_STAND_IN_")
}

fn checked(flag: &Flag, value: &str) -> Result<String, Refusal> {
    let replica =
        |id: &str| id.len() == 12 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let right = match flag.kind {
        Kind::Text => !value.is_empty(),
        Kind::Replica => replica(value),
        Kind::Replicas => value.split(',').all(replica),
        Kind::Port => value.parse::<u16>().is_ok_and(|port| port > 0),
        Kind::Number => value.parse::<u32>().is_ok(),
        Kind::Switch => match value {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => return Ok("true".to_owned()),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => return Ok("false".to_owned()),
            _ => false,
        },
    };
    if right { Ok(value.to_owned()) } else { Err(format!("invalid value {value:?} for flag -{}", flag.name)) }
}

fn whole(
    command: &'static Command,
    version: Version,
    options: &BTreeMap<String, String>,
) -> Result<(), Refusal> {
    if let Some(flag) = command.flags_of(version).find(|flag| flag.needed && !options.contains_key(flag.name))
    {
        return Err(format!("--{} is needed, and there is no terminal to ask at", flag.name));
    }
    if options.contains_key("ucp-ca") && options.contains_key("ucp-insecure-tls") {
        return Err("--ucp-ca and --ucp-insecure-tls exclude each other".to_owned());
    }
    if let Some((since, names)) = command.one_of {
        let count = names.iter().filter(|name| options.contains_key(**name)).count();
        if count > 1 || (version >= since && count == 0) {
            return Err(format!("one of --{} is needed, and one only", names.join(", --")));
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    const CLUSTER: [&str; 6] =
        ["--ucp-url", "https://ucp:443", "--ucp-username", "admin", "--ucp-password", "secret"];

    fn parse(version: &str, words: &[&str], environment: &[(&str, &str)]) -> Result<Arguments, Refusal> {
        let words: Vec<String> = words.iter().chain(&CLUSTER).map(|word| (*word).to_owned()).collect();
        let variables =
            environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Arguments::parse(version.parse().unwrap(), &words, &variables)
    }

    fn refused(version: &str, words: &[&str], environment: &[(&str, &str)], why: &str) {
        let refusal = parse(version, words, environment).unwrap_err();
        assert!(refusal.contains(why), "{refusal}");
    }

    const BACKUP: [&str; 3] = ["backup", "--existing-replica-id", "0123456789ab"];

    #[test]
    fn a_version_has_its_flags_only() {
        for (flag, first, before) in [
            ("--offline-backup", "2.7.0", "2.4.0"),
            ("--ignore-events-table", "2.9.29", "2.7.0"),
            ("--ignore-scan-data", "2.9.18", "2.9.17"),
        ] {
            let words = [&BACKUP[..], &[flag]].concat();
            assert!(parse(first, &words, &[]).unwrap().is_on(&flag[2..]));
            refused(before, &words, &[], "not defined");
        }
        refused("2.10.0", &[&BACKUP[..], &["--config-only"]].concat(), &[], "not defined");
    }

    #[test]
    fn a_version_has_its_variables_only() {
        let offline = [("DTR_OFFLINE_BACKUP", "1")];
        assert!(parse("2.7.0", &BACKUP, &offline).unwrap().is_on("offline-backup"));
        refused("2.4.0", &BACKUP, &offline, "DTR_OFFLINE_BACKUP");
        refused("2.9.29", &BACKUP, &[("DTR_IGNORE_EVENTS_TABLE", "1")], "DTR_IGNORE_EVENTS_TABLE");
        refused("2.9.29", &BACKUP, &[("NFS_STORAGE_URL", "nfs://a/b")], "NFS_STORAGE_URL");
        assert!(parse("2.9.29", &BACKUP, &[("DTR_VERSION", "2.9.29"), ("HOME", "/")]).is_ok());
    }

    #[test]
    fn what_is_missing_or_odd_is_told() {
        refused("2.9.29", &["backup"], &[], "--existing-replica-id is needed");
        refused("2.9.29", &["backup", "--existing-replica-id", "dtr-1"], &[], "invalid value");
        refused("2.9.29", &[&BACKUP[..], &["--debug=perhaps"]].concat(), &[], "invalid value");
        refused("2.9.29", &[&BACKUP[..], &["more"]].concat(), &[], "stray");
        refused("2.9.29", &["back-up"], &[], "No help topic");
        assert!(parse("2.9.29", &BACKUP, &[]).unwrap().shows_secrets);
    }

    #[test]
    fn a_restore_says_where_images_are() {
        let restore = ["restore", "--replica-id", "0123456789ab"];
        refused("2.9.29", &restore, &[], "--dtr-use-default-storage");
        assert!(parse("2.4.0", &restore, &[]).is_ok());
        let both = [&restore[..], &["--dtr-use-default-storage", "--nfs-storage-url", "nfs://a/b"]].concat();
        refused("2.9.29", &both, &[], "one only");
    }
}
