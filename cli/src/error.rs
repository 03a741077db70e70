//! What can go wrong between the operator and the verbs.

use std::io;
use std::path::PathBuf;

use dtrvault_ops::OpsError;
use dtrvault_ops::repo::RepoError;
use dtrvault_store::StoreError;

/// A result of this crate.
pub(crate) type Result<T> = std::result::Result<T, CliError>;

/// Failure of a run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// The command line, the environment or the configuration asks for what cannot be.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to do instead.
        hint: Option<String>,
    },
    /// A verb failed.
    #[error(transparent)]
    Ops(#[from] OpsError),
    /// A store could not be opened.
    #[error("the store cannot be opened")]
    Store(#[source] StoreError),
    /// The configuration file cannot be read.
    #[error("the configuration {} cannot be read", path.display())]
    ConfigFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The configuration file is not what it should be.
    #[error("the configuration {} is wrong", path.display())]
    BadConfig {
        /// The file.
        path: PathBuf,
        /// Where and how.
        source: Box<toml::de::Error>,
    },
    /// The password file cannot be read.
    #[error("the password file {} cannot be read", path.display())]
    PasswordFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The password command cannot be run.
    #[error("the password command cannot be run")]
    PasswordCommand(#[source] io::Error),
    /// The password command ran and failed.
    #[error("the password command failed: {status}")]
    PasswordCommandFailed {
        /// How it ended.
        status: std::process::ExitStatus,
    },
    /// A file of certificates cannot be read.
    #[error("the certificates {} cannot be read", path.display())]
    CertificateFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The terminal gave no answer.
    #[error("nothing can be read from the terminal")]
    Terminal(#[source] io::Error),
    /// Standard output, or the file in its place, cannot be written.
    #[error("{name} cannot be written")]
    Output {
        /// What was to be written.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// What is to be shown cannot be encoded.
    #[error("the result cannot be shown as JSON")]
    Json(#[from] serde_json::Error),
    /// The runtime or a handler could not be set up.
    #[error("the process cannot be set up")]
    Setup(#[source] io::Error),
    /// The operator asked to stop before a verb ran.
    #[error("interrupted")]
    Interrupted,
}

impl CliError {
    /// Wrong usage, with what to do instead.
    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), hint: Some(hint.into()) }
    }

    /// Standard output cannot be written.
    pub(crate) fn stdout(source: io::Error) -> Self {
        Self::Output { name: "standard output".to_owned(), source }
    }
}

impl From<RepoError> for CliError {
    fn from(error: RepoError) -> Self {
        Self::Ops(OpsError::Repo(error))
    }
}
