//! Frames before they are compressed: consecutive new chunks of one stream.
//!
//! Streams are written side by side. So that what belongs together is read with one request, frames
//! go into packs a run at a time.

use dtrvault_codec::PlainFrame;
use dtrvault_format::{ChunkEntry, ChunkId};

/// Runs in a full pack.
const RUNS_PER_PACK: usize = 16;

/// Chunks that wait for company, and frames that do.
pub(super) struct FrameBuffer {
    frame: Frame,
    /// The frame is closed when it would grow over this, bytes.
    frame_bytes: usize,
    run: Vec<Frame>,
    /// Plain bytes of the run,
    run_bytes: usize,
    /// which is closed when it has grown to this.
    full_bytes: usize,
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
    /// For packs of `pack_bytes`, with frames of `frame_bytes`.
    pub(super) fn new(pack_bytes: usize, frame_bytes: usize) -> Self {
        let full_bytes = pack_bytes / RUNS_PER_PACK;
        Self { frame: Frame::default(), frame_bytes, run: Vec::new(), run_bytes: 0, full_bytes }
    }

    /// Adds a chunk. Gives back a run when one is closed by that.
    pub(super) fn push(&mut self, id: ChunkId, chunk: &[u8]) -> Option<Vec<Frame>> {
        let full = self.frame.plain.len() + chunk.len() > self.frame_bytes;
        let frame = if full { self.take_frame() } else { None };
        self.frame.plain.extend(chunk);
        self.frame.chunks.push(entry(id, chunk.len()));
        frame.and_then(|frame| self.push_frame(frame))
    }

    /// Adds a frame. Gives back a run when one is closed by that.
    pub(super) fn push_frame(&mut self, frame: Frame) -> Option<Vec<Frame>> {
        self.run_bytes += frame.plain.len();
        self.run.push(frame);
        (self.run_bytes >= self.full_bytes).then(|| self.take_run())
    }

    /// Takes all that has gathered.
    pub(super) fn take(&mut self) -> Vec<Frame> {
        let mut run = self.take_run();
        run.extend(self.take_frame());
        run
    }

    fn take_run(&mut self) -> Vec<Frame> {
        self.run_bytes = 0;
        std::mem::take(&mut self.run)
    }

    fn take_frame(&mut self) -> Option<Frame> {
        (!self.frame.chunks.is_empty()).then(|| std::mem::take(&mut self.frame))
    }
}

fn entry(id: ChunkId, len: usize) -> ChunkEntry {
    // Chunks are bounded by the format, far below 4 GiB.
    ChunkEntry { id, len: u32::try_from(len).unwrap_or(u32::MAX) }
}
