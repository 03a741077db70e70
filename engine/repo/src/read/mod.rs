//! The way out: chunks by their ids, streams by their references, each byte held against
//! its name.

mod cache;
mod chunks;
mod lost;
mod needs;
mod recipes;
mod sparse;
mod stream;
mod verify;

pub use chunks::{Proof, Reader};
pub use lost::{Lost, LostPart};
pub use recipes::Recipes;
pub use sparse::SparseReader;
pub use stream::StreamReader;
