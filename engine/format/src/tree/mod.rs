//! Trees: the sorted listing of a source as one flat sequence of entries.
//!
//! Each entry is one CBOR array; paths are front-coded: an entry says how many bytes of the
//! path before it it shares. Entries stand in [`path_order`], a folder before what is in it.
//! So an unchanged region of a source is an unchanged region of the stream, and chunks of it
//! are found again.

mod entry;
mod paths;
mod stream;

pub use entry::{Content, Entry, File, Identity, Kind, Meta, Xattr};
pub use paths::{display_path, is_below, path_as_text, path_order, validate_path};
pub use stream::{TreeDecoder, TreeEncoder};

/// Name of the object in messages.
const WHAT: &str = "tree";
