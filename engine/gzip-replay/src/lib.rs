//! Makes gzip streams again, bit for bit, from their content and a few bytes.

mod bits;
mod encoder;
pub mod gnu;
pub mod pigz;
pub mod zlib;

pub use encoder::Deflate;
