//! Level 1: one earlier position for each hash, and longer and longer steps where nothing matches.

use super::blocks::{BlockWriter, STORED_MAX, Token};
use super::window::Window;
use crate::tables::MAX_MATCH;

/// The furthest distance of a match.
const FURTHEST: u32 = 1 << 15;
/// Where blocks begin in the window: behind the one before.
const START: usize = STORED_MAX;
/// Shorter rests that are flushed are not searched for matches.
const LEAST: usize = 128;
/// Rests up to this are not even given codes.
const TINY: usize = 16;
/// No search begins in the last bytes of a block.
const MARGIN: usize = 15;
const HASH_BITS: u32 = 14;
/// When positions are counted anew.
const HIGHEST: u32 = 1 << 30;

/// Finds matches in blocks, and in the block before.
#[derive(Debug)]
pub(super) struct FastEncoder {
    /// The end of the block before, up to `START`, and then this one.
    window: Window,
    /// The length of this one.
    filled: usize,
    /// The length of the one before; 0 if matches may not reach into it.
    before: usize,
    /// Positions by hash.
    table: Box<[u32; 1 << HASH_BITS]>,
    /// The position of this block's start. What was never entered is too far from any.
    base: u32,
    tokens: Vec<Token>,
    blocks: BlockWriter,
}

impl FastEncoder {
    pub(super) fn new() -> Self {
        Self {
            window: Window::new(),
            filled: 0,
            before: 0,
            table: Box::new([0; 1 << HASH_BITS]),
            base: FURTHEST + 1,
            tokens: Vec::with_capacity(STORED_MAX),
            blocks: BlockWriter::default(),
        }
    }

    pub(super) fn reset(&mut self) {
        self.filled = 0;
        self.blocks = BlockWriter::default();
        self.forget();
    }

    pub(super) fn write(&mut self, mut plain: &[u8], out: &mut Vec<u8>) {
        while !plain.is_empty() {
            if self.filled == STORED_MAX {
                self.end_block(out);
            }
            let (now, later) = plain.split_at(plain.len().min(STORED_MAX - self.filled));
            self.window.put(START + self.filled, now);
            self.filled += now.len();
            plain = later;
        }
    }

    /// Writes all that was taken, and returns what writes the end.
    pub(super) fn finish_blocks(&mut self, out: &mut Vec<u8>) -> &mut BlockWriter {
        match self.filled {
            0 => {}
            LEAST.. => self.end_block(out),
            rest => {
                let plain = self.window.slice(START..START + rest);
                if rest <= TINY {
                    self.blocks.stored(plain, false, out);
                } else {
                    self.blocks.literals(plain, out);
                }
                self.filled = 0;
                self.forget();
            }
        }
        &mut self.blocks
    }

    /// Makes all former positions too far.
    fn forget(&mut self) {
        self.before = 0;
        self.advance(FURTHEST);
    }

    /// Counts on; from the beginning again before numbers get too large.
    fn advance(&mut self, by: u32) {
        self.base += by;
        if self.base > HIGHEST {
            let down = self.base - (FURTHEST + 1);
            self.table.iter_mut().for_each(|at| *at = at.saturating_sub(down));
            self.base -= down;
        }
    }

    fn end_block(&mut self, out: &mut Vec<u8>) {
        self.tokens.clear();
        self.find();
        let plain = self.window.slice(START..START + self.filled);
        // Hardly anything matched.
        if self.tokens.len() > self.filled - (self.filled >> 4) {
            self.blocks.literals(plain, out);
        } else {
            self.blocks.dynamic(&self.tokens, plain, out);
        }
        // This block's end takes the place of the one before.
        let kept = START + self.filled;
        self.window.move_to_front(kept - START..kept);
        self.before = self.filled;
        self.advance(self.filled as u32);
        self.filled = 0;
    }

    /// Makes tokens of the block.
    fn find(&mut self) {
        let Self { window, filled, before, table, base, tokens, .. } = self;
        let end = START + *filled;
        let limit = end - MARGIN;
        // The least position that comparisons may begin at.
        let floor = START - *before;
        let offset = base.wrapping_sub(START as u32);
        let mut enter = |bytes: u32, at: usize| -> u32 {
            let hash = bytes.wrapping_mul(0x1e35_a7bd) >> (32 - HASH_BITS);
            let position = (at as u32).wrapping_add(offset);
            let distance = position.wrapping_sub(table[hash as usize]);
            table[hash as usize] = position;
            distance
        };
        let fits = |bytes: u32, at: usize, distance: u32| {
            distance <= FURTHEST && window.load32(at.wrapping_sub(distance as usize)) == bytes
        };
        let mut emitted = START;
        let mut at = START;
        'blocks: loop {
            let mut skip = 32_usize;
            let mut distance;
            loop {
                let step = skip >> 5;
                skip = skip.wrapping_add(step);
                if at.wrapping_add(step) > limit {
                    break 'blocks;
                }
                let bytes = window.load32(at);
                distance = enter(bytes, at);
                if fits(bytes, at, distance) {
                    break;
                }
                at = at.wrapping_add(step);
            }
            tokens.extend(window.slice(emitted..at).iter().map(|&byte| Token::literal(byte)));
            loop {
                let most = end.wrapping_sub(at).min(MAX_MATCH);
                let from = at.wrapping_sub(distance as usize);
                // Go compares no further if only the first four bytes are left of what was before.
                let length =
                    if from.wrapping_add(4) < floor { 4 } else { window.match_length(from, at, most) };
                tokens.push(Token::matching(length, distance as usize));
                at = at.wrapping_add(length);
                emitted = at;
                if at >= limit {
                    break 'blocks;
                }
                let bytes = window.load64(at.wrapping_sub(1));
                enter(bytes as u32, at.wrapping_sub(1));
                let bytes = (bytes >> 8) as u32;
                distance = enter(bytes, at);
                if !fits(bytes, at, distance) {
                    at = at.wrapping_add(1);
                    break;
                }
            }
        }
        tokens.extend(window.slice(emitted..end).iter().map(|&byte| Token::literal(byte)));
    }
}
