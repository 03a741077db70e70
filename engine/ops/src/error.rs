//! What can go wrong with a verb.

use std::io;
use std::path::PathBuf;

use dtrvault_codec::CodecError;
use dtrvault_dtr::DtrError;
use dtrvault_format::tree::display_path;
use dtrvault_format::{Digest, FormatError};
use dtrvault_registry::source::SourceError;
use dtrvault_registry::target::TargetError;
use dtrvault_repo::RepoError;

use crate::dtr::restore::Refusal;

/// A result of this crate.
pub type Result<T> = std::result::Result<T, OpsError>;

/// Failure of a verb.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpsError {
    /// The repository failed.
    #[error(transparent)]
    Repo(#[from] RepoError),
    /// The registry cannot be read.
    #[error("the registry cannot be read")]
    Source(#[from] SourceError),
    /// The target cannot be written.
    #[error("the target{} cannot be written", .location.as_ref().map(|at| format!(" {at}")).unwrap_or_default())]
    Target {
        /// Where it is, once that is known.
        location: Option<String>,
        /// How.
        source: TargetError,
    },
    /// The root holds no registry.
    #[error("{location} holds no docker/registry/v2: it is no registry's storage root")]
    NotARegistry {
        /// Where it was looked for.
        location: String,
    },
    /// The metadata stream cannot be read.
    #[error("the metadata stream {name} cannot be read")]
    Metadata {
        /// Its name.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// The metadata stream has no bytes.
    #[error("the metadata stream {name} is empty: the command that writes it has probably failed")]
    EmptyMetadata {
        /// Its name.
        name: String,
    },
    /// The metadata tar ends too early.
    #[error("the metadata tar {name} is cut: {detail}; nothing was recorded")]
    TruncatedMetadata {
        /// Its name.
        name: String,
        /// Where it ends.
        detail: String,
    },
    /// A backup gave the tar of something else.
    #[error(
        "the backup of {name} should be of DTR {wanted}, and its tar begins with '{found}'; nothing was recorded"
    )]
    OtherDtr {
        /// Its name.
        name: String,
        /// The version that the replica has.
        wanted: String,
        /// The first folder of the tar.
        found: String,
    },
    /// DTR, or the Docker Engine it is on, failed.
    #[error(transparent)]
    Dtr(DtrError),
    /// The snapshot is of no DTR.
    #[error("snapshot {snapshot} is of no DTR")]
    NotOfDtr {
        /// The snapshot.
        snapshot: String,
    },
    /// The snapshot does not say which replica it is of.
    #[error("snapshot {snapshot} does not say which replica it is of")]
    UnknownReplica {
        /// The snapshot.
        snapshot: String,
    },
    /// A gate before a restore is closed.
    #[error("this restore would go wrong; nothing was done:{}", listed(.refusals))]
    Refused {
        /// Why.
        refusals: Vec<Refusal>,
    },
    /// Image content is where only the operator can say how to get at it.
    #[error("replica {replica} keeps image content {place}, and dtrvault cannot tell where that is")]
    ImagesElsewhere {
        /// The replica.
        replica: String,
        /// How it keeps them.
        place: String,
    },
    /// A backup of DTR has not every table that it must have.
    #[error("the metadata tar {name} lacks tables that a backup of DTR has: {tables}; nothing was recorded")]
    MissingTables {
        /// Its name.
        name: String,
        /// Those tables.
        tables: String,
    },
    /// A recipe did not give back what it was made of.
    #[error("the tar recipe of {name} did not give back its bytes; nothing was recorded")]
    Unproven {
        /// Name of the stream.
        name: String,
    },
    /// Neither part was asked for, or none is there.
    #[error("there is nothing to take a snapshot of")]
    NothingToTake,
    /// The snapshot lacks the part.
    #[error("snapshot {snapshot} has no {part}")]
    NoSuchPart {
        /// The snapshot.
        snapshot: String,
        /// The part.
        part: &'static str,
    },
    /// The snapshot has no such path.
    #[error("snapshot {snapshot} has no '{}'", display_path(.path))]
    NoSuchPath {
        /// The snapshot.
        snapshot: String,
        /// The path.
        path: Vec<u8>,
    },
    /// The snapshot has no blob with a digest that begins so.
    #[error("snapshot {snapshot} has no blob {blob}")]
    NoSuchBlob {
        /// The snapshot.
        snapshot: String,
        /// What was given.
        blob: String,
    },
    /// The blob holds no tar.
    #[error("blob sha256:{digest} holds no tar")]
    NoTar {
        /// The blob.
        digest: Digest,
    },
    /// The blob's tar is cut or damaged, and was so when it was taken.
    #[error("blob sha256:{digest} holds no whole tar: {detail}")]
    BrokenTar {
        /// The blob.
        digest: Digest,
        /// How.
        detail: String,
    },
    /// The blob's tar has no such path.
    #[error("blob sha256:{digest} has no '{}'", display_path(.path))]
    NoSuchMember {
        /// The blob.
        digest: Digest,
        /// The path.
        path: Vec<u8>,
    },
    /// A blob did not come back with its digest or its length.
    #[error("blob sha256:{digest} is damaged: what its recipe gives has another digest")]
    WrongDigest {
        /// The blob.
        digest: Digest,
    },
    /// A blob's recipe cannot be followed.
    #[error("blob sha256:{digest} is damaged: its recipe cannot be followed")]
    DamagedRecipe {
        /// The blob.
        digest: Digest,
        /// Why not.
        source: CodecError,
    },
    /// What a blob is made of is damaged or gone.
    #[error("blob sha256:{digest} cannot be made")]
    UnreadableBlob {
        /// The blob.
        digest: Digest,
        /// What is damaged.
        source: Box<RepoError>,
    },
    /// What a tree is made of is damaged or gone.
    #[error("the tree of snapshot {snapshot} cannot be read")]
    UnreadableTree {
        /// The snapshot.
        snapshot: String,
        /// What is damaged.
        source: Box<RepoError>,
    },
    /// A tree is not what the format says.
    #[error("the tree of snapshot {snapshot} is damaged")]
    DamagedTree {
        /// The snapshot.
        snapshot: String,
        /// How.
        source: FormatError,
    },
    /// Output cannot be written.
    #[error("the output cannot be written")]
    Output(#[source] io::Error),
    /// A local file of the cache cannot be used.
    #[error("the local cache cannot be written")]
    Cache(#[source] io::Error),
    /// There is no room for rows while a tar is read.
    #[error("{} cannot hold the rows of the tar while it is read: make room there, or name another cache folder", .path.display())]
    Spool {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A recipe or a codec failed.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// A value breaks the format's limits.
    #[error("this cannot be stored in the format")]
    Format(#[from] FormatError),
    /// A pattern of the command line is none.
    #[error("this is no pattern")]
    Pattern(#[from] globset::Error),
    /// The operator asked to stop.
    #[error("interrupted")]
    Interrupted,
    /// A thread of this process died.
    #[error("a worker of this process died: this is a bug in dtrvault")]
    WorkerDied,
}

fn listed(refusals: &[Refusal]) -> String {
    refusals.iter().map(|refusal| format!("\n  {refusal}")).collect()
}

impl From<TargetError> for OpsError {
    fn from(source: TargetError) -> Self {
        Self::Target { location: None, source }
    }
}

impl OpsError {
    /// The same failure, with the target's place if it is the target's.
    pub(crate) fn of_target(self, target: &str) -> Self {
        match self {
            Self::Target { source, .. } => Self::Target { location: Some(target.to_owned()), source },
            error => error,
        }
    }

    /// Whether it says that stored bytes are wrong or gone.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Repo(source) => source.is_damage(),
            Self::UnreadableBlob { source, .. } | Self::UnreadableTree { source, .. } => source.is_damage(),
            Self::WrongDigest { .. } | Self::DamagedRecipe { .. } | Self::DamagedTree { .. } => true,
            _ => false,
        }
    }

    /// It and its causes, in one line.
    pub(crate) fn chain(error: &dyn std::error::Error) -> String {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        text
    }

    /// The error that a reader of stored content, or of a backup, put into an `io::Error`, or `otherwise`.
    pub(crate) fn from_io(error: io::Error, otherwise: impl FnOnce(io::Error) -> Self) -> Self {
        match error.downcast::<RepoError>() {
            Ok(error) => Self::Repo(error),
            Err(error) => match error.downcast::<OpsError>() {
                Ok(error) => error,
                Err(error) => match error.downcast::<DtrError>() {
                    Ok(error) => error.into(),
                    Err(error) => otherwise(error),
                },
            },
        }
    }
}
