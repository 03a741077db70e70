//! What can go wrong in this crate, one type for all of its rooms.

use std::io;

use dtrvault_format::ChunkSizes;

/// Why a transform refused its parameters or its input.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// Chunk sizes that FastCDC cannot work with.
    #[error("unusable chunk sizes: {0:?}")]
    ChunkSizes(ChunkSizes),
    /// No such normalization level.
    #[error("unknown chunker normalization {0}, the levels are 0 to 3")]
    Normalization(u8),
    /// zstd failed, or was given parameters it does not know.
    #[error("cannot compress a frame")]
    Compress(#[source] io::Error),
    /// A frame's zstd body is damaged, or holds more than it should.
    #[error("cannot decompress a frame")]
    Decompress(#[source] io::Error),
    /// A frame without its form byte.
    #[error("frame without content")]
    FrameEmpty,
    /// A recipe of a kind that this program does not know.
    #[error("the recipe is of kind {0}, which a later version of dtrvault has written")]
    UnknownRecipe(u32),
    /// A form byte with no meaning.
    #[error("frame of unknown form {0}")]
    FrameForm(u8),
    /// The body is not exactly one zstd frame.
    #[error("frame is not exactly one zstd frame")]
    FrameNotSingle,
    /// The frame holds another number of bytes than its directory says.
    #[error("frame holds {found} bytes, expected {expected}")]
    FrameLength {
        /// Length by the directory, bytes.
        expected: usize,
        /// Length found, bytes.
        found: usize,
    },
    /// A frame longer than the format allows.
    #[error("frame of {bytes} bytes, the limit is {max}")]
    FrameTooLong {
        /// Plain length asked for.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// A number in a tar skeleton that is no canonical LEB128 `u64`.
    #[error("tar skeleton: malformed number")]
    SkeletonNumber,
    /// A literal run in a tar skeleton above its limit.
    #[error("tar skeleton: literal run of {bytes} bytes, the limit is {max}")]
    SkeletonLiteral {
        /// Length claimed.
        bytes: u64,
        /// The limit.
        max: u64,
    },
    /// A deflated run in a tar skeleton that no writer writes.
    #[error("tar skeleton: {plain} bytes deflated at level {level} into {packed}")]
    SkeletonRun {
        /// Level claimed.
        level: u64,
        /// Length of the content, bytes.
        plain: u64,
        /// Length of the deflate stream, bytes.
        packed: u64,
    },
    /// Content that does not deflate into what the skeleton says.
    #[error("tar payload: does not deflate into {packed} bytes")]
    PayloadDeflates {
        /// Length by the skeleton, bytes.
        packed: u64,
    },
    /// The skeleton stream ends inside a record.
    #[error("tar skeleton: ends inside a record")]
    SkeletonCut,
    /// The payload stream ends before the skeleton does.
    #[error("tar payload: ends {missing} bytes early")]
    PayloadCut {
        /// Bytes of the current run that are not there.
        missing: u64,
    },
    /// Columns of a tar that are not what the format says.
    #[error("tar columns: {detail}")]
    MalformedColumns {
        /// How.
        detail: &'static str,
    },
    /// A block of columns of no length, or above its limit.
    #[error("tar columns: block of {bytes} bytes, the limit is {max}")]
    ColumnsLength {
        /// Length claimed.
        bytes: u64,
        /// The limit.
        max: u64,
    },
    /// A table of rows that is not what the format says.
    #[error("table of rows: {detail}")]
    MalformedTable {
        /// How.
        detail: &'static str,
    },
    /// A row above its limit.
    #[error("table of rows: row of {bytes} bytes, the limit is {max}")]
    RowLength {
        /// Length claimed.
        bytes: u64,
        /// The limit.
        max: u64,
    },
    /// Columns that name a row which the table does not have.
    #[error("tar columns: row {row}, and the table has {rows}")]
    NoSuchRow {
        /// The row.
        row: u32,
        /// Rows in the table.
        rows: u32,
    },
    /// Columns that did not give back what they were made of.
    #[error("tar columns: they do not give back what they were made of")]
    Unproven,
    /// A replay that does not make a gzip stream of this content.
    #[error("gzip stream: {0}")]
    Replay(#[source] gzip_replay::Malformed),
    /// A compressed stream that goes on for ever, or nearly.
    #[error("its content is far too long for its length")]
    Bomb,
    /// A chunk length of 0 or above the limit, in a stream's list.
    #[error("stream list: chunk of {bytes} bytes, the limit is {max}")]
    ListLength {
        /// Length claimed.
        bytes: u32,
        /// The limit.
        max: u32,
    },
    /// A stream's list that ends inside an entry.
    #[error("stream list: ends {bytes} bytes into an entry")]
    ListCut {
        /// How much of the entry is there.
        bytes: usize,
    },
    /// A stream could not be opened or read.
    #[error("cannot read a stream")]
    Io(#[from] io::Error),
}

impl CodecError {
    /// As an I/O error of kind `InvalidData`, for readers; an I/O error stays itself.
    #[must_use]
    pub fn into_io(self) -> io::Error {
        match self {
            Self::Io(error) => error,
            other => io::Error::new(io::ErrorKind::InvalidData, other),
        }
    }
}
