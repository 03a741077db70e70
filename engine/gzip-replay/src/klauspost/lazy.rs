//! The levels 7 to 9: a match is only taken if none that starts a byte later is longer.

use super::Generation;
use super::blocks::BlockWriter;
use super::chains::{Chains, Effort, LiteralCosts, SHORTEST};
use super::tokens::{LONGEST, Tokens};
use super::window::{Text, alike, empty_text, load8};

/// Bytes that slide out of the window at a time.
const HALF: usize = 1 << 15;
/// What a search wants to see ahead.
const AHEAD: u32 = SHORTEST + LONGEST;
/// Tokens of a block.
const BLOCK_TOKENS: usize = 1 << 15;
/// Bytes at the start of a match that may differ when a longer one is looked for from its end.
const MAY_DIFFER: u32 = 2;

/// A match that waits for a better one.
#[derive(Clone, Copy)]
struct Pending {
    length: u32,
    distance: u32,
}

/// No match.
const NOTHING: Pending = Pending { length: SHORTEST - 1, distance: 0 };

/// An encoder of one of these levels.
pub(super) struct Lazy {
    generation: Generation,
    effort: Effort,
    text: Box<Text>,
    /// Where the content ends, for now.
    end: usize,
    /// What is looked at next.
    at: u32,
    /// Strings that start here or later are not noted.
    note_below: u32,
    /// Where the block starts; nothing if that has slid out of the window.
    block_start: Option<u32>,
    pending: Pending,
    /// Whether the byte before `at` is not a token yet.
    owed: bool,
    /// Literals since the last match; what is more than 16 bits is lost.
    dry: u16,
    chains: Chains,
    costs: Option<LiteralCosts>,
    tokens: Tokens,
    blocks: BlockWriter,
}

impl Lazy {
    pub(super) fn new(generation: Generation, effort: Effort, blocks: BlockWriter) -> Self {
        Self {
            generation,
            effort,
            text: empty_text(),
            end: 0,
            at: 0,
            note_below: 0,
            block_start: Some(0),
            pending: NOTHING,
            owed: false,
            dry: 0,
            chains: Chains::new(),
            costs: effort.weighs().then(LiteralCosts::new),
            tokens: Tokens::new(),
            blocks,
        }
    }

    /// Takes bytes until the window is full; returns the others.
    fn fill<'a>(&mut self, plain: &'a [u8]) -> &'a [u8] {
        if self.at >= 2 * HALF as u32 - AHEAD {
            self.text.copy_within(HALF..2 * HALF, 0);
            self.at -= HALF as u32;
            self.end -= HALF;
            self.block_start = self.block_start.and_then(|start| start.checked_sub(HALF as u32));
            self.chains.slide(HALF as u32);
        }
        let (taken, rest) = plain.split_at(plain.len().min(2 * HALF - self.end));
        if let Some(place) = self.text.get_mut(self.end..self.end + taken.len()) {
            place.copy_from_slice(taken);
            self.end += taken.len();
        }
        rest
    }

    /// Notes the string at `at`, if it is whole.
    #[inline(always)]
    fn note(&mut self) {
        if self.at < self.note_below {
            self.chains.note(&self.text, self.at);
        }
    }

    /// Writes the tokens as a block that ends before `at`.
    fn write_block(&mut self, last: bool, out: &mut Vec<u8>) {
        let end = self.at as usize;
        let plain = self.block_start.and_then(|start| self.text.get(start as usize..end));
        self.blocks.tokens(&self.tokens, plain, last, out);
        self.tokens.clear();
        self.block_start = Some(self.at);
    }

    /// Writes a block if it is full.
    #[inline(always)]
    fn write_full_block(&mut self, last: bool, out: &mut Vec<u8>) {
        if self.tokens.len() == BLOCK_TOKENS {
            self.write_block(last, out);
        }
    }

    /// Makes a token of a literal.
    #[inline(always)]
    fn push(&mut self, at: u32, last: bool, out: &mut Vec<u8>) {
        self.tokens.push(load8(&self.text, at));
        self.write_full_block(last, out);
    }

    /// Looks for a longer match in place of `found`, which starts before `at`, by what was seen
    /// last of the string at its end.
    fn look_behind(&mut self, found: &mut Pending, last: bool, out: &mut Vec<u8>) {
        let start = self.at.wrapping_sub(1);
        let lookahead = (self.end as u32).wrapping_sub(self.at);
        let behind = start.wrapping_add(found.length);
        let lowest = self.at.saturating_sub(HALF as u32) as i32;
        if self.generation == Generation::V1_15 {
            if behind.wrapping_add(2) < self.note_below {
                let end = start.wrapping_add(lookahead.min(LONGEST));
                let seen = self.chains.last(&self.text, behind.wrapping_sub(2));
                let source = seen.wrapping_sub(found.length as i32).wrapping_add(2);
                if source > lowest {
                    let length = alike(&self.text, start, source as u32, end);
                    if length > found.length {
                        *found = Pending { length, distance: start.wrapping_sub(source as u32) };
                    }
                }
            }
            return;
        }
        if found.length >= LONGEST - MAY_DIFFER || behind >= self.note_below {
            return;
        }
        let end = start.wrapping_add(lookahead.min(LONGEST + MAY_DIFFER));
        let source = self.chains.last(&self.text, behind).wrapping_sub(found.length as i32);
        if source <= lowest + MAY_DIFFER as i32 || start.wrapping_sub(source as u32) == found.distance {
            return;
        }
        let source = source as u32;
        let length = alike(&self.text, start + MAY_DIFFER, source + MAY_DIFFER, end);
        if length <= found.length {
            return;
        }
        *found = Pending { length, distance: start.wrapping_sub(source) };
        for skipped in (0..MAY_DIFFER).rev() {
            if found.length >= LONGEST
                || load8(&self.text, start + skipped) != load8(&self.text, source + skipped)
            {
                // What differs stands before the match.
                for literal in 0..=skipped {
                    self.push(start + literal, last, out);
                    self.at += 1;
                    self.note();
                }
                break;
            }
            found.length += 1;
        }
    }

    /// Makes a token of the match that waited, and goes on behind it.
    fn take(&mut self, mut found: Pending, last: bool, out: &mut Vec<u8>) {
        self.look_behind(&mut found, last, out);
        self.tokens.push_match(found.length, found.distance);
        let next = self.at.wrapping_add(found.length).wrapping_sub(1);
        for at in self.at.wrapping_add(1)..next.min(self.note_below) {
            self.chains.note_quietly(&self.text, at);
        }
        self.at = next;
        self.owed = false;
        self.pending.length = NOTHING.length;
        self.write_full_block(last, out);
        self.dry = 0;
    }

    /// Goes on without a match; where there was none for long, by more than a byte.
    fn pass(&mut self, last: bool, out: &mut Vec<u8>) {
        if self.pending.length >= SHORTEST {
            self.dry = 0;
        }
        if !self.owed {
            self.at += 1;
            self.owed = true;
            return;
        }
        self.dry = self.dry.wrapping_add(1);
        self.push(self.at - 1, last, out);
        self.at += 1;
        let Some(surplus) = u32::from(self.dry).checked_sub(self.effort.chain).filter(|&more| more > 0)
        else {
            return;
        };
        for _ in 0..1 + (surplus >> 6) {
            if self.at as usize + 1 >= self.end {
                break;
            }
            self.push(self.at - 1, last, out);
            self.note();
            self.at += 1;
        }
        self.owed = false;
        self.push(self.at - 1, last, out);
    }
}

