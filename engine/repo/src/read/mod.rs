//! The way out: chunks by their ids, streams by their references, each byte held against
//! its name.

mod cache;
mod chunks;
mod stream;
mod verify;

pub use chunks::Reader;
pub use stream::StreamReader;
