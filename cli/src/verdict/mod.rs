//! What a failure means: its kind for programs, its exit code, and what to do about it.
//! Decided by the variants of errors, never by their words.

mod of_dtr;

use dtrvault_ops::OpsError;
use dtrvault_ops::format::FormatError;
use dtrvault_ops::registry::{SourceError, TargetError};
use dtrvault_ops::repo::RepoError;
use dtrvault_store::StoreError;

use crate::error::CliError;
use crate::exit::Exit;

/// What a failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// For programs; `docs/json.md` lists them.
    pub(crate) kind: &'static str,
    /// How the run ends.
    pub(crate) exit: Exit,
    /// What to do, for people.
    pub(crate) hint: Option<&'static str>,
}

impl Verdict {
    const fn new(kind: &'static str, exit: Exit) -> Self {
        Self { kind, exit, hint: None }
    }

    const fn hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }
}

const FAILED: Verdict = Verdict::new("failed", Exit::Failed);
const INTERRUPTED: Verdict =
    Verdict::new("interrupted", Exit::Interrupted).hint("run it again: it goes on with what was done so far");
const DAMAGE: Verdict =
    Verdict::new("damage", Exit::Damage).hint("`dtrvault check --read-data` lists all that is damaged");

/// What `error` means.
pub(crate) fn of(error: &CliError) -> Verdict {
    match error {
        CliError::Usage { .. } => Verdict::new("usage", Exit::Usage),
        CliError::ConfigFile { .. } | CliError::BadConfig { .. } => {
            Verdict::new("config", Exit::Usage).hint("docs/configuration.md lists what may stand in it")
        }
        CliError::PasswordFile { .. }
        | CliError::PasswordCommand(_)
        | CliError::PasswordCommandFailed { .. } => Verdict::new("no-password", Exit::Failed),
        CliError::Terminal(_) => Verdict::new("no-password", Exit::Failed)
            .hint("set DTRVAULT_PASSWORD_FILE or DTRVAULT_PASSWORD_COMMAND, or use --password-file"),
        CliError::Interrupted => Verdict::new("interrupted", Exit::Interrupted),
        CliError::Output { source, .. } => of_output(source),
        CliError::Store(error) => of_store(error),
        CliError::Ops(error) => of_ops(error),
        CliError::CertificateFile { .. } => Verdict::new("no-certificate", Exit::Failed),
        CliError::Json(_) | CliError::Setup(_) => FAILED,
    }
}

fn of_output(error: &std::io::Error) -> Verdict {
    match error.kind() {
        std::io::ErrorKind::BrokenPipe => Verdict::new("reader-gone", Exit::ReaderGone),
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            Verdict::new("no-space", Exit::Failed).hint("free some space, or write to another place")
        }
        std::io::ErrorKind::AlreadyExists => {
            Verdict::new("exists", Exit::Failed).hint("remove it, or choose another name")
        }
        _ => FAILED,
    }
}

