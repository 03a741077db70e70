//! Rows of the cache: keys and values, as bytes.
//!
//! | key | value |
//! |---|---|
//! | `c` first 20 bytes of a chunk id | pack number, frame, offset in the frame, length: four numbers in LEB128 |
//! | `p` pack number, big-endian | [`PackInfo`] |
//! | `q` pack id | pack number, little-endian |
//! | `b` digest | size and recipe |
//! | `s` segment id | empty: this segment is in the cache |
//! | `m2` | repository id, then 16 random bytes: which database this is |
//!
//! The number behind `m` changes with the form of the rows: a cache of another form is built
//! anew.
//!
//! Chunks are nearly all of the rows, so theirs are short. 160 bits of an id are enough: ids
//! are keyed hashes, and that two of 2^40 chunks begin alike in 160 bits has a chance of 2^-81.
//! To look for such a pair takes the repository's key and 2^80 trials.

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
    /// Appends its row to `out`.
    pub(super) fn encode(self, out: &mut Vec<u8>) {
        for mut field in [self.pack.0, self.frame, self.offset, self.len] {
            while field >= 0x80 {
                out.push((field & 0x7F) as u8 | 0x80);
                field >>= 7;
            }
            out.push(field as u8);
        }
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut bytes = bytes.iter();
        let mut field = || {
            let mut value = 0_u64;
            for shift in [0, 7, 14, 21, 28] {
                let byte = *bytes.next()?;
                value |= u64::from(byte & 0x7F) << shift;
                if byte & 0x80 == 0 {
                    return u32::try_from(value).ok();
                }
            }
            None
        };
        let location = Self { pack: PackNo(field()?), frame: field()?, offset: field()?, len: field()? };
        bytes.next().is_none().then_some(location)
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

pub(super) const META_KEY: &[u8] = b"m2";
pub(super) const CHUNK: u8 = b'c';
pub(super) const PACK: u8 = b'p';
/// The part of a chunk's id that makes its key.
pub(crate) type ShortId = [u8; 20];
pub(super) const BLOB: u8 = b'b';
pub(super) const SEGMENT: u8 = b's';

fn key(kind: u8, id: &[u8; 32]) -> [u8; 33] {
    let mut key = [kind; 33];
    if let Some(rest) = key.get_mut(1..) {
        rest.copy_from_slice(id);
    }
    key
}

/// The part of a chunk's id that makes its key.
pub(crate) fn short_id(id: &ChunkId) -> ShortId {
    id.as_bytes().first_chunk().copied().unwrap_or_default()
}

pub(super) fn chunk_key(id: &ShortId) -> [u8; 1 + size_of::<ShortId>()] {
    let mut key = [CHUNK; 1 + size_of::<ShortId>()];
    if let Some(rest) = key.get_mut(1..) {
        rest.copy_from_slice(id);
    }
    key
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
        for location in [
            Location { pack: PackNo(1), frame: 127, offset: 128, len: 4 },
            Location { pack: PackNo(u32::MAX), frame: u32::MAX, offset: u32::MAX, len: u32::MAX },
            Location { pack: PackNo(0), frame: 0, offset: 1 << 20, len: 16 << 10 },
        ] {
            let mut bytes = Vec::new();
            location.encode(&mut bytes);
            assert_eq!(Location::from_bytes(&bytes), Some(location));
            assert_eq!(Location::from_bytes(&bytes[..bytes.len() - 1]), None);
            bytes.push(0);
            assert_eq!(Location::from_bytes(&bytes), None);
        }
        assert_eq!(Location::from_bytes(&[0xFF; 20]), None);
        assert_eq!(Location::from_bytes(&[0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 0, 0, 0]), None);
    }
}
