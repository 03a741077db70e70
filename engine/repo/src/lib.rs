//! A repository: packs, index, snapshots, keys and leases, and the order in which they are
//! written.
//!
//! Data flows one way. What is new goes through [`write::Session`]: streams are cut into
//! chunks, unknown chunks gather in frames, frames in packs, packs are uploaded, index
//! segments name them, a snapshot needs them. What is there comes back through
//! [`read::Reader`], which holds every byte against its name.
//!
//! Order of writes (`format-spec/ordering.md`): a pack is durable before a segment names it,
//! segments before the snapshot that needs them, and a snapshot is one put-if-absent.

mod backend;
mod clock;
mod error;
pub mod index;
pub mod keys;
mod lease;
pub mod packs;
pub mod read;
mod rebuild;
mod repository;
pub mod rows;
mod snapshots;
pub mod write;

pub use backend::Backend;
pub use clock::{Clock, SystemClock};
pub use error::{RepoError, Result};
pub use lease::LeaseTimes;
pub use rebuild::Rebuilt;
pub use repository::{CreateOptions, Created, OpenOptions, Repository};
pub use snapshots::Snapshots;