fn of_ops(error: &OpsError) -> Verdict {
    match error {
        OpsError::Repo(error) => of_repo(error),
        OpsError::Source(error) => of_source(error),
        OpsError::Target { source, .. } => of_target(source),
        OpsError::NotARegistry { .. } => Verdict::new("no-registry", Exit::Failed)
            .hint("--registry takes the folder or prefix that holds docker/registry/v2"),
        OpsError::EmptyMetadata { .. } => Verdict::new("empty-metadata", Exit::Failed)
            .hint("run the command that writes it alone, and look at what it says on standard error"),
        OpsError::TruncatedMetadata { .. } => Verdict::new("truncated-metadata", Exit::Failed)
            .hint("take the metadata again, or store it as it is with --allow-truncated"),
        OpsError::MissingTables { .. } => Verdict::new("missing-tables", Exit::Failed).hint(
            "was the tar cut between two members? Take the metadata again, or store it as it is with \
             --allow-missing-tables",
        ),
        OpsError::NothingToTake => {
            Verdict::new("usage", Exit::Usage).hint("give --registry PATH|URL, --metadata FILE|-, or both")
        }
        OpsError::NoSuchPart { .. } => {
            Verdict::new("no-such-part", Exit::Failed).hint("`dtrvault snapshots` shows the parts of each")
        }
        OpsError::NoSuchPath { .. } => {
            Verdict::new("no-such-path", Exit::Failed).hint("`dtrvault ls SNAPSHOT` lists the paths")
        }
        OpsError::NoSuchBlob { .. } => Verdict::new("no-such-id", Exit::Failed)
            .hint("`dtrvault ls SNAPSHOT` lists the blobs by their paths"),
        OpsError::NoSuchMember { .. } => Verdict::new("no-such-path", Exit::Failed)
            .hint("`dtrvault ls SNAPSHOT blob:sha256:DIGEST` lists the paths"),
        OpsError::NoTar { .. } => Verdict::new("no-tar", Exit::Failed)
            .hint("only layers and metadata can be looked into; a manifest names the layers of an image"),
        OpsError::BrokenTar { .. } => Verdict::new("broken-tar", Exit::Failed)
            .hint("the blob has its digest: it is as broken in the registry"),
        OpsError::Output(error) => of_output(error),
        OpsError::Cache(error) => of_cache(error),
        OpsError::Pattern(_) => Verdict::new("usage", Exit::Usage)
            .hint("* and ? stay within a name, ** crosses folders; quote patterns from the shell"),
        OpsError::OtherDtr { .. } => Verdict::new("other-dtr", Exit::Failed)
            .hint("is DTR being upgraded? wait for its end; or say which image to use with --image"),
        OpsError::ImagesElsewhere { .. } => {
            Verdict::new("images-elsewhere", Exit::Usage).hint("say where with --dtr --registry PATH|URL")
        }
        OpsError::NotOfDtr { .. } => Verdict::new("not-of-dtr", Exit::Usage)
            .hint("--target DIR|URL restores it as files; `dtrvault snapshots` lists the others"),
        OpsError::UnknownReplica { .. } => {
            Verdict::new("unknown-replica", Exit::Usage).hint("name one with --replica-id")
        }
        OpsError::Refused { .. } => Verdict::new("refused", Exit::Failed)
            .hint("set right what does not fit; the flags are for when you know better"),
        OpsError::Dtr(error) => of_dtr::verdict(error),
        OpsError::Interrupted => INTERRUPTED,
        error if error.is_damage() => DAMAGE,
        _ => FAILED,
    }
}

