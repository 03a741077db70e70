//! Streams: byte strings of any length behind a reference of constant size.

use minicbor::{Decode, Encode};

use crate::FormatError;
use crate::ids::ChunkId;
use crate::limits::MAX_STREAM_DEPTH;

/// Length of one entry of a list: chunk id and length as `u32` little-endian.
pub const LIST_ENTRY_BYTES: usize = ChunkId::LEN + 4;

/// Reference to a stream.
///
/// At depth 0 the root is the stream's only chunk. At depth `d` the root leads to a stream of
/// depth `d - 1` whose bytes are the list of the stream's chunks, [`LIST_ENTRY_BYTES`] each.
/// So a list is chunked, deduplicated and read like any other stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, serde::Serialize)]
pub struct StreamRef {
    /// Length of the stream, bytes.
    #[n(0)]
    pub len: u64,
    /// How many lists stand above the data.
    #[n(1)]
    pub depth: u8,
    /// The topmost chunk; none in an empty stream.
    #[n(2)]
    pub root: Option<ChunkId>,
}

impl StreamRef {
    /// The stream without bytes.
    pub const EMPTY: Self = Self { len: 0, depth: 0, root: None };

    /// Holds the fields against each other.
    ///
    /// # Errors
    /// [`FormatError`] for a depth over its limit, or bytes without a root.
    pub fn validate(&self) -> Result<(), FormatError> {
        const WHAT: &str = "stream";
        if self.depth > MAX_STREAM_DEPTH {
            return Err(FormatError::Limit {
                what: WHAT,
                field: "depth",
                value: u64::from(self.depth),
                limit: u64::from(MAX_STREAM_DEPTH),
            });
        }
        match (self.len, self.depth, self.root) {
            (0, 0, None) | (1.., _, Some(_)) => Ok(()),
            _ => Err(FormatError::Invalid { what: WHAT, detail: "length, depth and root disagree" }),
        }
    }
}
