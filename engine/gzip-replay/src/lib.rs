//! Makes gzip streams again, bit for bit, from their content and a few bytes.

#[allow(dead_code)]
mod bits;
mod encoder;
pub mod klauspost;

pub use encoder::Deflate;
