//! Packs: sealed frames, then a sealed directory that says which chunks stand where.
//!
//! ```text
//! 0            8   magic
//! 8           32   salt             }
//! 40          32   HPKE enc         } PackHeader
//! 72          48   wrapped pack key }
//! 120              frame 0, frame 1, …   each ciphertext and 16 bytes of tag, back to back
//! size-20-D    D   directory, sealed, with its padding
//! size-20     20   trailer: D as u32, sealed
//! ```
//! Nothing outside the sealed bytes says how many frames or chunks there are.

use minicbor::bytes::ByteArray;
use minicbor::{Decode, Decoder, Encode, decode};

use crate::FormatError;
use crate::cbor::{Object, at_most};
use crate::ids::{ChunkId, Digest};
use crate::limits::{
    MAX_CHUNK_BYTES, MAX_CHUNKS_PER_PACK, MAX_FRAME_BYTES, MAX_FRAME_OVERHEAD_BYTES, MAX_FRAMES_PER_PACK,
};
use crate::recipe::Recipe;

/// First bytes of every pack.
pub const MAGIC: [u8; 8] = *b"DTRVPCK1";
/// Length of magic and header, bytes: where the first frame begins.
pub const HEADER_BYTES: usize = 120;
/// Length of the sealed trailer, bytes.
pub const TRAILER_BYTES: usize = 20;
/// What sealing adds to a frame, a directory or anything else (RFC 8439), bytes.
pub const TAG_BYTES: usize = 16;

/// The plain start of a pack: what a holder of the right key needs to open the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct PackHeader {
    /// Random; makes the directory's key this pack's own.
    #[n(0)]
    pub salt: ByteArray<32>,
    /// HPKE encapsulated key.
    #[n(1)]
    pub enc: ByteArray<32>,
    /// The pack key, sealed to the repository's public key.
    #[n(2)]
    pub wrapped: ByteArray<48>,
}

impl PackHeader {
    /// Magic and fields, as they stand at the start of the pack.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        let parts: [&[u8]; 4] = [&MAGIC, &*self.salt, &*self.enc, &*self.wrapped];
        for (to, from) in bytes.iter_mut().zip(parts.concat()) {
            *to = from;
        }
        bytes
    }

    /// Reads the first [`HEADER_BYTES`] of a pack.
    ///
    /// # Errors
    /// [`FormatError`] for bytes that are too few, or no pack's.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FormatError> {
        const WHAT: &str = "pack";
        let short = FormatError::Invalid { what: WHAT, detail: "shorter than its header" };
        let Some((magic, rest)) = bytes.split_first_chunk::<8>() else {
            return Err(short);
        };
        if *magic != MAGIC {
            return Err(FormatError::BadMagic { what: WHAT });
        }
        let fields = rest.split_first_chunk::<32>().and_then(|(salt, rest)| {
            let (enc, rest) = rest.split_first_chunk::<32>()?;
            let (wrapped, _) = rest.split_first_chunk::<48>()?;
            Some(Self { salt: (*salt).into(), enc: (*enc).into(), wrapped: (*wrapped).into() })
        });
        fields.ok_or(short)
    }
}

/// One chunk within a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, serde::Serialize)]
pub struct ChunkEntry {
    /// Which chunk.
    #[n(0)]
    pub id: ChunkId,
    /// Length of its plain bytes.
    #[n(1)]
    pub len: u32,
}

/// One frame within a pack. Its number, which is its nonce, is its place in the list; its
/// offset is the header and the lengths of the frames before it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
pub struct FrameEntry {
    /// Length in the pack, tag included.
    #[n(0)]
    pub stored_len: u32,
    /// The chunks, in the order in which they stand in the frame.
    #[cbor(n(1), decode_with = "chunks_of_a_frame")]
    pub chunks: Vec<ChunkEntry>,
}

/// Shortest encoding of a chunk: an array's head, an id and its head, a length.
const MIN_CHUNK_ENTRY_BYTES: usize = 1 + 2 + ChunkId::LEN + 1;

