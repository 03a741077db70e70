//! Levels 2 to 9: matches among all earlier positions with the same hash.
//!
//! The window holds 64 KiB. Work on it stops when less than a longest match is ahead; then the
//! upper half moves down, and what was further back than what is left is forgotten, though it
//! would be near enough for a match. Whether that is one position earlier or later is the one place
//! where Go can let show how its input was cut into calls, if a call ends in the last 261 bytes of
//! a window. Encoded here is what it makes of all other cuts, such as calls of 512 bytes or
//! multiples of it.

use super::blocks::{BlockWriter, Token};
use super::search::{Chains, FULL, HALF, Match, SHORTEST, Search};
use super::window::Window;
use crate::tables::MAX_MATCH;

/// What must be ahead, unless all is to be written.
const AHEAD: usize = SHORTEST + MAX_MATCH;
/// Tokens of a full block.
const BLOCK: usize = 1 << 14;

/// What a level is willing to do.
#[derive(Debug, Clone, Copy)]
struct Effort {
    /// A match this long keeps the next position from being searched. 0: every match is taken
    /// at once.
    lazy: usize,
    /// A match this long ends a search.
    nice: usize,
    /// How many earlier positions are tried.
    tries: usize,
    /// Without `lazy`: the bytes within longer matches are not entered into chains.
    entered: usize,
}

impl Effort {
    fn of(level: i32) -> Option<Self> {
        let (lazy, nice, tries, entered) = match level {
            2 => (0, 16, 8, 5),
            3 => (0, 32, 32, 6),
            4 => (4, 16, 16, MAX_MATCH),
            5 => (16, 32, 32, MAX_MATCH),
            -1 | 6 => (16, 128, 128, MAX_MATCH),
            7 => (32, 128, 256, MAX_MATCH),
            8 => (128, 258, 1024, MAX_MATCH),
            9 => (258, 258, 4096, MAX_MATCH),
            _ => return None,
        };
        Some(Self { lazy, nice, tries, entered })
    }
}

/// Finds matches and collects tokens.
#[derive(Debug)]
pub(super) struct ChainEncoder {
    effort: Effort,
    window: Window,
    /// How much of the window is filled.
    filled: usize,
    /// What is to be looked at next.
    at: usize,
    chains: Chains,
    /// What was found one position back, and was not written yet.
    pending: Match,
    /// Whether the byte before `at` is not covered by a token yet.
    byte_pending: bool,
    tokens: Vec<Token>,
    /// Where the bytes of `tokens` begin; nothing if that has left the window.
    block_start: Option<usize>,
    blocks: BlockWriter,
    /// Up to here some positions are in no chain.
    gap: usize,
}

impl ChainEncoder {
    pub(super) fn new(level: i32) -> Option<Self> {
        Some(Self {
            effort: Effort::of(level)?,
            window: Window::new(),
            filled: 0,
            at: 0,
            chains: Chains::new(),
            pending: Match::NONE,
            byte_pending: false,
            tokens: Vec::with_capacity(BLOCK),
            block_start: Some(0),
            blocks: BlockWriter::default(),
            gap: 0,
        })
    }

    pub(super) fn reset(&mut self, dictionary: &[u8]) {
        self.chains.clear();
        self.pending = Match::NONE;
        self.byte_pending = false;
        self.tokens.clear();
        self.blocks = BlockWriter::default();
        // Go counts the dictionary to the first block: it comes out with it, should that be stored.
        self.block_start = Some(0);
        let dictionary = &dictionary[dictionary.len().saturating_sub(HALF)..];
        self.window.put(0, dictionary);
        (self.at, self.filled) = (dictionary.len(), dictionary.len());
        self.gap = self.filled;
        for at in 0..self.filled.saturating_sub(SHORTEST - 1) {
            self.chains.enter(&self.window, at);
        }
    }

    pub(super) fn write(&mut self, mut plain: &[u8], out: &mut Vec<u8>) {
        while !plain.is_empty() {
            if self.filled == FULL {
                self.encode(false, out);
            }
            if self.at >= FULL - AHEAD {
                self.move_down();
            }
            let (now, later) = plain.split_at(plain.len().min(FULL - self.filled));
            self.window.put(self.filled, now);
            self.filled += now.len();
            plain = later;
        }
    }