impl super::Engine for Lazy {
    fn write(&mut self, mut plain: &[u8], out: &mut Vec<u8>) {
        while !plain.is_empty() {
            if self.end == 2 * HALF {
                self.step(false, out);
            }
            plain = self.fill(plain);
        }
    }

    fn step(&mut self, last: bool, out: &mut Vec<u8>) {
        let end = self.end as u32;
        if !last && end - self.at < AHEAD {
            return;
        }
        if let Some(costs) = self.costs.as_mut().filter(|_| self.at < end) {
            costs.measure(&self.text, self.at as usize..self.end, self.generation);
        }
        self.note_below = end.saturating_sub(SHORTEST - 1);
        loop {
            let lookahead = end.wrapping_sub(self.at);
            if lookahead < AHEAD && !last {
                return;
            }
            if lookahead == 0 {
                break;
            }
            self.note();
            let found = std::mem::replace(&mut self.pending, NOTHING);
            if lookahead > found.length && found.length < self.effort.lazy {
                let best = self.chains.find(&self.text, self.at, lookahead, self.effort, self.costs.as_ref());
                if let Some((length, distance)) = best {
                    self.pending = Pending { length, distance };
                }
            }
            if found.length >= SHORTEST && self.pending.length <= found.length {
                self.take(found, last, out);
            } else {
                self.pass(last, out);
            }
        }
        if std::mem::take(&mut self.owed) {
            self.tokens.push(load8(&self.text, self.at - 1));
        }
        if self.tokens.len() > 0 {
            self.write_block(true, out);
        }
    }

    fn reset(&mut self, dictionary: &[u8]) {
        self.blocks.reset();
        self.tokens.clear();
        self.chains.forget();
        (self.at, self.end, self.note_below) = (0, 0, 0);
        (self.pending, self.owed, self.dry) = (NOTHING, false, 0);
        self.fill(&dictionary[dictionary.len().saturating_sub(HALF)..]);
        self.at = self.end as u32;
        for at in 0..self.at.saturating_sub(SHORTEST - 1) {
            self.chains.note_quietly(&self.text, at);
        }
        // Older versions took the dictionary for a part of the first block.
        self.block_start = Some(if self.generation >= Generation::V1_20 { self.at } else { 0 });
    }

    fn blocks(&mut self) -> &mut BlockWriter {
        &mut self.blocks
    }
}
