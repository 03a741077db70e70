//! Stream lists: which chunks a stream is made of, in order.
//!
//! An entry is the chunk's id, then its length as `u32` little-endian:
//! [`LIST_ENTRY_BYTES`] bytes. Nothing stands before, between or after entries.

use std::io::{ErrorKind, Read};

use dtrvault_format::ChunkId;
use dtrvault_format::limits::MAX_CHUNK_BYTES;
use dtrvault_format::stream::LIST_ENTRY_BYTES;

use crate::error::CodecError;

/// One chunk of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListEntry {
    /// Id of the chunk.
    pub id: ChunkId,
    /// Length of the chunk, bytes: from 1 to [`MAX_CHUNK_BYTES`].
    pub length: u32,
}

impl ListEntry {
    /// The entry as stored. Fails with [`CodecError::ListLength`] outside the limits.
    pub fn encode(&self) -> Result<[u8; LIST_ENTRY_BYTES], CodecError> {
        check(self.length)?;
        let mut bytes = [0; LIST_ENTRY_BYTES];
        let (id, length) = bytes.split_at_mut(ChunkId::LEN);
        id.copy_from_slice(self.id.as_bytes());
        length.copy_from_slice(&self.length.to_le_bytes());
        Ok(bytes)
    }

    /// The entry that these bytes are. Fails with [`CodecError::ListLength`] outside the limits.
    pub fn decode(bytes: &[u8; LIST_ENTRY_BYTES]) -> Result<Self, CodecError> {
        let cut = CodecError::ListCut { bytes: bytes.len() };
        let Some((id, length)) = bytes.split_first_chunk::<{ ChunkId::LEN }>() else {
            return Err(cut);
        };
        let Ok(length) = length.try_into() else {
            return Err(cut);
        };
        let length = u32::from_le_bytes(length);
        check(length)?;
        Ok(Self { id: ChunkId::new(*id), length })
    }
}

fn check(bytes: u32) -> Result<(), CodecError> {
    if (1..=MAX_CHUNK_BYTES).contains(&bytes) {
        Ok(())
    } else {
        Err(CodecError::ListLength { bytes, max: MAX_CHUNK_BYTES })
    }
}

/// Entries of the list that `source` reads: a slice, or a stream of any length.
///
/// Ends after the first error. Give it a buffered source: it reads one entry at a time.
#[derive(Debug)]
pub struct ListReader<R> {
    source: R,
    done: bool,
}

impl<R: Read> ListReader<R> {
    /// A reader at the start of a list.
    pub fn new(source: R) -> Self {
        Self { source, done: false }
    }

    fn read_entry(&mut self) -> Result<Option<ListEntry>, CodecError> {
        let mut bytes = [0; LIST_ENTRY_BYTES];
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.source.read(rest) {
                Ok(0) if filled == 0 => return Ok(None),
                Ok(0) => return Err(CodecError::ListCut { bytes: filled }),
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        ListEntry::decode(&bytes).map(Some)
    }
}

impl<R: Read> Iterator for ListReader<R> {
    type Item = Result<ListEntry, CodecError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let entry = self.read_entry().transpose();
        self.done = !matches!(entry, Some(Ok(_)));
        entry
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn entry(byte: u8, length: u32) -> ListEntry {
        ListEntry { id: ChunkId::new([byte; ChunkId::LEN]), length }
    }

    #[test]
    fn entries_come_back() {
        let entries = [entry(1, 1), entry(2, 0x0001_0203), entry(3, MAX_CHUNK_BYTES)];
        let bytes: Vec<u8> = entries.iter().flat_map(|entry| entry.encode().unwrap()).collect();
        assert_eq!(bytes.len(), 3 * 36);
        assert_eq!(&bytes[36 + 32..72], &[3, 2, 1, 0]);
        let read: Vec<_> = ListReader::new(&bytes[..]).map(Result::unwrap).collect();
        assert_eq!(read, entries);
        assert!(ListReader::new(&[][..]).next().is_none());
    }

    #[test]
    fn lengths_outside_the_limits_are_refused() {
        for length in [0, MAX_CHUNK_BYTES + 1, u32::MAX] {
            assert!(matches!(entry(1, length).encode(), Err(CodecError::ListLength { .. })));
            let mut bytes = entry(1, 1).encode().unwrap();
            bytes[32..].copy_from_slice(&length.to_le_bytes());
            let mut reader = ListReader::new(&bytes[..]);
            assert!(matches!(reader.next(), Some(Err(CodecError::ListLength { .. }))));
            assert!(reader.next().is_none());
        }
    }

    #[test]
    fn a_cut_entry_is_an_error() {
        let bytes = entry(1, 5).encode().unwrap();
        let mut reader = ListReader::new(&bytes[..35]);
        assert!(matches!(reader.next(), Some(Err(CodecError::ListCut { bytes: 35 }))));
        assert!(reader.next().is_none());
    }
}
