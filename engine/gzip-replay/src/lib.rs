//! Makes gzip streams again, bit for bit, from their content and a few bytes.

mod bits;
mod encoder;

pub use encoder::Deflate;
