//! The way out: chunks by their ids, streams by their references, each byte held against
//! its name.

mod cache;
mod chunks;
mod claim;
mod gathered;
mod lost;
mod need;
mod recipes;
mod shares;
mod sparse;
mod stream;
mod verify;

pub use chunks::{Proof, Reader};
pub use lost::{Lost, LostPart};
pub use recipes::Recipes;
pub use shares::Shares;
pub use sparse::SparseReader;
pub use stream::StreamReader;
