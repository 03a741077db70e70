//! What can go wrong between us, the Docker Engine and DTR.

use std::io;
use std::path::PathBuf;

/// A result of this crate.
pub type Result<T> = std::result::Result<T, DtrError>;

/// Failure of something done to a DTR.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DtrError {
    /// The address of the engine cannot be used.
    #[error("'{host}' is no address of a Docker Engine: {detail}")]
    BadAddress {
        /// The address.
        host: String,
        /// Why not.
        detail: String,
    },
    /// The engine does not answer.
    #[error("the Docker Engine at {host} does not answer")]
    NoEngine {
        /// Its address.
        host: String,
        /// What was tried.
        source: bollard::errors::Error,
    },
    /// The engine refused something.
    #[error("the Docker Engine could not {action}")]
    Engine {
        /// What it was asked to do.
        action: String,
        /// What it says.
        source: bollard::errors::Error,
    },
    /// No container, volume or label of a DTR.
    #[error("there is no DTR on the Docker Engine at {host}")]
    NoDtr {
        /// Its address.
        host: String,
    },
    /// No replica with that id.
    #[error("the Docker Engine knows no replica {replica}; it knows {}", known.join(", "))]
    NoSuchReplica {
        /// The id.
        replica: String,
        /// Those that are there.
        known: Vec<String>,
    },
    /// No replica is well enough.
    #[error("no replica is healthy: {}", .replicas.join("; "))]
    NoHealthyReplica {
        /// What is wrong with each.
        replicas: Vec<String>,
    },
    /// It cannot be told which version is there.
    #[error("replica {replica} does not say which version of DTR it is")]
    UnknownVersion {
        /// The replica.
        replica: String,
    },
    /// It cannot be told which image backs it up.
    #[error("it cannot be told which image replica {replica} was installed from")]
    UnknownImage {
        /// The replica.
        replica: String,
    },
    /// It cannot be told where its API is.
    #[error("it cannot be told where the API of replica {replica} is")]
    NoApi {
        /// The replica.
        replica: String,
    },
    /// The image is not there.
    #[error("the image {image} is not on the Docker Engine")]
    NoImage {
        /// The image.
        image: String,
    },
    /// The version has no such flag.
    #[error("DTR {version} has no flag {flag}")]
    NoSuchFlag {
        /// The flag.
        flag: &'static str,
        /// The version.
        version: String,
    },
    /// A container ended with another code than 0.
    #[error("{image} {command} failed with exit code {code}{}", quote(.last_lines))]
    Failed {
        /// The image.
        image: String,
        /// Its first argument.
        command: String,
        /// The exit code.
        code: i64,
        /// What it said last.
        last_lines: Vec<String>,
    },
    /// The engine cut the line before the container had ended.
    #[error("the stream of {image} {command} was cut{}", quote(.last_lines))]
    Cut {
        /// The image.
        image: String,
        /// Its first argument.
        command: String,
        /// What it said last.
        last_lines: Vec<String>,
    },
    /// It ended well, and had not read all that it was given.
    #[error("{image} {command} ended without reading all that it was given{}", quote(.last_lines))]
    Untaken {
        /// The image.
        image: String,
        /// Its first argument.
        command: String,
        /// What it said last.
        last_lines: Vec<String>,
    },
    /// Nothing came for too long.
    #[error("{image} {command} has said nothing for {secs} seconds{}", quote(.last_lines))]
    Stalled {
        /// The image.
        image: String,
        /// Its first argument.
        command: String,
        /// How long it was waited.
        secs: u64,
        /// What it said last.
        last_lines: Vec<String>,
    },
    /// It was asked to stop.
    #[error("interrupted")]
    Interrupted,
    /// A server does not answer as it should.
    #[error("{url} does not answer as it should")]
    Http {
        /// What was asked.
        url: String,
        /// How it failed; holds no secrets.
        source: reqwest::Error,
    },
    /// A server answers with another status than success.
    #[error("{url} answers {status}")]
    Status {
        /// What was asked.
        url: String,
        /// The status.
        status: u16,
    },
    /// What DTR's API answers is not its settings.
    #[error("what {url} answers are no settings of DTR")]
    NoSettings {
        /// What was asked.
        url: String,
    },
    /// DTR took the order, and does not follow it.
    #[error("{url} was told to be read-only, and is not")]
    NotFrozen {
        /// Its API.
        url: String,
    },
    /// A server's certificate authority is another than last time.
    #[error("the certificate authority of {host} is another than the one pinned in {}", pin.display())]
    OtherAuthority {
        /// The server.
        host: String,
        /// Where the first one is kept.
        pin: PathBuf,
    },
    /// What should be certificates is none.
    #[error("{place} holds no certificate")]
    NoCertificate {
        /// Where they were looked for.
        place: String,
    },
    /// A file of ours cannot be read or written.
    #[error("cannot use {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// What is to be sent to a container cannot be read.
    #[error("what {command} is fed with cannot be read")]
    Input {
        /// The command.
        command: String,
        /// Why not.
        source: io::Error,
    },
}

/// Lines of a program, as the end of a message.
fn quote(lines: &[String]) -> String {
    if lines.is_empty() {
        "; it said nothing".to_owned()
    } else {
        format!("; it said:\n  {}", lines.join("\n  "))
    }
}

impl DtrError {
    pub(crate) fn engine(action: impl Into<String>) -> impl FnOnce(bollard::errors::Error) -> Self {
        let action = action.into();
        move |source| Self::Engine { action, source }
    }

    /// Whether the engine says that there is no such thing.
    pub(crate) fn is_absence(error: &bollard::errors::Error) -> bool {
        matches!(error, bollard::errors::Error::DockerResponseServerError { status_code: 404, .. })
    }
}

/// So that what fails within a stream can be told apart by whoever reads it.
impl From<DtrError> for io::Error {
    fn from(error: DtrError) -> Self {
        Self::other(error)
    }
}
