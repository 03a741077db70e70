//! Frames before they are compressed: consecutive new chunks of one stream.

use dtrvault_format::{ChunkEntry, ChunkId};

/// A frame is closed when it would grow over this, bytes.
pub(super) const FRAME_BYTES: usize = 1 << 20;

/// Chunks that wait for company.
#[derive(Default)]
pub(super) struct FrameBuffer {
    plain: Vec<u8>,
    chunks: Vec<ChunkEntry>,
}

/// A frame that is full enough.
pub(super) struct PlainFrame {
    pub(super) plain: Vec<u8>,
    pub(super) chunks: Vec<ChunkEntry>,
}

impl FrameBuffer {
    /// Adds a chunk. Gives back the frame that was there when the chunk has no room in it.
    pub(super) fn push(&mut self, id: ChunkId, chunk: &[u8]) -> Option<PlainFrame> {
        let full = self.plain.len() + chunk.len() > FRAME_BYTES;
        let frame = if full { self.take() } else { None };
        self.plain.extend_from_slice(chunk);
        // Chunks are bounded by the format, far below 4 GiB.
        let len = u32::try_from(chunk.len()).unwrap_or(u32::MAX);
        self.chunks.push(ChunkEntry { id, len });
        frame
    }

    /// Takes what has gathered.
    pub(super) fn take(&mut self) -> Option<PlainFrame> {
        (!self.chunks.is_empty()).then(|| PlainFrame {
            plain: std::mem::take(&mut self.plain),
            chunks: std::mem::take(&mut self.chunks),
        })
    }
}
