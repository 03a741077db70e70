//! Level 0, bytes as they are, and -2, codes without matches: block by block.

use super::blocks::{BlockWriter, STORED_MAX};

/// Collects blocks.
#[derive(Debug)]
pub(super) struct PlainEncoder {
    /// Whether bytes are given codes.
    coded: bool,
    block: Vec<u8>,
    blocks: BlockWriter,
}

impl PlainEncoder {
    pub(super) fn new(coded: bool) -> Self {
        Self { coded, block: Vec::with_capacity(STORED_MAX), blocks: BlockWriter::default() }
    }

    pub(super) fn reset(&mut self) {
        self.block.clear();
        self.blocks = BlockWriter::default();
    }

    pub(super) fn write(&mut self, mut plain: &[u8], out: &mut Vec<u8>) {
        while !plain.is_empty() {
            let (now, later) = plain.split_at(plain.len().min(STORED_MAX - self.block.len()));
            self.block.extend_from_slice(now);
            plain = later;
            if self.block.len() == STORED_MAX {
                self.end_block(out);
            }
        }
    }

    /// Writes all that was taken, and returns what writes the end.
    pub(super) fn finish_blocks(&mut self, out: &mut Vec<u8>) -> &mut BlockWriter {
        if !self.block.is_empty() {
            self.end_block(out);
        }
        &mut self.blocks
    }

    fn end_block(&mut self, out: &mut Vec<u8>) {
        if self.coded {
            self.blocks.literals(&self.block, out);
        } else {
            self.blocks.stored(&self.block, false, out);
        }
        self.block.clear();
    }
}
