//! What became of the gzip blobs that a snapshot has read.

use minicbor::{Decode, Encode};

use crate::FormatError;
use crate::cbor::at_most;
use crate::limits::{MAX_LAYER_KIND_BYTES, MAX_LAYER_KINDS};

const WHAT: &str = "snapshot";

/// The blobs that were read to be stored as their content.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode, serde::Serialize)]
#[cbor(map)]
pub struct LayersPart {
    /// Those that were, by what made them; sorted by that, each once.
    #[n(0)]
    pub deep: Vec<DeepLayers>,
    /// Those that are kept as they are, by why; sorted by that, each once.
    #[n(1)]
    pub opaque: Vec<OpaqueLayers>,
}

/// Gzip blobs of one encoder that are stored as their content.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
#[cbor(map)]
pub struct DeepLayers {
    /// Name of the encoder.
    #[n(0)]
    pub encoder: String,
    /// How many.
    #[n(1)]
    pub blobs: u64,
    /// Their lengths added up.
    #[n(2)]
    pub blob_bytes: u64,
    /// Lengths of their content added up.
    #[n(3)]
    pub content_bytes: u64,
}

/// Blobs that are stored as they are for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
#[cbor(map)]
pub struct OpaqueLayers {
    /// Why, for people.
    #[n(0)]
    pub reason: String,
    /// How many.
    #[n(1)]
    pub blobs: u64,
    /// Their lengths added up.
    #[n(2)]
    pub blob_bytes: u64,
}

impl LayersPart {
    pub(super) fn validate(&self) -> Result<(), FormatError> {
        sorted_kinds("encoders", self.deep.iter().map(|deep| &*deep.encoder))?;
        sorted_kinds("reasons", self.opaque.iter().map(|opaque| &*opaque.reason))
    }
}

fn sorted_kinds<'a>(
    field: &'static str,
    kinds: impl ExactSizeIterator<Item = &'a str> + Clone,
) -> Result<(), FormatError> {
    at_most(WHAT, field, kinds.len(), MAX_LAYER_KINDS)?;
    for kind in kinds.clone() {
        at_most(WHAT, field, kind.len(), MAX_LAYER_KIND_BYTES)?;
    }
    if kinds.is_sorted_by(|a, b| a < b) {
        return Ok(());
    }
    Err(FormatError::Invalid { what: WHAT, detail: "kinds of layers not sorted" })
}
