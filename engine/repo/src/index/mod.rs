//! The index: which chunk stands where, and how each blob is made.
//!
//! The truth is the union of the segments in `index/`. What stands here is a cache of it in
//! RocksDB, in a folder of this machine, that may be lost at any time. Why it is opened as it
//! is: `docs/decisions/0001-index-cache.md`.

mod apply;
mod cache;
mod pack_set;
mod rows;
mod run;
mod sync;
mod tuning;

pub use cache::IndexCache;
pub use pack_set::PackSet;
pub use rows::{FrameSpan, Location, PackInfo, PackNo};
pub(crate) use rows::{ShortId, short_id};
pub(crate) use sync::{read_segment, sync};
