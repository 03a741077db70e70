//! The *Rows* recipe: a tar of many small files, as a table of distinct contents and columns
//! of headers. The bytes are described in `format-spec/recipe.md`.
//!
//! - [`TarLabels`]: which bytes of a tar are plain small members.
//! - [`ColumnsWriter`]: blocks of headers by columns, each proven before it is given out.
//! - [`write_row`], [`TableReader`], [`Table`]: contents by number.
//! - [`RowsJoin`]: the tar again.

mod block;
mod columns;
mod header;
mod join;
mod labels;
mod sections;
mod table;
mod trace;

pub use columns::ColumnsWriter;
pub use join::{RowSource, RowsJoin};
pub use labels::{Batch, Part, TarLabels};
pub use table::{Spill, Table, TableReader, write_row};

/// Tars are made of blocks of this many bytes.
pub(crate) use crate::tar_header::TAR_BLOCK_BYTES;

/// Zero bytes that follow on contents of this length.
pub(crate) fn padding(content_bytes: usize) -> usize {
    content_bytes.next_multiple_of(TAR_BLOCK_BYTES) - content_bytes
}
