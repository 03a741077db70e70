//! Content of a repository, as all verbs see it: blobs by digest, trees by snapshot.

mod blob_reader;
mod blob_writer;
mod kept;
mod layer_writer;
mod row_table;
mod spool;
mod sum;
mod tar_cut;
mod tree_reader;

pub(crate) use blob_reader::read_blob;
pub(crate) use blob_writer::{Apart, BlobError, BlobSummary, Depth, read_full, write_blob};
pub(crate) use kept::kept_bytes;
pub(crate) use layer_writer::Opaque;
pub(crate) use row_table::Checked;
pub(crate) use spool::Spool;
pub(crate) use tar_cut::cut_detail;
pub(crate) use tree_reader::{TreeEntries, open_tree, read_tree};