    /// Writes all that was taken, and returns what writes the end.
    pub(super) fn finish_blocks(&mut self, out: &mut Vec<u8>) -> &mut BlockWriter {
        self.encode(true, out);
        self.gap = self.filled;
        if self.byte_pending {
            self.tokens.push(Token::literal(self.window.byte(self.at - 1)));
            self.byte_pending = false;
        }
        if !self.tokens.is_empty() {
            self.end_block(self.at, out);
        }
        &mut self.blocks
    }

    fn move_down(&mut self) {
        self.window.move_to_front(HALF..FULL);
        self.at -= HALF;
        self.filled -= HALF;
        self.gap = self.gap.saturating_sub(HALF);
        self.block_start = self.block_start.and_then(|start| start.checked_sub(HALF));
        self.chains.move_down();
    }

    fn end_block(&mut self, end: usize, out: &mut Vec<u8>) {
        let plain = self.block_start.map(|start| self.window.slice(start..end));
        self.blocks.shortest(&self.tokens, plain, out);
        self.tokens.clear();
        self.block_start = Some(end);
    }

    /// Makes tokens of what is in the window: of all of it, or while enough is ahead.
    fn encode(&mut self, all: bool, out: &mut Vec<u8>) {
        let end = if all { self.filled } else { self.filled.saturating_sub(AHEAD - 1) };
        while self.at < end {
            // As far as there is room in the block.
            if self.effort.lazy > 0 {
                self.encode_lazily(end);
            } else {
                self.encode_greedily(end);
            }
            if self.tokens.len() == BLOCK {
                // A byte that is pending again is part of the next block.
                self.end_block(self.at - usize::from(self.byte_pending), out);
            }
        }
    }

    /// Takes every match at once.
    fn encode_greedily(&mut self, end: usize) {
        let enterable = self.filled.saturating_sub(SHORTEST - 1);
        let mut at = self.at;
        while at < end && self.tokens.len() < BLOCK {
            let mut found = Match::NONE;
            if at < enterable {
                let head = self.chains.enter(&self.window, at);
                let most = (self.filled - at).min(MAX_MATCH);
                found = Search::new(&self.window, &self.chains, at, most, self.effort.nice, found.length)
                    .along(head, self.effort.tries);
            }
            if found.length < SHORTEST {
                self.tokens.push(Token::literal(self.window.byte(at)));
                at += 1;
                continue;
            }
            self.tokens.push(Token::matching(found.length, found.distance));
            let next = at + found.length;
            if found.length <= self.effort.entered {
                for inside in at + 1..next.min(enterable) {
                    self.chains.enter(&self.window, inside);
                }
            }
            at = next;
        }
        self.at = at;
    }

    /// Takes a match only if there is none at the next position that is longer.
    fn encode_lazily(&mut self, end: usize) {
        let Self { effort, window, filled, chains, tokens, gap, .. } = self;
        let effort = *effort;
        let enterable = filled.saturating_sub(SHORTEST - 1);
        let (mut at, mut pending, mut byte_pending) = (self.at, self.pending, self.byte_pending);
        // Looked up a position ahead, so that it is there when it is needed.
        let mut next_head = chains.head(window, at);
        while at < end && tokens.len() < BLOCK {
            let mut found = Match::NONE;
            if at < enterable {
                let head = chains.enter_behind(at, next_head);
                next_head = chains.head(window, at.wrapping_add(1));
                let most = filled.wrapping_sub(at).min(MAX_MATCH);
                // What is no longer than the pending match would not be taken.
                if pending.length < effort.lazy && pending.length < most {
                    let search = Search::new(window, chains, at, most, effort.nice, pending.length);
                    found = if at.saturating_sub(HALF) >= *gap {
                        search.along_tail(head, effort.tries)
                    } else {
                        search.along(head, effort.tries)
                    };
                }
            }
            if pending.length >= SHORTEST && found.length <= pending.length {
                tokens.push(Token::matching(pending.length, pending.distance));
                let next = at.wrapping_add(pending.length).wrapping_sub(1);
                for inside in at.wrapping_add(1)..next.min(enterable) {
                    chains.enter(window, inside);
                }
                at = next;
                next_head = chains.head(window, at);
                (pending, byte_pending) = (Match::NONE, false);
            } else {
                if byte_pending {
                    tokens.push(Token::literal(window.byte(at.wrapping_sub(1))));
                }
                at = at.wrapping_add(1);
                (pending, byte_pending) = (found, true);
            }
        }
        (self.at, self.pending, self.byte_pending) = (at, pending, byte_pending);
    }
}
