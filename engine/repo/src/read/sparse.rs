//! Reading parts of a stream: chunks that are passed over are not fetched.

use std::collections::VecDeque;
use std::io::{self, Read};

use bytes::{Buf, Bytes};
use dtrvault_codec::{ListEntry, SkipRead};
use dtrvault_format::StreamRef;

use super::chunks::{Proof, Reader};
use super::stream::WINDOW_BYTES;
use crate::error::{RepoError, Result};

/// Bytes of chunks that are fetched at once, beyond what a read asks for.
const AHEAD_BYTES: u64 = 1 << 20;

/// A stream of which parts are read, each chunk held against its id. Fails with the [`RepoError`] inside the
/// `io::Error`.
pub struct SparseReader {
    reader: Reader,
    entries: Box<dyn Iterator<Item = Result<ListEntry>> + Send>,
    /// Chunks that were fetched, the first of them without what was taken.
    fetched: VecDeque<(ListEntry, Bytes)>,
    /// A chunk that was not fetched, and how much of its beginning was passed over.
    begun: Option<(ListEntry, u32)>,
}

impl Reader {
    /// Opens a stream to read parts of it.
    ///
    /// # Errors
    /// As [`Reader::stream`].
    pub fn sparse(&self, stream: &StreamRef) -> Result<SparseReader> {
        let entries = Box::new(self.entries(stream)?);
        Ok(SparseReader { reader: self.clone(), entries, fetched: VecDeque::new(), begun: None })
    }
}

impl SparseReader {
    /// Fetches the next chunks: enough for `most` bytes, within bounds. None at the end.
    fn fetch(&mut self, most: u64) -> Result<()> {
        let wanted = most.saturating_add(AHEAD_BYTES).min(WINDOW_BYTES);
        let (first, passed) = match self.begun.take() {
            Some((entry, passed)) => (Some(entry), passed),
            None => (self.entries.next().transpose()?, 0),
        };
        let mut next = first;
        let mut entries = Vec::new();
        let mut bytes = 0;
        while let Some(entry) = next {
            bytes += u64::from(entry.length);
            entries.push(entry);
            next = if bytes < wanted { self.entries.next().transpose()? } else { None };
        }
        let ids: Vec<_> = entries.iter().map(|entry| entry.id).collect();
        let mut passed = passed as usize;
        for (entry, mut chunk) in entries.into_iter().zip(self.reader.fetch(&ids, Proof::Chunks)?) {
            if chunk.len() != entry.length as usize {
                return Err(RepoError::DamagedStream { detail: "its list is wrong about a chunk's length" });
            }
            chunk.advance(std::mem::take(&mut passed));
            self.fetched.push_back((entry, chunk));
        }
        Ok(())
    }

    /// Passes over some of the next chunk, and says what; nothing at the end.
    fn pass(&mut self, most: u64) -> Result<Option<Passed>> {
        let cut = |left: u32| u32::try_from(most).map_or(left, |most| most.min(left));
        if let Some((entry, chunk)) = self.fetched.front_mut() {
            let left = u32::try_from(chunk.len()).unwrap_or(u32::MAX);
            let passed = Passed { entry: *entry, at: entry.length - left, bytes: cut(left) };
            chunk.advance(passed.bytes as usize);
            if chunk.is_empty() {
                self.fetched.pop_front();
            }
            return Ok(Some(passed));
        }
        let begun = match self.begun.take() {
            None => self.entries.next().transpose()?.map(|entry| (entry, 0)),
            begun => begun,
        };
        let Some((entry, at)) = begun else { return Ok(None) };
        let passed = Passed { entry, at, bytes: cut(entry.length - at) };
        let end = at + passed.bytes;
        self.begun = (end < entry.length).then_some((entry, end));
        Ok(Some(passed))
    }
}

/// A part of a chunk.
struct Passed {
    entry: ListEntry,
    at: u32,
    bytes: u32,
}

impl Read for SparseReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        if self.fetched.is_empty() {
            self.fetch(out.len() as u64).map_err(io::Error::other)?;
        }
        let Some((_, chunk)) = self.fetched.front_mut() else { return Ok(0) };
        let count = out.len().min(chunk.len());
        chunk.copy_to_slice(out.get_mut(..count).unwrap_or_default());
        if chunk.is_empty() {
            self.fetched.pop_front();
        }
        Ok(count)
    }
}

impl SkipRead for SparseReader {
    fn skip(&mut self, count: u64, sum: &mut blake3::Hasher) -> io::Result<u64> {
        let mut left = count;
        while left > 0 {
            let Some(passed) = self.pass(left).map_err(io::Error::other)? else { break };
            sum.update(passed.entry.id.as_bytes());
            sum.update(&passed.at.to_le_bytes()).update(&passed.bytes.to_le_bytes());
            left -= u64::from(passed.bytes);
        }
        Ok(count - left)
    }
}
