//! Frames before they are compressed: consecutive new chunks of one stream.

use dtrvault_codec::PlainFrame;
use dtrvault_format::{ChunkEntry, ChunkId};

/// A frame is closed when it would grow over this, bytes.
pub(super) const FRAME_BYTES: usize = 1 << 20;

/// Chunks that wait for company.
#[derive(Default)]
pub(super) struct FrameBuffer {
    frame: Frame,
}

/// Chunks, back to back.
#[derive(Default)]
pub(super) struct Frame {
    pub(super) plain: PlainFrame,
    pub(super) chunks: Vec<ChunkEntry>,
}

impl Frame {
    /// A frame of one chunk.
    pub(super) fn of(id: ChunkId, plain: PlainFrame) -> Self {
        let chunks = vec![entry(id, plain.len())];
        Self { plain, chunks }
    }
}

impl FrameBuffer {
    /// Adds a chunk. Gives back the frame that was there when the chunk has no room in it.
    pub(super) fn push(&mut self, id: ChunkId, chunk: &[u8]) -> Option<Frame> {
        let full = self.frame.plain.len() + chunk.len() > FRAME_BYTES;
        let frame = if full { self.take() } else { None };
        self.frame.plain.extend(chunk);
        self.frame.chunks.push(entry(id, chunk.len()));
        frame
    }

    /// Takes what has gathered.
    pub(super) fn take(&mut self) -> Option<Frame> {
        (!self.frame.chunks.is_empty()).then(|| std::mem::take(&mut self.frame))
    }
}

fn entry(id: ChunkId, len: usize) -> ChunkEntry {
    // Chunks are bounded by the format, far below 4 GiB.
    ChunkEntry { id, len: u32::try_from(len).unwrap_or(u32::MAX) }
}
