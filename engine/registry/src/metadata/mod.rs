//! Rows of DTR's database, as its `backup` writes them: a small JSON file for each row, in a tar.
//!
//! A [`MetadataReader`] is told which member begins and what is in it, by whoever takes the tar
//! apart. It counts the rows of every table, and reads those of the tables that name image
//! content. The schema is DTR's own and may change: fields may be missing, new, or of other types. A
//! row that cannot be understood is counted, and is never an error.

mod fields;
mod path;
mod reader;
mod row;
mod tables;

pub use path::{RowPath, dtr_version};
pub use reader::{MAX_ROW_JSON_BYTES, MetadataReader, RowSink};
pub use row::{BlobLinkRow, BlobRow, LayerRow, ManifestRow, Row, TagRow, parse_row};
pub use tables::{Table, TableCount, Tables};
