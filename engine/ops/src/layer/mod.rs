//! Looking into a layer: which members its tar has, and what is another in the next one.
//!
//! A layer that is stored as what it holds is listed by its headers alone, and two of them are compared by
//! the chunks that their files are made of. Any other is inflated while it is read. What is listed comes from
//! chunks that have their ids; only `check --read-data` and a restore hold a whole blob against its digest.

mod collect;
mod compare;
mod list;
mod name;
mod open;
mod record;
mod sorted;

pub use compare::{LayerSide, compare_layers};
pub use dtrvault_codec::{TarEntry, TarKind};
pub use list::{LayerOptions, list_layer};
pub use name::{BadBlobName, BlobName};
