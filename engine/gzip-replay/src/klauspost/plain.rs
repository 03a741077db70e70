//! The levels without matches: 0, which only stores, and -2, which only codes literals.

use super::Engine;
use super::blocks::BlockWriter;
use super::window::BLOCK;

/// Bytes of a block of level -2.
const CODED_BLOCK: usize = 32 << 10;

/// An encoder that looks for no matches.
pub(super) struct Plain {
    block: Vec<u8>,
    /// Whether literals are coded.
    coded: bool,
    blocks: BlockWriter,
}

impl Plain {
    pub(super) fn new(coded: bool, blocks: BlockWriter) -> Self {
        Self { block: Vec::with_capacity(BLOCK), coded, blocks }
    }
}

impl Engine for Plain {
    fn write(&mut self, mut plain: &[u8], out: &mut Vec<u8>) {
        let full = if self.coded { CODED_BLOCK } else { BLOCK };
        while !plain.is_empty() {
            if self.block.len() == full {
                self.step(false, out);
            }
            let (taken, rest) = plain.split_at(plain.len().min(full - self.block.len()));
            self.block.extend_from_slice(taken);
            plain = rest;
        }
    }

    fn step(&mut self, last: bool, out: &mut Vec<u8>) {
        if self.block.is_empty() {
            return;
        }
        if self.coded {
            self.blocks.huffman_only(&self.block, last, out);
        } else {
            self.blocks.stored(&self.block, out);
        }
        self.block.clear();
    }

    fn reset(&mut self, _dictionary: &[u8]) {
        self.blocks.reset();
        self.block.clear();
    }

    fn blocks(&mut self) -> &mut BlockWriter {
        &mut self.blocks
    }
}
