//! The way in: streams, chunks, frames, packs, index segments, and at last a snapshot.

mod adopt;
mod frames;
mod jobs;
mod memory;
mod pack;
mod segments;
mod session;
mod shared;
mod stream;
mod unnamed;

pub use adopt::Adopted;
pub use session::{Counters, Session};
pub use stream::{ListLog, StreamWriter};

/// How a stream is cut and compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Chunks of 16 KiB on average: what compresses and repeats.
    Fine,
    /// The same chunks in longer frames, compressed harder: what layers hold. Few bytes of it are new, and
    /// its encoders take most of the time in any case.
    Layer,
    /// Chunks of 1 MiB on average: opaque blobs.
    Coarse,
}

impl Class {
    /// A frame is closed when it would grow over this, bytes.
    fn frame_bytes(self) -> usize {
        match self {
            Self::Fine | Self::Coarse => 1 << 20,
            Self::Layer => 4 << 20,
        }
    }
}
