//! The `config` object: what every reader must know before it has a key.

use minicbor::{Decode, Encode};

use crate::FormatError;
use crate::cbor::{Object, known_version};
use crate::ids::RepoId;
use crate::limits::{
    FORMAT_VERSION, MAX_AVG_CHUNK_BYTES, MAX_CHUNK_BYTES, MAX_MIN_CHUNK_BYTES, MIN_AVG_CHUNK_BYTES,
    MIN_CHUNK_BYTES,
};

/// First field of the config, so that a person who finds the file knows what it is of.
pub const MAGIC: &str = "dtrvault repository";

/// Plain, created once by put-if-absent. Key slots hold its BLAKE3, so that a config which
/// somebody changed is noticed as soon as a slot is opened.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
#[cbor(map)]
pub struct Config {
    /// [`MAGIC`].
    #[n(0)]
    pub magic: String,
    /// Version of the format.
    #[n(1)]
    pub version: u32,
    /// Which repository this is.
    #[n(2)]
    pub id: RepoId,
    /// How streams are cut.
    #[n(3)]
    pub chunker: ChunkerParams,
}

/// The two classes of content-defined chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, serde::Serialize)]
#[cbor(map)]
pub struct ChunkerParams {
    /// For what compresses and repeats: metadata, trees, lists, contents of layers.
    #[n(0)]
    pub fine: ChunkSizes,
    /// For opaque blobs.
    #[n(1)]
    pub coarse: ChunkSizes,
    /// FastCDC's normalization level, 0 to 3.
    #[n(2)]
    pub normalization: u8,
}

/// Sizes of one class of chunks, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, serde::Serialize)]
#[cbor(map)]
pub struct ChunkSizes {
    /// No chunk but a stream's last is shorter.
    #[n(0)]
    pub min: u32,
    /// What the lengths aim at.
    #[n(1)]
    pub avg: u32,
    /// No chunk is longer.
    #[n(2)]
    pub max: u32,
}

impl Default for ChunkerParams {
    fn default() -> Self {
        const KIB: u32 = 1024;
        Self {
            fine: ChunkSizes { min: 4 * KIB, avg: 16 * KIB, max: 64 * KIB },
            coarse: ChunkSizes { min: 512 * KIB, avg: 1024 * KIB, max: 2048 * KIB },
            normalization: 1,
        }
    }
}

impl Config {
    /// The config of a new repository.
    #[must_use]
    pub fn new(id: RepoId, chunker: ChunkerParams) -> Self {
        Self { magic: MAGIC.to_owned(), version: FORMAT_VERSION, id, chunker }
    }
}

impl Object for Config {
    const WHAT: &'static str = "config";
    const VERSION_KEY: Option<u32> = Some(1);

    fn validate(&self) -> Result<(), FormatError> {
        if self.magic != MAGIC {
            return Err(FormatError::BadMagic { what: Self::WHAT });
        }
        known_version(Self::WHAT, self.version)?;
        if self.chunker.normalization > 3 {
            return Err(FormatError::Limit {
                what: Self::WHAT,
                field: "normalization",
                value: u64::from(self.chunker.normalization),
                limit: 3,
            });
        }
        for sizes in [self.chunker.fine, self.chunker.coarse] {
            let ordered = (MIN_CHUNK_BYTES..=MAX_MIN_CHUNK_BYTES).contains(&sizes.min)
                && sizes.min < sizes.avg
                && (MIN_AVG_CHUNK_BYTES..=MAX_AVG_CHUNK_BYTES).contains(&sizes.avg)
                && sizes.avg.is_power_of_two()
                && sizes.avg < sizes.max
                && sizes.max <= MAX_CHUNK_BYTES;
            let even = sizes.min.is_multiple_of(2) && sizes.max.is_multiple_of(2);
            if !ordered || !even {
                return Err(FormatError::Invalid { what: Self::WHAT, detail: "impossible chunk sizes" });
            }
        }
        Ok(())
    }
}
