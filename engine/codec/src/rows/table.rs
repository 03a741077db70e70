//! Tables of rows: records of a length and so many bytes, one after the other.

use std::io::{self, BufRead, BufReader, Read};

use dtrvault_format::limits::MAX_ROW_BYTES;

use super::join::RowSource;
use crate::error::CodecError;
use crate::leb128;

/// How much of a table is read, and kept, at once, bytes.
const BUFFER_BYTES: usize = 256 << 10;
/// Length of an entry that says where a row ends.
const END_BYTES: usize = 8;

/// Appends a row's record to `out`.
pub fn write_row(out: &mut Vec<u8>, row: &[u8]) {
    leb128::write(out, row.len() as u64);
    out.extend_from_slice(row);
}

/// Reads a table, row by row.
#[derive(Debug)]
pub struct TableReader<R> {
    source: BufReader<R>,
}

impl<R: Read> TableReader<R> {
    /// A reader at the start of the table.
    pub fn new(source: R) -> Self {
        Self { source: BufReader::with_capacity(BUFFER_BYTES, source) }
    }

    /// Appends the next row to `row`; its length, or `None` at the table's end.
    ///
    /// # Errors
    /// [`CodecError::MalformedTable`], [`CodecError::RowLength`], [`CodecError::Io`].
    pub fn next_row(&mut self, row: &mut Vec<u8>) -> Result<Option<usize>, CodecError> {
        let Some(bytes) = leb128::read_from(&mut self.source)
            .map_err(|error| error.or(CodecError::MalformedTable { detail: "a malformed number" }))?
        else {
            return Ok(None);
        };
        let max = u64::from(MAX_ROW_BYTES);
        let Some(length) = usize::try_from(bytes).ok().filter(|_| bytes <= max) else {
            return Err(CodecError::RowLength { bytes, max });
        };
        let mut left = length;
        while left > 0 {
            let buffer = match self.source.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                buffer => buffer?,
            };
            let next = buffer.get(..left).unwrap_or(buffer);
            if next.is_empty() {
                return Err(CodecError::MalformedTable { detail: "it ends within a row" });
            }
            let count = next.len();
            row.extend_from_slice(next);
            self.source.consume(count);
            left -= count;
        }
        Ok(Some(length))
    }
}

/// Bytes that are appended once and read from anywhere: memory, or a file for what is too long.
pub trait Spill {
    /// Adds bytes at the end.
    ///
    /// # Errors
    /// Where there is no room.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Fills `out` from `offset` on.
    ///
    /// # Errors
    /// Where there are no such bytes.
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()>;
}

impl Spill for Vec<u8> {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.extend_from_slice(bytes);
        Ok(())
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let there = self.get(start..).and_then(|rest| rest.get(..out.len()));
        out.copy_from_slice(there.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// A table whose rows are read in any order.
#[derive(Debug)]
pub struct Table<S> {
    bytes: S,
    ends: S,
    rows: u32,
}

impl<S: Spill> Table<S> {
    /// Reads a table of exactly `rows` rows to its end, into two empty stores: one for
    /// contents, one for 8 bytes a row.
    ///
    /// # Errors
    /// As [`TableReader::next_row`]; [`CodecError::MalformedTable`] when it has another number
    /// of rows; those of the stores.
    pub fn read(source: impl Read, rows: u32, mut bytes: S, mut ends: S) -> Result<Self, CodecError> {
        let mut reader = TableReader::new(source);
        let (mut waiting, mut waiting_ends) = (Vec::new(), Vec::new());
        let mut end = 0_u64;
        for _ in 0..rows {
            let length = reader.next_row(&mut waiting)?;
            let length =
                length.ok_or(CodecError::MalformedTable { detail: "it has fewer rows than stated" })?;
            end += length as u64;
            waiting_ends.extend_from_slice(&end.to_le_bytes());
            if waiting.len() >= BUFFER_BYTES || waiting_ends.len() >= BUFFER_BYTES {
                bytes.append(&waiting)?;
                ends.append(&waiting_ends)?;
                waiting.clear();
                waiting_ends.clear();
            }
        }
        bytes.append(&waiting)?;
        ends.append(&waiting_ends)?;
        if reader.next_row(&mut Vec::new())?.is_some() {
            return Err(CodecError::MalformedTable { detail: "it has more rows than stated" });
        }
        Ok(Self { bytes, ends, rows })
    }
}

impl<S: Spill> RowSource for Table<S> {
    fn row(&mut self, number: u32, out: &mut Vec<u8>) -> Result<usize, CodecError> {
        if number >= self.rows {
            return Err(CodecError::NoSuchRow { row: number, rows: self.rows });
        }
        let mut ends = [0; 2 * END_BYTES];
        let at = u64::from(number) * END_BYTES as u64;
        match at.checked_sub(END_BYTES as u64) {
            Some(before) => self.ends.read_at(before, &mut ends)?,
            None => self.ends.read_at(0, ends.split_at_mut(END_BYTES).1)?,
        }
        let (start, end) = ends.split_at(END_BYTES);
        let number_of = |bytes: &[u8]| bytes.try_into().map(u64::from_le_bytes).unwrap_or_default();
        let (start, end) = (number_of(start), number_of(end));
        let filled = out.len();
        let length = usize::try_from(end.saturating_sub(start)).unwrap_or_default();
        out.resize(filled + length, 0);
        self.bytes.read_at(start, out.split_at_mut(filled).1)?;
        Ok(length)
    }
}
