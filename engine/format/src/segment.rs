//! Index segments: what one writer added. The index is the union of all of them.

use minicbor::{Decode, Encode};

use crate::FormatError;
use crate::cbor::Object;
use crate::ids::PackId;
use crate::limits::MAX_PACK_BYTES;
use crate::pack::{BlobRecord, FrameEntry, PackHeader, validate_frames};

/// A pack with all that is needed to read from it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
#[cbor(map)]
pub struct SegmentPack {
    /// Name of the pack.
    #[n(0)]
    pub id: PackId,
    /// Length of the object, bytes.
    #[n(1)]
    pub size: u64,
    /// Copy of the pack's header, so that a frame can be read with one request.
    #[n(2)]
    #[serde(skip)]
    pub header: PackHeader,
    /// Copy of the pack's frames.
    #[n(3)]
    pub frames: Vec<FrameEntry>,
}

/// An index segment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode, serde::Serialize)]
#[cbor(map)]
pub struct Segment {
    /// Packs that are durable, with their directories.
    #[n(0)]
    pub packs: Vec<SegmentPack>,
    /// Blobs whose chunks all stand in packs of this segment or of earlier ones.
    #[n(1)]
    pub blobs: Vec<BlobRecord>,
}

impl Object for Segment {
    const WHAT: &'static str = "index segment";

    fn validate(&self) -> Result<(), FormatError> {
        for pack in &self.packs {
            if pack.size > MAX_PACK_BYTES {
                return Err(FormatError::Limit {
                    what: Self::WHAT,
                    field: "pack size",
                    value: pack.size,
                    limit: MAX_PACK_BYTES,
                });
            }
            validate_frames(Self::WHAT, &pack.frames)?;
        }
        self.blobs.iter().try_for_each(|blob| blob.recipe.validate())
    }
}
