//! What can go wrong when vectors are made.

use std::io;
use std::path::PathBuf;

use dtrvault_codec::CodecError;
use dtrvault_format::FormatError;

/// A result of this crate.
pub type Result<T> = std::result::Result<T, SpecError>;

/// A vector that could not be made or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// The format refuses what a vector is made of.
    #[error("the format refuses a vector")]
    Format(#[from] FormatError),
    /// Sealing or opening failed.
    #[error("a vector could not be sealed or opened")]
    Crypto(#[from] dtrvault_crypto::Error),
    /// A transform failed.
    #[error("a vector could not be encoded")]
    Codec(#[from] CodecError),
    /// A value has no JSON.
    #[error("a vector has no JSON")]
    Json(#[from] serde_json::Error),
    /// What the code does is not what the documents say.
    #[error("the code departs from the documents: {detail}")]
    Departs {
        /// Where.
        detail: &'static str,
    },
    /// A file could not be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Refuses code that departs from the documents.
pub(crate) fn holds(holds: bool, detail: &'static str) -> Result<()> {
    if holds { Ok(()) } else { Err(SpecError::Departs { detail }) }
}
