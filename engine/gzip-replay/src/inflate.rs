//! Inflating, and seeing where the encoder was told to flush.

use zlib_rs::{Inflate, InflateFlush, Status};

use crate::error::Refusal;

/// Length of the pieces that come out, bytes.
const PIECE_BYTES: usize = 64 << 10;
const WINDOW_BITS: u8 = 15;
/// How a flush ends: the lengths of an empty stored block.
const EMPTY_STORED: u32 = u32::from_be_bytes([0, 0, 0xff, 0xff]);

/// What is found in a deflate stream, in its order.
pub(crate) enum Found<'a> {
    Plain(&'a [u8]),
    /// An empty stored block that is not the last one.
    Flush,
}

/// Inflates one stream after the other.
pub(crate) struct Inflater {
    inflate: Inflate,
    piece: Box<[u8]>,
    /// Length of the content when the last block ended, bytes.
    block_began: u64,
    /// The last four bytes that were taken.
    tail: u32,
    /// An empty block has ended. Whether it was the last one shows when the stream goes on.
    may_be_flush: bool,
}

/// How far a push came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// Everything was taken, and the stream goes on.
    All,
    /// The stream has ended after so many of the bytes.
    Ended(usize),
}

impl Inflater {
    pub(crate) fn new() -> Self {
        Self {
            inflate: Inflate::new(false, WINDOW_BITS),
            piece: vec![0; PIECE_BYTES].into(),
            block_began: 0,
            tail: !0,
            may_be_flush: false,
        }
    }

    /// Begins another stream.
    pub(crate) fn reset(&mut self) {
        self.inflate.reset(false);
        self.block_began = 0;
        self.tail = !0;
        self.may_be_flush = false;
    }

    /// Takes the next bytes of the stream.
    pub(crate) fn push<E: From<Refusal>>(
        &mut self,
        bytes: &[u8],
        found: &mut impl FnMut(Found<'_>) -> Result<(), E>,
    ) -> Result<Pushed, E> {
        let mut rest = bytes;
        loop {
            let (before_in, before_out) = (self.inflate.total_in(), self.inflate.total_out());
            let status = self.inflate.decompress(rest, &mut self.piece, InflateFlush::Block);
            let status =
                status.map_err(|_| Refusal::Damaged("what is compressed breaks the rules of deflate"))?;
            let taken = usize::try_from(self.inflate.total_in() - before_in).unwrap_or(usize::MAX);
            let made = usize::try_from(self.inflate.total_out() - before_out).unwrap_or(usize::MAX);
            let (done, left) = rest.split_at(taken.min(rest.len()));
            rest = left;
            let last = done.get(done.len().saturating_sub(4)..).unwrap_or_default();
            self.tail = last.iter().fold(self.tail, |tail, byte| tail << 8 | u32::from(*byte));
            let ended = status == Status::StreamEnd;
            if std::mem::take(&mut self.may_be_flush) {
                if taken == 0 && !ended {
                    self.may_be_flush = true;
                } else if !ended || made > 0 || taken > 0 {
                    found(Found::Flush)?;
                }
            }
            if made > 0 {
                found(Found::Plain(self.piece.get(..made).unwrap_or_default()))?;
            }
            if ended {
                return Ok(Pushed::Ended(bytes.len() - rest.len()));
            }
            // It stops where a block ends, unless it had to stop for want of bytes or room.
            let at_end_of_block = !rest.is_empty() && made < self.piece.len();
            let empty = self.inflate.total_out() == self.block_began;
            if taken > 0 && made == 0 && empty && self.tail == EMPTY_STORED {
                self.may_be_flush = true;
            }
            if at_end_of_block {
                self.block_began = self.inflate.total_out();
            }
            if rest.is_empty() && made < self.piece.len() {
                return Ok(Pushed::All);
            }
        }
    }
}