/// The chunks of a frame, held against their limits before memory is taken: without that, three
/// bytes that say "a frame of no chunks" would take ten times their length.
fn chunks_of_a_frame<'b, C>(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Vec<ChunkEntry>, decode::Error> {
    let at = d.position();
    let count = d.array()?.and_then(|count| usize::try_from(count).ok()).unwrap_or(usize::MAX);
    let room = d.input().len().saturating_sub(d.position()) / MIN_CHUNK_ENTRY_BYTES;
    if count == 0 || count > MAX_CHUNKS_PER_PACK || count > room {
        return Err(decode::Error::message("a frame with an impossible number of chunks").at(at));
    }
    let mut chunks = Vec::with_capacity(count);
    for _ in 0..count {
        chunks.push(d.decode_with(ctx)?);
    }
    Ok(chunks)
}

impl FrameEntry {
    /// Length of the plain bytes: the sum of the chunks'.
    #[must_use]
    pub fn plain_len(&self) -> u64 {
        self.chunks.iter().map(|chunk| u64::from(chunk.len)).sum()
    }
}

/// How a blob can be made. Stands in packs and in index segments.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
pub struct BlobRecord {
    /// SHA-256 of the blob.
    #[n(0)]
    pub digest: Digest,
    /// Length of the blob, bytes.
    #[n(1)]
    pub size: u64,
    /// What gives back its bytes.
    #[n(2)]
    pub recipe: Recipe,
}

/// The directory of a pack.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode, serde::Serialize)]
#[cbor(map)]
pub struct Directory {
    /// The pack's frames, in order.
    #[n(0)]
    pub frames: Vec<FrameEntry>,
    /// Recipes that were finished while the pack was filled. The chunks they need stand in
    /// this pack or in others, before or after it.
    #[n(1)]
    pub blobs: Vec<BlobRecord>,
}

impl Object for Directory {
    const WHAT: &'static str = "pack directory";

    fn validate(&self) -> Result<(), FormatError> {
        validate_frames(Self::WHAT, &self.frames)?;
        self.blobs.iter().try_for_each(|blob| blob.recipe.validate())
    }
}

/// Bounds of the frames of one pack, in a directory or a segment.
pub(crate) fn validate_frames(what: &'static str, frames: &[FrameEntry]) -> Result<(), FormatError> {
    at_most(what, "frames", frames.len(), MAX_FRAMES_PER_PACK)?;
    at_most(what, "chunks", frames.iter().map(|f| f.chunks.len()).sum(), MAX_CHUNKS_PER_PACK)?;
    for frame in frames {
        let plain = frame.plain_len();
        if frame.chunks.is_empty() || frame.chunks.iter().any(|c| c.len == 0 || c.len > MAX_CHUNK_BYTES) {
            return Err(FormatError::Invalid {
                what,
                detail: "empty frame, or a chunk of impossible length",
            });
        }
        let over = |field, value, limit: u32| FormatError::Limit { what, field, value, limit: limit.into() };
        if plain > u64::from(MAX_FRAME_BYTES) {
            return Err(over("frame's plain length", plain, MAX_FRAME_BYTES));
        }
        let stored_limit = MAX_FRAME_BYTES + MAX_FRAME_OVERHEAD_BYTES;
        if frame.stored_len > stored_limit {
            return Err(over("frame's stored length", frame.stored_len.into(), stored_limit));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::cbor;

    fn frames(count: usize, frame: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0xa2, 0x00, 0x9a];
        bytes.extend(u32::try_from(count).unwrap().to_be_bytes());
        bytes.extend(frame.repeat(count));
        bytes.extend([0x01, 0x80]);
        bytes
    }

    #[test]
    fn a_frame_of_no_chunks_is_refused_where_it_stands() {
        let bytes = frames(1_000_000, &[0x82, 0x00, 0x80]);
        let refused = cbor::decode::<Directory>(&bytes, "pack directory").unwrap_err();
        assert!(
            matches!(&refused, FormatError::Cbor { source, .. } if source.position() == Some(9)),
            "{refused:?}"
        );
    }

    #[test]
    fn counts_that_the_bytes_cannot_hold_take_no_memory() {
        for head in
            [&[0x9a, 0xff, 0xff, 0xff, 0xff][..], &[0x9b, 0x80, 0, 0, 0, 0, 0, 0, 0], &[0x9f], &[0x82]]
        {
            let frame = [&[0x82, 0x00], head, &[0x82, 0x58, 0x20], &[7; 32], &[0x01]].concat();
            assert!(cbor::decode::<Directory>(&frames(1, &frame), "pack directory").is_err(), "{head:?}");
        }
    }
}
