//! Makes gzip streams again, bit for bit, from their content and a few bytes.

mod bits;
mod dynamic;
mod encoder;
mod huffman;
mod tables;

pub use encoder::Deflate;