fn of_repo(error: &RepoError) -> Verdict {
    match error {
        RepoError::NoRepository { .. } => Verdict::new("no-repository", Exit::NoRepository)
            .hint("check --repo and DTRVAULT_REPO, or create one with `dtrvault init`"),
        RepoError::Exists { .. } => Verdict::new("exists", Exit::Failed)
            .hint("use it as it is, or give another place; nothing was changed"),
        RepoError::WrongPassword { slots: 0, .. } => Verdict::new("wrong-password", Exit::Key)
            .hint("it has no key slot that can be read: restore the folder keys/ from a copy"),
        RepoError::WrongPassword { .. } => Verdict::new("wrong-password", Exit::Key).hint(
            "check where the password comes from: a flag wins over DTRVAULT_PASSWORD, that over a profile",
        ),
        RepoError::DamagedSlots { .. } => Verdict::new("damaged-key", Exit::Damage).hint(
            "restore the damaged object from a copy of keys/, or use the password of another key; \
             if it is that, it is wrong",
        ),
        RepoError::ConfigChanged { .. } => Verdict::new("config-changed", Exit::Damage).hint(
            "restore the object config from a copy; the key slots and the packs are not touched by this",
        ),
        RepoError::NeedsFullKey => {
            Verdict::new("needs-full-key", Exit::Key).hint("use the password of a key with the role full")
        }
        RepoError::LastFullKey => Verdict::new("last-full-key", Exit::Failed)
            .hint("add another first: `dtrvault key add --role full`"),
        RepoError::NoSuchId { what: "snapshot", .. } => {
            Verdict::new("no-such-id", Exit::Failed).hint("`dtrvault snapshots` lists them")
        }
        RepoError::NoSuchId { what: "key", .. } => {
            Verdict::new("no-such-id", Exit::Failed).hint("`dtrvault key list` lists them")
        }
        RepoError::NoSuchId { .. } => Verdict::new("no-such-id", Exit::Failed),
        RepoError::AmbiguousId { .. } => {
            Verdict::new("ambiguous-id", Exit::Failed).hint("give more of its digits")
        }
        RepoError::LeaseLost { .. } => Verdict::new("lease-lost", Exit::Lease)
            .hint("the machine may have slept, or its clock jumped; run it again: what was stored is used"),
        RepoError::Malformed { source: FormatError::NewerVersion { .. }, .. } => {
            Verdict::new("newer-version", Exit::Failed)
                .hint("install the dtrvault that wrote it, or a later one; nothing is damaged")
        }
        RepoError::UnreadableLatest { .. } => {
            Verdict::new("damaged", Exit::Damage).hint("`dtrvault snapshots` lists those that can be read")
        }
        RepoError::Store { source, .. } => of_store(source),
        RepoError::Cache { source, .. } => of_cache(source),
        error if error.is_damage() => DAMAGE,
        _ => FAILED,
    }
}

fn of_cache(error: &std::io::Error) -> Verdict {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Verdict::new(
            "no-space",
            Exit::Failed,
        )
        .hint(
            "free some space there, or give the cache another place with --cache-dir; what is in it may be \
                 removed at any time",
        ),
        _ => Verdict::new("cache", Exit::Failed).hint(
            "the cache may be removed at any time; --cache-dir or DTRVAULT_CACHE_DIR gives it another place",
        ),
    }
}

fn of_store(error: &StoreError) -> Verdict {
    match error {
        StoreError::NoRoot { .. } => {
            Verdict::new("no-repository", Exit::NoRepository).hint("check the path or the bucket's name")
        }
        StoreError::BadUrl { .. } => Verdict::new("usage", Exit::Usage).hint(
            "write a path, file:///path, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix",
        ),
        StoreError::NoSpace { .. } => Verdict::new("no-space", Exit::Failed)
            .hint("free some space and run it again; what was stored before is whole"),
        StoreError::Denied { .. } => Verdict::new("denied", Exit::Failed)
            .hint("check the permissions of the folder, or the credentials of the cloud in the environment"),
        StoreError::Unreachable { .. } => Verdict::new("unreachable", Exit::Failed).hint(
            "check the network and the endpoint, and run it again: what was stored is used; on a slow line \
             give a longer --timeout or a smaller --pack-size",
        ),
        StoreError::NotFound { .. } | StoreError::ShortRead { .. } | StoreError::TooLarge { .. } => DAMAGE,
        _ => FAILED,
    }
}

fn of_source(error: &SourceError) -> Verdict {
    match error {
        SourceError::NoRoot { .. } | SourceError::NotAFolder { .. } => {
            Verdict::new("no-registry", Exit::Failed)
                .hint("--registry takes the folder or prefix that holds docker/registry/v2")
        }
        SourceError::Unreachable { source } => of_store(source),
        _ => FAILED,
    }
}

