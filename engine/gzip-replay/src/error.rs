//! Why a stream cannot be made again.

use std::io;

use crate::catalogue::Encoder;

/// Why there is no replay of a stream. Nothing is wrong with the stream itself, unless it says so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It does not begin as a gzip stream.
    #[error("it is no gzip stream")]
    NotGzip,
    /// It breaks off, or breaks the rules of gzip or deflate.
    #[error("it is a damaged gzip stream: {0}")]
    Damaged(&'static str),
    /// No known encoder makes its first bytes.
    #[error("no known encoder made it")]
    UnknownEncoder,
    /// An encoder made the beginning, and something else the rest.
    #[error(
        "{encoder} would have made its beginning, but not what stands behind byte {plain_len} of its content"
    )]
    Diverged {
        /// The encoder.
        encoder: Encoder,
        /// How much of the content it was right for at least, bytes.
        plain_len: u64,
    },
    /// It goes over a limit of this crate.
    #[error("{0} is longer than is worth following")]
    Limit(&'static str),
}

/// Why an analysis ended early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no replay of this stream.
    #[error("the stream cannot be made again: {0}")]
    Refused(#[from] Refusal),
    /// What takes the content failed.
    #[error("the content cannot be taken")]
    Io(#[from] io::Error),
}

/// What is wrong with the bytes of a replay.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("malformed replay: {0}")]
pub struct Malformed(pub(crate) &'static str);
