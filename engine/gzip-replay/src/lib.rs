//! Makes gzip streams again, bit for bit, from their content and a few bytes.

mod bits;
mod dynamic;
mod encoder;
pub mod go;
mod huffman;
mod tables;

pub use encoder::Deflate;
