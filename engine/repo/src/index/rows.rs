//! Rows of the cache: keys and values, as bytes.
//!
//! | key | value |
//! |---|---|
//! | `c` chunk id | pack number, frame, offset in the frame, length: four `u32`, little-endian |
//! | `p` pack number, big-endian | [`PackInfo`] |
//! | `q` pack id | pack number, little-endian |
//! | `b` digest | size and recipe |
//! | `s` segment id | empty: this segment is in the cache |
//! | `m` | repository id, then 16 random bytes: which database this is |

use dtrvault_format::pack::HEADER_BYTES;
use dtrvault_format::{ChunkId, Digest, PackHeader, PackId, Recipe, SegmentId, SegmentPack};
use minicbor::{Decode, Encode};

/// Number of a pack within one cache; means nothing outside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackNo(pub u32);

/// Where a chunk stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Location {
    /// Its pack.
    pub pack: PackNo,
    /// Number of its frame in the pack.
    pub frame: u32,
    /// Where it begins in the frame's plain bytes.
    pub offset: u32,
    /// Its length, bytes.
    pub len: u32,
}

/// One frame of a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct FrameSpan {
    /// Where it begins in the pack.
    #[n(0)]
    pub offset: u64,
    /// Length in the pack, bytes.
    #[n(1)]
    pub stored_len: u32,
    /// Length of its plain bytes.
    #[n(2)]
    pub plain_len: u32,
}

/// What is needed to read frames of a pack.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PackInfo {
    /// Name of the pack.
    #[n(0)]
    pub id: PackId,
    /// Length of the object, bytes.
    #[n(1)]
    pub size: u64,
    /// The pack's header.
    #[n(2)]
    pub header: PackHeader,
    /// Its frames.
    #[n(3)]
    pub frames: Vec<FrameSpan>,
}

/// Value of a blob's row.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(super) struct BlobRow {
    #[n(0)]
    pub(super) size: u64,
    #[n(1)]
    pub(super) recipe: Recipe,
}

impl PackInfo {
    pub(super) fn of(pack: &SegmentPack) -> Self {
        let mut offset = HEADER_BYTES as u64;
        let frames = pack
            .frames
            .iter()
            .map(|frame| {
                let span = FrameSpan {
                    offset,
                    stored_len: frame.stored_len,
                    // Bounded by the format's limit on frames.
                    plain_len: u32::try_from(frame.plain_len()).unwrap_or(u32::MAX),
                };
                offset += u64::from(frame.stored_len);
                span
            })
            .collect();
        Self { id: pack.id, size: pack.size, header: pack.header, frames }
    }
}

impl Location {
    pub(super) fn to_bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        let fields = [self.pack.0, self.frame, self.offset, self.len];
        for (to, field) in bytes.chunks_exact_mut(4).zip(fields) {
            to.copy_from_slice(&field.to_le_bytes());
        }
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut fields = bytes.chunks_exact(4).map(|field| field.try_into().map(u32::from_le_bytes).ok());
        let location = Self {
            pack: PackNo(fields.next()??),
            frame: fields.next()??,
            offset: fields.next()??,
            len: fields.next()??,
        };
        (bytes.len() == 16).then_some(location)
    }
}

/// A value as bytes.
pub(super) fn encoded<T: Encode<()>>(value: &T) -> Vec<u8> {
    dtrvault_format::cbor::encode(value)
}

/// A blob's row; `None` for bytes that are none.
pub(super) fn blob_row(bytes: &[u8]) -> Option<BlobRow> {
    minicbor::decode(bytes).ok()
}

pub(super) const META_KEY: &[u8] = b"m";
pub(super) const CHUNK: u8 = b'c';
pub(super) const PACK: u8 = b'p';
pub(super) const BLOB: u8 = b'b';
pub(super) const SEGMENT: u8 = b's';

fn key(kind: u8, id: &[u8; 32]) -> [u8; 33] {
    let mut key = [kind; 33];
    if let Some(rest) = key.get_mut(1..) {
        rest.copy_from_slice(id);
    }
    key
}

pub(super) fn chunk_key(id: &ChunkId) -> [u8; 33] {
    key(CHUNK, id.as_bytes())
}

pub(super) fn blob_key(digest: &Digest) -> [u8; 33] {
    key(BLOB, digest.as_bytes())
}

pub(super) fn segment_key(id: &SegmentId) -> [u8; 33] {
    key(SEGMENT, id.as_bytes())
}

pub(super) fn pack_id_key(id: &PackId) -> [u8; 33] {
    key(b'q', id.as_bytes())
}

pub(super) fn pack_key(pack: PackNo) -> [u8; 5] {
    let [a, b, c, d] = pack.0.to_be_bytes();
    [PACK, a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_go_both_ways() {
        let location = Location { pack: PackNo(1), frame: 2, offset: u32::MAX, len: 4 };
        assert_eq!(Location::from_bytes(&location.to_bytes()), Some(location));
        assert_eq!(Location::from_bytes(&[0; 15]), None);
        assert_eq!(Location::from_bytes(&[0; 20]), None);
    }
}
