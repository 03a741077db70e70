//! Writing a stream: bytes in, chunks out, and lists of chunks above them.

use std::sync::Arc;

use dtrvault_codec::{Chunk, ListEntry, StreamChunker};
use dtrvault_format::StreamRef;
use dtrvault_format::stream::LIST_ENTRY_BYTES;

use super::Class;
use super::shared::{Shared, SharedBuffer};
use crate::error::{RepoError, Result};

/// A stream that is being written. Dropping it unfinished leaves chunks that nothing needs.
pub struct StreamWriter {
    chunker: StreamChunker,
    chunks: Chunks,
}

/// The chunks of a stream so far.
struct Chunks {
    shared: Arc<Shared>,
    class: Class,
    buffer: SharedBuffer,
    len: u64,
    /// The first chunk; written to the list when a second one comes.
    first: Option<ListEntry>,
    list: Option<Box<StreamWriter>>,
    log: Option<ListLog>,
}

/// Told of every entry of a stream's list.
pub type ListLog = Box<dyn FnMut(&[u8; LIST_ENTRY_BYTES]) + Send>;

impl StreamWriter {
    pub(super) fn new(shared: Arc<Shared>, class: Class) -> Self {
        let buffer = shared.borrow_buffer(class);
        let chunker = StreamChunker::new(shared.repo.chunker(class));
        Self { chunker, chunks: Chunks { shared, class, buffer, len: 0, first: None, list: None, log: None } }
    }

    /// Has `log` told of every chunk from here on, as its entry in the stream's list.
    pub fn set_log(&mut self, log: ListLog) {
        self.chunks.log = Some(log);
    }

    /// Puts a chunk that is stored already at the stream's end. To be done before anything is
    /// written: so a stream goes on from another one.
    ///
    /// # Errors
    /// As [`StreamWriter::write`].
    pub fn add_stored(&mut self, entry: ListEntry) -> Result<()> {
        self.chunks.len += u64::from(entry.length);
        self.chunks.list(entry)
    }

    /// Adds bytes to the stream.
    ///
    /// # Errors
    /// Whatever has gone wrong with this session so far; the session is of no use then.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let chunks = &mut self.chunks;
        self.chunker.push(bytes, &mut |chunk| chunks.add(chunk))
    }

    /// Ends the stream.
    ///
    /// # Errors
    /// As [`StreamWriter::write`].
    pub fn finish(mut self) -> Result<StreamRef> {
        let chunks = &mut self.chunks;
        self.chunker.finish(&mut |chunk| chunks.add(chunk))?;
        let len = chunks.len;
        match (chunks.list.take(), chunks.first) {
            (None, None) => Ok(StreamRef::EMPTY),
            (None, Some(only)) => Ok(StreamRef { len, depth: 0, root: Some(only.id) }),
            (Some(list), _) => {
                let list = list.finish()?;
                let stream = StreamRef { len, depth: list.depth + 1, root: list.root };
                stream.validate()?;
                Ok(stream)
            }
        }
    }
}

impl Chunks {
    fn add(&mut self, chunk: Chunk<'_>) -> Result<()> {
        let length = chunk.bytes().len();
        let id = self.shared.add_chunk(self.class, &self.buffer, chunk)?;
        self.len += length as u64;
        let length = u32::try_from(length)
            .map_err(|_| RepoError::DamagedStream { detail: "a chunk of over 4 GiB" })?;
        let entry = ListEntry { id, length };
        self.list(entry)
    }

    fn list(&mut self, entry: ListEntry) -> Result<()> {
        if let Some(log) = &mut self.log {
            log(&entry.encode()?);
        }
        let Some(first) = self.first else {
            self.first = Some(entry);
            return Ok(());
        };
        if self.list.is_none() {
            let mut list = Box::new(StreamWriter::new(Arc::clone(&self.shared), Class::Fine));
            list.write(&first.encode()?)?;
            self.list = Some(list);
        }
        match &mut self.list {
            Some(list) => list.write(&entry.encode()?),
            None => Ok(()),
        }
    }
}

impl Drop for Chunks {
    fn drop(&mut self) {
        self.shared.return_buffer(self.class, &self.buffer);
    }
}
