//! What can go wrong with a repository.

use std::io;
use std::path::PathBuf;

use dtrvault_codec::CodecError;
use dtrvault_format::names::Named;
use dtrvault_format::{ChunkId, Digest, FormatError, PackId};
use dtrvault_store::StoreError;

/// A result of this crate.
pub type Result<T> = std::result::Result<T, RepoError>;

/// Failure of an operation on a repository.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepoError {
    /// There is no config, so no repository.
    #[error("there is no repository at {url}")]
    NoRepository {
        /// The store.
        url: String,
    },
    /// There is a repository already, or the remains of one.
    #[error("there is a repository at {url} already: {key} exists")]
    Exists {
        /// The store.
        url: String,
        /// An object of it.
        key: String,
    },
    /// No key slot opens with the password.
    #[error("wrong password: it opens none of the {slots} key slots of {url}")]
    WrongPassword {
        /// The store.
        url: String,
        /// Slots that were tried.
        slots: usize,
    },
    /// No key slot opens with the password, and it may be that of one that rotted.
    #[error(
        "the password opens none of the {slots} key slots of {url} that can be read; \
         {damaged} cannot be read: {key} is damaged"
    )]
    DamagedSlots {
        /// The store.
        url: String,
        /// Slots that were tried.
        slots: usize,
        /// Slots that rotted.
        damaged: usize,
        /// One of them.
        key: String,
    },
    /// The config is not the one that the key slots were made for.
    #[error("the config of {url} was changed after its key slots were made")]
    ConfigChanged {
        /// The store.
        url: String,
    },
    /// The key at hand cannot read what is stored.
    #[error("this is a write-only key: it adds snapshots and reads nothing back")]
    NeedsFullKey,
    /// The last full key is not removed.
    #[error("this is the last full key: without it nobody reads this repository again")]
    LastFullKey,
    /// No snapshot, slot or pack has an id that begins so.
    #[error("no {what} has an id that begins with '{prefix}'")]
    NoSuchId {
        /// The kind of object.
        what: &'static str,
        /// What was given.
        prefix: String,
    },
    /// Which snapshot is the latest cannot be told.
    #[error("which snapshot is the latest cannot be told: {key} cannot be read; name one by its id")]
    UnreadableLatest {
        /// The snapshot that cannot be read.
        key: String,
    },
    /// More than one has.
    #[error("more than one {what} has an id that begins with '{prefix}'")]
    AmbiguousId {
        /// The kind of object.
        what: &'static str,
        /// What was given.
        prefix: String,
    },
    /// An object's bytes do not have the BLAKE3 in its name.
    #[error("object {key} is damaged: its bytes do not have the hash in its name")]
    WrongName {
        /// The object.
        key: String,
    },
    /// An object cannot be decoded.
    #[error("object {key} is damaged")]
    Malformed {
        /// The object.
        key: String,
        /// What is wrong with it.
        source: FormatError,
    },
    /// An object was not sealed with this repository's keys, or was changed since.
    #[error("object {key} is damaged or forged: it cannot be opened")]
    Unsealed {
        /// The object.
        key: String,
        /// What the cipher says.
        source: dtrvault_crypto::Error,
    },
    /// A frame of a pack cannot be read back.
    #[error("pack {pack} is damaged: frame {frame} {detail}")]
    DamagedFrame {
        /// The pack.
        pack: PackId,
        /// Number of the frame.
        frame: u32,
        /// What is wrong with it.
        detail: String,
    },
    /// The index does not know a chunk.
    #[error("chunk {id} is in no pack that the index knows")]
    MissingChunk {
        /// The chunk.
        id: ChunkId,
    },
    /// A chunk stands in a pack that is missing or damaged.
    #[error("chunk {id} stands in a pack that is missing or damaged")]
    LostChunk {
        /// The chunk.
        id: ChunkId,
    },
    /// The index does not know a blob.
    #[error("blob sha256:{digest} is not in the index")]
    MissingBlob {
        /// The blob.
        digest: Digest,
    },
    /// A stream's lists do not fit together.
    #[error("a stream is damaged: {detail}")]
    DamagedStream {
        /// What does not fit.
        detail: &'static str,
    },
    /// The lease of this operation is gone or has run out.
    #[error("the lease of this operation is lost: {detail}; nothing was committed")]
    LeaseLost {
        /// How.
        detail: &'static str,
    },
    /// The store failed.
    #[error("the store at {url} failed")]
    Store {
        /// The store.
        url: String,
        /// How.
        source: StoreError,
    },
    /// The local cache failed.
    #[error("the local index cache at {} failed", path.display())]
    Cache {
        /// Its folder.
        path: PathBuf,
        /// How.
        source: io::Error,
    },
    /// Compression or a recipe failed.
    #[error("encoding failed")]
    Codec(#[from] CodecError),
    /// Keys could not be made or used.
    #[error("the keys could not be used")]
    Crypto(#[from] dtrvault_crypto::Error),
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    Randomness(#[source] getrandom::Error),
    /// Something to be written breaks the format's own limits.
    #[error("this cannot be stored in the format")]
    Format(#[from] FormatError),
    /// A pack that was about to be uploaded did not read back as it was written.
    #[error("a pack failed its check before upload: {detail}; nothing was committed")]
    SelfCheck {
        /// What did not agree.
        detail: &'static str,
    },
    /// The session failed before; [`crate::write::Session::explain`] says how.
    #[error("the session failed before")]
    Aborted,
}

impl RepoError {
    /// Key of the object of the store that is at fault, where it is one.
    #[must_use]
    pub fn object(&self) -> Option<String> {
        match self {
            Self::UnreadableLatest { key }
            | Self::DamagedSlots { key, .. }
            | Self::WrongName { key }
            | Self::Malformed { key, .. }
            | Self::Unsealed { key, .. } => Some(key.clone()),
            Self::DamagedFrame { pack, .. } => Some(pack.key()),
            Self::Store { source: StoreError::NotFound { key }, .. }
            | Self::Store { source: StoreError::ShortRead { key, .. }, .. }
            | Self::Store { source: StoreError::TooLarge { key, .. }, .. } => Some(key.clone()),
            _ => None,
        }
    }

    /// Whether it says that stored bytes are wrong or gone, rather than out of reach.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Malformed { source: FormatError::NewerVersion { .. }, .. } => false,
            Self::WrongName { .. }
            | Self::UnreadableLatest { .. }
            | Self::DamagedSlots { .. }
            | Self::Malformed { .. }
            | Self::Unsealed { .. }
            | Self::DamagedFrame { .. }
            | Self::MissingChunk { .. }
            | Self::LostChunk { .. }
            | Self::MissingBlob { .. }
            | Self::DamagedStream { .. } => true,
            Self::Store { source, .. } => matches!(
                source,
                StoreError::NotFound { .. } | StoreError::ShortRead { .. } | StoreError::TooLarge { .. }
            ),
            _ => false,
        }
    }
}
