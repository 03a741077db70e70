//! Levels 2 to 9: chains of earlier positions with the same hash.
//!
//! The window holds 64 KiB. Work on it stops when less than a longest match is ahead; then the
//! upper half moves down, and what was further back than what is left is forgotten, though it
//! would be near enough for a match. That is the one place where Go lets show how its input was
//! cut into calls: this is what it makes of calls that fill the window to its end, as calls of
//! 512 bytes or multiples of it do.

use super::blocks::{BlockWriter, Token};
use super::window::Window;
use crate::tables::MAX_MATCH;

/// The furthest distance of a match, and what the window moves by.
const HALF: usize = 1 << 15;
/// The window's length.
const FULL: usize = 2 * HALF;
/// The shortest match that is looked for.
const SHORTEST: usize = 4;
/// What must be ahead, unless all is to be written.
const AHEAD: usize = SHORTEST + MAX_MATCH;
/// Matches of the least length may be this far away.
const NEAR: usize = 4096;
/// Tokens of a full block.
const BLOCK: usize = 1 << 14;
const HASH_BITS: u32 = 17;

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

/// Positions by hash, and by each position the one before it. Everywhere here 1 is added to
/// positions: 0 is none.
#[derive(Debug)]
struct Chains {
    heads: Box<[u16; 1 << HASH_BITS]>,
    before: Box<[u16; HALF]>,
}

impl Chains {
    fn new() -> Self {
        let heads = vec![0; 1 << HASH_BITS].into_boxed_slice();
        Self {
            heads: heads.try_into().unwrap_or_else(|_| Box::new([0; 1 << HASH_BITS])),
            before: Box::new([0; HALF]),
        }
    }

    /// Enters the position `at`, and returns what was the head of its chain.
    #[inline(always)]
    fn enter(&mut self, window: &Window, at: usize) -> u16 {
        let hash = window.load32(at).swap_bytes().wrapping_mul(0x1e35_a7bd) >> (32 - HASH_BITS);
        let head = &mut self.heads[hash as usize & ((1 << HASH_BITS) - 1)];
        let former = *head;
        let entry = at.wrapping_add(1);
        self.before[entry & (HALF - 1)] = former;
        *head = entry as u16;
        former
    }

    /// Follows the window when it moves by its half.
    fn move_down(&mut self) {
        let moved = |at: &mut u16| *at = at.saturating_sub(HALF as u16);
        self.heads.iter_mut().for_each(moved);
        self.before.iter_mut().for_each(moved);
    }

    fn clear(&mut self) {
        self.heads.fill(0);
        self.before.fill(0);
    }
}

/// A match: nothing if its length is under [`SHORTEST`].
#[derive(Debug, Clone, Copy)]
struct Match {
    length: usize,
    distance: usize,
}

impl Match {
    const NONE: Self = Self { length: SHORTEST - 1, distance: 0 };
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
                found = self.effort.search(&self.window, &self.chains, at, head, most, Match::NONE.length);
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
        let Self { effort, window, filled, chains, tokens, .. } = self;
        let effort = *effort;
        let enterable = filled.saturating_sub(SHORTEST - 1);
        let (mut at, mut pending, mut byte_pending) = (self.at, self.pending, self.byte_pending);
        while at < end && tokens.len() < BLOCK {
            let mut found = Match::NONE;
            if at < enterable {
                let head = chains.enter(window, at);
                let most = filled.wrapping_sub(at).min(MAX_MATCH);
                // What is no longer than the pending match would not be taken.
                if pending.length < effort.lazy && pending.length < most {
                    found = effort.search(window, chains, at, head, most, pending.length);
                }
            }
            if pending.length >= SHORTEST && found.length <= pending.length {
                tokens.push(Token::matching(pending.length, pending.distance));
                let next = at.wrapping_add(pending.length).wrapping_sub(1);
                for inside in at.wrapping_add(1)..next.min(enterable) {
                    chains.enter(window, inside);
                }
                at = next;
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

impl Effort {
    /// The longest match of `at`, where `most` bytes are left and `head` heads its chain, that is
    /// longer than `longer_than`; the nearest of several.
    #[inline(always)]
    fn search(
        self,
        window: &Window,
        chains: &Chains,
        at: usize,
        head: u16,
        most: usize,
        longer_than: usize,
    ) -> Match {
        let before = &*chains.before;
        let nice = self.nice.min(most);
        let mut found = Match { length: longer_than, distance: 0 };
        let first = window.load32(at);
        // The four bytes that end one beyond the best match so far.
        let mut tail_at = longer_than.wrapping_sub(SHORTEST - 1);
        let mut tail = window.load32(at.wrapping_add(tail_at));
        // Entries are compared as they stand above the lowest: what is below becomes huge.
        let lowest = at.saturating_sub(HALF).wrapping_add(1);
        let mut entry = head as usize;
        let mut bound = HALF + 1;
        let mut tries = self.tries;
        loop {
            // The oldest position has had its entry overwritten by `at`: that leads up again.
            let height = entry.wrapping_sub(lowest);
            if height >= bound || tries == 0 {
                break;
            }
            let from = entry.wrapping_sub(1);
            bound = height;
            entry = before[entry & (HALF - 1)] as usize;
            tries = tries.wrapping_sub(1);
            if window.load32(from.wrapping_add(tail_at)) != tail || window.load32(from) != first {
                continue;
            }
            let length = window.match_length(from, at, most);
            let distance = at.wrapping_sub(from);
            if length > found.length && (length > SHORTEST || distance <= NEAR) {
                found = Match { length, distance };
                if length >= nice {
                    break;
                }
                tail_at = length.wrapping_sub(SHORTEST - 1);
                tail = window.load32(at.wrapping_add(tail_at));
            }
        }
        if found.distance == 0 { Match::NONE } else { found }
    }
}