fn of_target(error: &TargetError) -> Verdict {
    match error {
        TargetError::NotEmpty { .. } => Verdict::new("target-not-empty", Exit::Failed)
            .hint("give an empty folder, or --allow-existing to restore beside and over what is there"),
        TargetError::NoSpace { .. } => {
            Verdict::new("no-space", Exit::Failed).hint("free some space, or give another --target")
        }
        TargetError::Busy { .. } => {
            Verdict::new("busy", Exit::Failed).hint("wait for it to end, or give another --target")
        }
        TargetError::Store { source, .. } => match source {
            // What a target lacks is no damage of the repository.
            StoreError::NotFound { .. } | StoreError::NoRoot { .. } => FAILED,
            source => of_store(source),
        },
        TargetError::Io { source, .. } => match source.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                Verdict::new("no-space", Exit::Failed).hint("free some space and run it again: it goes on")
            }
            std::io::ErrorKind::PermissionDenied => Verdict::new("denied", Exit::Failed)
                .hint("check the permissions of the target; only root can give files to other owners"),
            _ => FAILED,
        },
        _ => FAILED,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn exit(error: impl Into<CliError>) -> (u8, &'static str) {
        let verdict = of(&error.into());
        (verdict.exit.code(), verdict.kind)
    }

    fn store(source: StoreError) -> RepoError {
        RepoError::Store { url: "s3://b".into(), source }
    }

    #[test]
    fn errors_end_with_the_codes_of_the_manual() {
        let url = || "u".to_owned();
        let key = || "packs/aa/aa".to_owned();
        let cases: Vec<(CliError, u8, &str)> = vec![
            (CliError::usage("m", "h"), 2, "usage"),
            (OpsError::NothingToTake.into(), 2, "usage"),
            (CliError::Store(StoreError::BadUrl { url: url(), reason: "r".into() }), 2, "usage"),
            (RepoError::NoRepository { url: url() }.into(), 10, "no-repository"),
            (CliError::Store(StoreError::NoRoot { url: url() }), 10, "no-repository"),
            (RepoError::LeaseLost { detail: "d" }.into(), 11, "lease-lost"),
            (RepoError::WrongPassword { url: url(), slots: 1 }.into(), 12, "wrong-password"),
            (
                RepoError::DamagedSlots { url: url(), slots: 1, damaged: 1, key: key() }.into(),
                13,
                "damaged-key",
            ),
            (RepoError::NeedsFullKey.into(), 12, "needs-full-key"),
            (RepoError::ConfigChanged { url: url() }.into(), 13, "config-changed"),
            (RepoError::WrongName { key: key() }.into(), 13, "damage"),
            (store(StoreError::NotFound { key: key() }).into(), 13, "damage"),
            (
                OpsError::WrongDigest { digest: dtrvault_ops::format::Digest::new([0; 32]) }.into(),
                13,
                "damage",
            ),
            (store(StoreError::NoSpace { key: key() }).into(), 1, "no-space"),
            (RepoError::Exists { url: url(), key: key() }.into(), 1, "exists"),
            (RepoError::LastFullKey.into(), 1, "last-full-key"),
            (OpsError::from(TargetError::NotEmpty { location: url() }).into(), 1, "target-not-empty"),
            (OpsError::from(SourceError::NoRoot { location: url() }).into(), 1, "no-registry"),
            (OpsError::Interrupted.into(), 130, "interrupted"),
            (CliError::stdout(io::ErrorKind::BrokenPipe.into()), 141, "reader-gone"),
            (OpsError::Output(io::ErrorKind::BrokenPipe.into()).into(), 141, "reader-gone"),
        ];
        for (error, code, kind) in cases {
            let shown = format!("{error:?}");
            assert_eq!(exit(error), (code, kind), "{shown}");
        }
    }

    #[test]
    fn a_store_out_of_reach_is_no_damage() {
        let gone = || -> dtrvault_store::Cause { "timed out".into() };
        for source in [
            StoreError::Unreachable { url: "u".into(), source: gone() },
            StoreError::Denied { key: "k".into(), source: gone() },
            StoreError::Backend { key: "k".into(), source: gone() },
        ] {
            assert_eq!(exit(store(source)).0, 1);
        }
    }
}
