//! Gives back a tar from its columns, its payload, and its rows.

use std::io::{self, BufReader, ErrorKind, Read};

use dtrvault_format::limits::MAX_COLUMNS_BYTES;

use super::block::{Block, Piece};
use super::padding;
use crate::error::CodecError;
use crate::leb128;

/// How much of the columns is read at once, bytes.
const COLUMNS_BUFFER_BYTES: usize = 64 * 1024;
/// Headers and rows are made until so many bytes wait.
const MADE_BYTES: usize = 64 * 1024;

/// Contents by number.
pub trait RowSource {
    /// Appends a row to `out`; its length.
    ///
    /// # Errors
    /// [`CodecError::NoSuchRow`], and those of what the rows are read from.
    fn row(&mut self, number: u32, out: &mut Vec<u8>) -> Result<usize, CodecError>;
}

impl<T: RowSource + ?Sized> RowSource for Box<T> {
    fn row(&mut self, number: u32, out: &mut Vec<u8>) -> Result<usize, CodecError> {
        (**self).row(number, out)
    }
}

/// Reads the tar.
///
/// What breaks the format is an error of kind `InvalidData` that holds a [`CodecError`]; after
/// any error every read fails. Holds one block of columns, and one row.
pub struct RowsJoin<C, P, T> {
    columns: BufReader<C>,
    payload: P,
    table: T,
    block: Option<Block>,
    /// Made and not yet given out, from `given` on.
    made: Vec<u8>,
    given: usize,
    /// Payload that comes when everything made is given out.
    run: u64,
    failure: Option<io::Error>,
    is_broken: bool,
}

impl<C: Read, P: Read, T: RowSource> RowsJoin<C, P, T> {
    /// A reader at the start of the tar.
    pub fn new(columns: C, payload: P, table: T) -> Self {
        Self {
            columns: BufReader::with_capacity(COLUMNS_BUFFER_BYTES, columns),
            payload,
            table,
            block: None,
            made: Vec::new(),
            given: 0,
            run: 0,
            failure: None,
            is_broken: false,
        }
    }

    fn read_block(&mut self) -> Result<Option<Block>, CodecError> {
        let malformed = |detail| CodecError::MalformedColumns { detail };
        let bytes = leb128::read_from(&mut self.columns)
            .map_err(|error| error.or(malformed("a malformed number")))?;
        let Some(bytes) = bytes else { return Ok(None) };
        let max = MAX_COLUMNS_BYTES as u64;
        if bytes == 0 || bytes > max {
            return Err(CodecError::ColumnsLength { bytes, max });
        }
        let mut body = Vec::new();
        (&mut self.columns).take(bytes).read_to_end(&mut body)?;
        if body.len() as u64 != bytes {
            return Err(malformed("a block is cut"));
        }
        Block::parse(body).map(Some)
    }

    /// Makes the next bytes, or finds payload to come; false at the end.
    fn make(&mut self) -> Result<bool, CodecError> {
        self.made.clear();
        self.given = 0;
        while self.made.len() < MADE_BYTES && self.run == 0 {
            let Some(block) = &mut self.block else {
                self.block = self.read_block()?;
                if self.block.is_none() {
                    return Ok(!self.made.is_empty());
                }
                continue;
            };
            match block.next_piece()? {
                None => self.block = None,
                Some(Piece::Literal(range)) => self.made.extend_from_slice(block.bytes(&range)),
                Some(Piece::Payload(bytes)) => self.run = bytes,
                Some(Piece::Row(row)) => {
                    let length = self.table.row(row, &mut self.made)?;
                    pad(&mut self.made, length);
                }
                Some(Piece::Member(member, row)) => {
                    let start = self.made.len();
                    self.made.resize(start + super::TAR_BLOCK_BYTES, 0);
                    let length = self.table.row(row, &mut self.made)?;
                    let header = block.header(&member, length)?;
                    for (to, from) in self.made.iter_mut().skip(start).zip(header) {
                        *to = from;
                    }
                    pad(&mut self.made, length);
                }
            }
        }
        Ok(true)
    }

    /// Bytes put into `out`, none at the end.
    fn advance(&mut self, out: &mut [u8]) -> Result<usize, CodecError> {
        loop {
            let waiting = self.made.get(self.given..).unwrap_or_default();
            if !waiting.is_empty() {
                let count = waiting.len().min(out.len());
                let (next, _) = waiting.split_at(count);
                out.split_at_mut(count).0.copy_from_slice(next);
                self.given += count;
                return Ok(count);
            }
            if self.run > 0 {
                let most = usize::try_from(self.run).unwrap_or(usize::MAX).min(out.len());
                let count = match self.payload.read(out.split_at_mut(most).0) {
                    Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                    count => count?,
                };
                if count == 0 {
                    return Err(CodecError::PayloadCut { missing: self.run });
                }
                self.run -= count as u64;
                return Ok(count);
            }
            if !self.make()? {
                return Ok(0);
            }
        }
    }
}

fn pad(made: &mut Vec<u8>, length: usize) {
    made.resize(made.len() + padding(length), 0);
}

impl<C: Read, P: Read, T: RowSource> Read for RowsJoin<C, P, T> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if let Some(error) = self.failure.take() {
            return Err(error);
        }
        if self.is_broken {
            return Err(ErrorKind::InvalidData.into());
        }
        let mut filled = 0;
        while let Some(rest) = out.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.advance(rest) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) => {
                    self.is_broken = true;
                    if filled == 0 {
                        return Err(error.into_io());
                    }
                    self.failure = Some(error.into_io());
                    break;
                }
            }
        }
        Ok(filled)
    }
}
