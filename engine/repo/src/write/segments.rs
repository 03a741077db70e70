//! Index segments: what a session has added, written down once it is durable.

use dtrvault_crypto::SharedKind;
use dtrvault_format::cbor::Object;
use dtrvault_format::{BlobRecord, Segment, SegmentId, SegmentPack};

use crate::error::Result;
use crate::repository::Repository;

/// Chunks in one segment at most, which keeps it far below its limit.
const SEGMENT_CHUNKS: usize = 400_000;

/// Packs and blobs in as few segments as the limits allow, blobs with the last.
pub(super) fn segments_of(packs: Vec<SegmentPack>, blobs: &[BlobRecord]) -> Vec<Segment> {
    let mut segments = vec![Segment::default()];
    let mut chunks = 0;
    for pack in packs {
        let more: usize = pack.frames.iter().map(|frame| frame.chunks.len()).sum();
        if chunks > 0 && chunks + more > SEGMENT_CHUNKS {
            segments.push(Segment::default());
            chunks = 0;
        }
        chunks += more;
        if let Some(last) = segments.last_mut() {
            last.packs.push(pack);
        }
    }
    // A limit of its own: recipes are larger than chunks.
    for (number, part) in blobs.chunks(SEGMENT_CHUNKS / 4).enumerate() {
        match segments.last_mut() {
            Some(last) if number == 0 => last.blobs.extend_from_slice(part),
            _ => segments.push(Segment { packs: Vec::new(), blobs: part.to_vec() }),
        }
    }
    segments
}

impl Repository {
    /// Writes packs and blobs into segments, and takes them into the cache.
    pub(crate) fn write_segments(&self, packs: Vec<SegmentPack>, blobs: &[BlobRecord]) -> Result<()> {
        let mut written = Vec::new();
        for segment in segments_of(packs, blobs) {
            written.push((self.put_segment(&segment)?.0, segment));
        }
        self.cache_segments(written)
    }

    /// Makes a segment durable. Gives its id and its length, bytes.
    pub(super) fn put_segment(&self, segment: &Segment) -> Result<(SegmentId, u64)> {
        segment.validate()?;
        let sealed = self.ring().seal_shared(SharedKind::Segment, &segment.to_bytes())?;
        let size = sealed.len() as u64;
        Ok((self.backend().create_named(sealed)?, size))
    }

    /// Takes durable segments into the cache.
    pub(super) fn cache_segments(&self, mut written: Vec<(SegmentId, Segment)>) -> Result<()> {
        if written.is_empty() {
            return Ok(());
        }
        written.reverse();
        self.index().add(|| Ok(written.pop()))
    }
}
