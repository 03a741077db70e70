//! The levels 1 to 6: blocks of a fixed length, each searched on its own.

use super::blocks::BlockWriter;
use super::tokens::Tokens;
use super::window::{Block, REACH, Window};

/// Shorter blocks are not searched.
const SHORTEST: usize = 13;
/// A last block under this length is written without a search.
const TINY: usize = 128;
/// Up to this length a last block is stored.
const STORED: usize = 32;

/// Finds the matches of a block.
pub(super) trait Find: Send {
    /// Turns a block into tokens; none if there is no match.
    fn find(&mut self, block: Block<'_>, tokens: &mut Tokens);

    /// All positions become smaller by this.
    fn rebase(&mut self, smaller: u32);
}

/// An encoder around a search.
pub(super) struct Fast<F> {
    window: Window,
    find: F,
    tokens: Tokens,
    pub(super) blocks: BlockWriter,
}

impl<F: Find> Fast<F> {
    pub(super) fn new(find: F, blocks: BlockWriter) -> Self {
        Self { window: Window::new(), find, tokens: Tokens::new(), blocks }
    }
}

impl<F: Find> Fast<F> {
    /// Turns the block into tokens.
    fn search(&mut self) {
        self.tokens.clear();
        let block = self.window.settle(|smaller| self.find.rebase(smaller));
        if block.len() >= SHORTEST {
            self.find.find(block, &mut self.tokens);
        }
    }
}

impl<F: Find> super::Engine for Fast<F> {
    fn write(&mut self, mut plain: &[u8], out: &mut Vec<u8>) {
        while !plain.is_empty() {
            if self.window.is_full() {
                self.step(false, out);
            }
            plain = self.window.collect(plain);
        }
    }

    fn step(&mut self, last: bool, out: &mut Vec<u8>) {
        let length = self.window.len();
        if last && length < TINY {
            match length {
                0 => return,
                1..=STORED => self.blocks.stored(self.window.block(), out),
                _ => self.blocks.huffman_only(self.window.block(), true, out),
            }
            self.window.forget();
            return;
        }
        self.search();
        let plain = self.window.block();
        match self.tokens.len() {
            0 => self.blocks.stored(plain, out),
            count if count > length - (length >> 4) => self.blocks.huffman_only(plain, last, out),
            _ => self.blocks.tokens(&self.tokens, Some(plain), last, out),
        }
        self.window.advance();
    }

    fn reset(&mut self, dictionary: &[u8]) {
        self.blocks.reset();
        self.window.forget();
        // The dictionary is searched like a block, so that the tables hold what they would.
        let surplus = dictionary.len().saturating_sub(REACH as usize);
        self.window.collect(&dictionary[surplus..]);
        self.search();
        self.window.advance();
    }

    fn blocks(&mut self) -> &mut BlockWriter {
        &mut self.blocks
    }
}
