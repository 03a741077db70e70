//! Pure transforms between bytes as they are backed up and bytes as they are stored.
//!
//! Nothing here opens a file, asks the time or knows a key; what is read comes through
//! [`std::io::Read`], what is made goes to a sink of the caller's.
//!
//! - [`Chunker`], [`StreamChunker`]: where a stream is cut into chunks (FastCDC).
//! - [`PlainFrame`], [`Compressor`], [`decompress`]: frames of chunks.
//! - [`TarSplitter`], [`TarJoin`]: a tar as skeleton and payload, and back; zip archives in it as what they hold.
//! - [`list_tar`]: the members of a tar, its contents passed over where that can be done.
//! - [`MemberWatch`]: what looks at the members of a tar that goes by.
//! - [`Unpacked`]: what a compressed blob holds.
//! - [`layer`]: a gzip stream as its content and what it takes to make it again.
//! - [`rows`]: a tar of many small files as columns of headers and a table of contents.
//! - [`ListEntry`], [`ListReader`]: which chunks a stream is made of.
//! - [`sniff`](fn@sniff): what kind of bytes a blob is.
//! - [`open_recipe`]: the bytes of a blob, from its recipe and its streams.

mod chunker;
mod deflate_trial;
mod deflated;
mod error;
mod frame;
pub mod layer;
mod leb128;
mod list;
mod recipe;
pub mod rows;
mod sniff;
mod stream_chunker;
mod tar_deflate;
mod tar_entry;
mod tar_extent;
mod tar_fields;
mod tar_header;
mod tar_join;
mod tar_list;
mod tar_parts;
mod tar_pax;
mod tar_proof;
mod tar_proven;
mod tar_report;
mod tar_scan;
mod tar_skeleton;
pub mod tar_split;
mod tar_stamp;
mod tar_watch;
mod unpack;
mod zip_entry;
mod zip_header;
mod zip_scan;

pub use chunker::Chunker;
pub use deflated::Deflated;
pub use error::CodecError;
pub use frame::{Compressor, PlainFrame, decompress};
pub use list::{ListEntry, ListReader};
pub use recipe::{StreamOpener, open_recipe};
pub use sniff::{Form, is_opaque, sniff};
pub use stream_chunker::{Chunk, StreamChunker};
pub use tar_entry::{TarEntry, TarKind};
pub use tar_join::TarJoin;
pub use tar_list::{MemberSink, ReadThrough, SkipRead, list_tar};
pub use tar_proven::ProvenTarSplitter;
pub use tar_report::{Ending, TarReport};
pub use tar_skeleton::{MAX_LITERAL_BYTES, SplitSink, TarStreams};
pub use tar_split::TarSplitter;
pub use tar_watch::{MemberWatch, watch_tar};
pub use unpack::Unpacked;
