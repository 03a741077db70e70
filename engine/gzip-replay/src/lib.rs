//! Makes gzip streams again, bit for bit, from their content and a few bytes.
//!
//! A gzip stream is its content and the decisions of the encoder that made it. Encoders are
//! deterministic: who knows which one it was, in which version and at which level, needs to keep the
//! content alone. [`analyse`] finds the encoder, gives the content, and proves while it flows that
//! the encoder makes this very stream; [`Replayer`] makes it again.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let stream = [
//!     0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x4b, 0x4c, 0x4a, 0x4e, 0x49, 0x4d, 0x03, 0x00, 0xef, 0x39, 0x8e, 0x4b, 6, 0, 0, 0,
//! ];
//! let mut plain = Vec::new();
//! let replay = gzip_replay::analyse(&mut &stream[..], &mut |bytes: &[u8]| {
//!     plain.extend_from_slice(bytes);
//!     Ok(())
//! })?;
//! assert_eq!(plain, b"abcdef");
//!
//! let mut again = Vec::new();
//! let mut replayer = gzip_replay::Replayer::new(replay)?;
//! replayer.write(&plain, &mut again)?;
//! replayer.finish(&mut again)?;
//! assert_eq!(again, stream);
//! # Ok(())
//! # }
//! ```

mod analyse;
mod bits;
mod body;
mod candidates;
mod catalogue;
mod dynamic;
mod encoder;
mod error;
pub mod gnu;
pub mod go;
mod huffman;
mod identity;
mod inflate;
pub mod klauspost;
pub mod pigz;
mod proof;
mod replay;
mod search;
mod stored;
mod tables;
mod varint;
mod wrapper;
pub mod zlib;

pub use analyse::{Analyser, Sink, analyse};
pub use catalogue::Encoder;
pub use encoder::Deflate;
pub use error::{Error, Malformed, Refusal};
pub use replay::{Replay, Replayer};
