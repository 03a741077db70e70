//! What went into a block, kept until the block has been proven to give it back.

use super::TAR_BLOCK_BYTES;
use super::block::{Block, Piece};
use crate::error::CodecError;

/// A row that a block names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TracedRow {
    pub(crate) number: u32,
    pub(crate) bytes: usize,
    /// How many of the trace's bytes stand before it.
    pub(crate) at: usize,
}

/// A run of payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TracedPayload {
    pub(crate) bytes: u64,
    /// How many of the trace's bytes, and of its rows, stand before it.
    pub(crate) at: (usize, usize),
}

/// A stretch of a tar without its contents: headers and literals, and where rows and payload
/// stand between them.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    pub(crate) bytes: Vec<u8>,
    pub(crate) rows: Vec<TracedRow>,
    pub(crate) payloads: Vec<TracedPayload>,
}

impl Trace {
    pub(crate) fn literal(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn row(&mut self, number: u32, bytes: usize) {
        self.rows.push(TracedRow { number, bytes, at: self.bytes.len() });
    }

    pub(crate) fn payload(&mut self, bytes: u64) {
        let at = (self.bytes.len(), self.rows.len());
        match self.payloads.last_mut() {
            Some(last) if last.at == at => last.bytes += bytes,
            _ => self.payloads.push(TracedPayload { bytes, at }),
        }
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.rows.clear();
        self.payloads.clear();
    }

    /// Whether a reader that follows `body` meets exactly what is traced here.
    pub(crate) fn is_given_by(&self, body: &[u8]) -> bool {
        self.follow(body).unwrap_or(false)
    }

    fn follow(&self, body: &[u8]) -> Result<bool, CodecError> {
        let mut block = Block::parse(body.to_vec())?;
        let (mut at, mut rows, mut payloads) = (0, self.rows.iter(), self.payloads.iter());
        let mut rows_seen = 0;
        while let Some(piece) = block.next_piece()? {
            let right = match piece {
                Piece::Literal(range) => {
                    let literal = block.bytes(&range);
                    let start = at;
                    at += literal.len();
                    self.bytes.get(start..at) == Some(literal)
                }
                Piece::Payload(bytes) => {
                    payloads.next() == Some(&TracedPayload { bytes, at: (at, rows_seen) })
                }
                Piece::Row(number) => {
                    rows_seen += 1;
                    rows.next().is_some_and(|row| row.number == number && row.at == at)
                }
                Piece::Member(member, number) => {
                    rows_seen += 1;
                    let start = at;
                    at += TAR_BLOCK_BYTES;
                    let Some(row) = rows.next() else { return Ok(false) };
                    let header = block.header(&member, row.bytes)?;
                    row.number == number && row.at == at && self.bytes.get(start..at) == Some(&header)
                }
            };
            if !right {
                return Ok(false);
            }
        }
        Ok(at == self.bytes.len() && rows.next().is_none() && payloads.next().is_none())
    }
}
