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

/// How a stream is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// 16 KiB on average: what compresses and repeats.
    Fine,
    /// 1 MiB on average: opaque blobs.
    Coarse,
}
