//! The deflate stream of `github.com/klauspost/pgzip`, which skopeo, buildah and podman write.
//!
//! There, blocks are made by many threads at once and put into one stream in their order. Each
//! depends on nothing but itself and the end of the block before: so one thread does as well.

use super::Generation;
use crate::Deflate;

/// Bytes of a block, if nothing else is said.
pub const BLOCK_BYTES: usize = 1 << 20;
/// What a block knows of the one before.
const TAIL: usize = 16 << 10;

/// An encoder of one level.
pub struct Encoder {
    block: super::Encoder,
    /// Bytes of a block.
    block_bytes: usize,
    /// Bytes of the block so far.
    taken: usize,
    /// The last bytes of the block, twice [`TAIL`] at most.
    tail: Vec<u8>,
}

impl Encoder {
    /// The encoder of a level from -2 to 9, with blocks of more than 16 KiB.
    pub fn new(generation: Generation, level: i32, block_bytes: usize) -> Option<Self> {
        let block = super::Encoder::new(generation, level)?;
        (block_bytes > TAIL).then(|| Self {
            block,
            block_bytes,
            taken: 0,
            tail: Vec::with_capacity(2 * TAIL),
        })
    }

    /// Ends a block, and begins the next.
    fn next_block(&mut self, out: &mut Vec<u8>) {
        self.block.flush(out);
        // A short block leaves nothing to know of.
        let from = if self.taken > TAIL { self.tail.len() - TAIL } else { self.tail.len() };
        self.block.reset(&self.tail[from..]);
        self.tail.clear();
        self.taken = 0;
    }

    /// Remembers the last bytes.
    fn remember(&mut self, plain: &[u8]) {
        let plain = &plain[plain.len().saturating_sub(TAIL)..];
        if self.tail.len() + plain.len() > 2 * TAIL {
            let surplus = self.tail.len() + plain.len() - TAIL;
            self.tail.drain(..surplus.min(self.tail.len()));
        }
        self.tail.extend_from_slice(plain);
    }
}

impl Deflate for Encoder {
    fn write(&mut self, mut plain: &[u8], out: &mut Vec<u8>) {
        while !plain.is_empty() {
            let (block, rest) = plain.split_at(plain.len().min(self.block_bytes - self.taken));
            self.block.write(block, out);
            self.remember(block);
            self.taken += block.len();
            if self.taken == self.block_bytes {
                self.next_block(out);
            }
            plain = rest;
        }
    }

    fn flush(&mut self, out: &mut Vec<u8>) {
        self.next_block(out);
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        self.block.flush(out);
        self.block.finish(out);
    }

    fn reset(&mut self, dictionary: &[u8]) {
        self.block.reset(&dictionary[dictionary.len().saturating_sub(TAIL)..]);
        self.tail.clear();
        self.taken = 0;
    }
}
