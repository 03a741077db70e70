//! Reading a tree, entry by entry.

use std::io::Read;

use dtrvault_format::{Entry, Snapshot, SnapshotId, TreeDecoder};
use dtrvault_repo::read::Reader;

use super::blob_writer::read_full;
use crate::error::{OpsError, Result};

/// Length of the reads, bytes.
const READ_BYTES: usize = 256 << 10;

/// The entries of a tree, in order. Ends after the first error.
pub(crate) struct TreeEntries<R> {
    source: Option<R>,
    decoder: TreeDecoder,
    buffer: Vec<u8>,
    name: String,
}

/// The entries that `source` gives; `name` is the snapshot's, for messages.
pub(crate) fn read_tree<R: Read>(source: R, name: String) -> TreeEntries<R> {
    TreeEntries { source: Some(source), decoder: TreeDecoder::default(), buffer: vec![0; READ_BYTES], name }
}

/// The entries of a snapshot's image part.
pub(crate) fn open_tree(
    reader: &Reader,
    id: &SnapshotId,
    snapshot: &Snapshot,
) -> Result<TreeEntries<impl Read + use<>>> {
    let images = snapshot.images.as_ref();
    let images =
        images.ok_or_else(|| OpsError::NoSuchPart { snapshot: id.to_string(), part: "image content" })?;
    Ok(read_tree(reader.stream(&images.tree)?, id.to_string()))
}

impl<R: Read> TreeEntries<R> {
    fn next_entry(&mut self) -> Result<Option<Entry>> {
        let damaged = |source| OpsError::DamagedTree { snapshot: self.name.clone(), source };
        loop {
            if let Some(entry) = self.decoder.next_entry().map_err(damaged)? {
                return Ok(Some(entry));
            }
            let Some(source) = &mut self.source else { return Ok(None) };
            let count = read_full(source, &mut self.buffer).map_err(|error| {
                match OpsError::from_io(error, OpsError::Cache) {
                    OpsError::Repo(source) if source.is_damage() => {
                        OpsError::UnreadableTree { snapshot: self.name.clone(), source: Box::new(source) }
                    }
                    error => error,
                }
            })?;
            if count == 0 {
                self.source = None;
                std::mem::take(&mut self.decoder).finish().map_err(damaged)?;
                return Ok(None);
            }
            self.decoder.push(self.buffer.get(..count).unwrap_or_default());
        }
    }
}

impl<R: Read> Iterator for TreeEntries<R> {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Result<Entry>> {
        let entry = self.next_entry();
        if entry.is_err() {
            self.source = None;
            self.decoder = TreeDecoder::default();
        }
        entry.transpose()
    }
}
