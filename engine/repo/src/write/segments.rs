//! Index segments: what a session has added, written down once it is durable.

use dtrvault_crypto::SharedKind;
use dtrvault_format::cbor::Object;
use dtrvault_format::{BlobRecord, Segment, SegmentId, SegmentPack};

use crate::error::Result;
use crate::repository::Repository;

/// Chunks in one segment at most, which keeps it far below its limit.
const SEGMENT_CHUNKS: usize = 400_000;

impl Repository {
    /// Writes packs and blobs into as few segments as the limits allow, blobs with the last,
    /// and takes them into the cache. Gives the bytes written.
    pub(crate) fn write_segments(&self, packs: Vec<SegmentPack>, blobs: &[BlobRecord]) -> Result<u64> {
        let mut groups = vec![Segment::default()];
        let mut chunks = 0;
        for pack in packs {
            let more: usize = pack.frames.iter().map(|frame| frame.chunks.len()).sum();
            if chunks > 0 && chunks + more > SEGMENT_CHUNKS {
                groups.push(Segment::default());
                chunks = 0;
            }
            chunks += more;
            if let Some(last) = groups.last_mut() {
                last.packs.push(pack);
            }
        }
        // A limit of its own: recipes are larger than chunks.
        for (number, part) in blobs.chunks(SEGMENT_CHUNKS / 4).enumerate() {
            match groups.last_mut() {
                Some(last) if number == 0 => last.blobs.extend_from_slice(part),
                _ => groups.push(Segment { packs: Vec::new(), blobs: part.to_vec() }),
            }
        }
        let mut written = 0;
        let mut segments: Vec<(SegmentId, Segment)> = Vec::new();
        for segment in groups {
            segment.validate()?;
            let sealed = self.ring().seal_shared(SharedKind::Segment, &segment.to_bytes())?;
            written += sealed.len() as u64;
            segments.push((self.backend().create_named(sealed)?, segment));
        }
        segments.reverse();
        self.index().add(|| Ok(segments.pop()))?;
        Ok(written)
    }
}
