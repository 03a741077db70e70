//! Cuts the input into literals and matches.

use super::Effort;
use super::block::Block;
use super::window::Window;
use crate::tables::MIN_MATCH;

/// A match of three bytes farther away than this costs more than its literals.
const TOO_FAR: usize = 4096;

/// The length of no match: a match has to be longer.
const NO_MATCH: usize = MIN_MATCH - 1;

/// Finds matches, greedily or lazily.
#[derive(Debug)]
pub(super) struct Parser {
    effort: &'static Effort,
    is_lazy: bool,
    /// If the byte before the next string waits for what is found there.
    waits: bool,
    /// The length of the match found at that byte.
    length: usize,
    /// How far away that match is.
    distance: usize,
}

impl Parser {
    pub(super) fn new(effort: &'static Effort, is_lazy: bool) -> Self {
        Self { effort, is_lazy, waits: false, length: NO_MATCH, distance: 0 }
    }

    pub(super) fn reset(&mut self) {
        *self = Self::new(self.effort, self.is_lazy);
    }

    /// Goes on as long as so many bytes are ahead.
    pub(super) fn run(&mut self, window: &mut Window, block: &mut Block, ahead: usize, out: &mut Vec<u8>) {
        while window.ahead() >= ahead {
            if self.is_lazy {
                self.lazy_step(window, block, out);
            } else {
                self.greedy_step(window, block, out);
            }
        }
    }

    /// Takes the byte that still waits, at the end of the input.
    pub(super) fn finish(&mut self, window: &Window, block: &mut Block) {
        if std::mem::take(&mut self.waits) {
            block.literal(window.byte(window.at - 1), window.at);
        }
    }

    #[inline]
    fn greedy_step(&mut self, window: &mut Window, block: &mut Block, out: &mut Vec<u8>) {
        let at = window.at;
        let (length, distance) = self.search(window, NO_MATCH);
        let is_full = if length > NO_MATCH {
            if length <= self.effort.lazy {
                for inner in at + 1..at + length {
                    window.insert(inner);
                }
            }
            window.at += length;
            block.repeat(length, distance, at)
        } else {
            window.at += 1;
            block.literal(window.byte(at), at)
        };
        if is_full {
            block.close(window, window.at, false, out);
        }
    }

    #[inline]
    fn lazy_step(&mut self, window: &mut Window, block: &mut Block, out: &mut Vec<u8>) {
        let at = window.at;
        let (before, before_distance) = (self.length, self.distance);
        let (mut length, distance) = self.search(window, before);
        if length == MIN_MATCH && distance > TOO_FAR {
            length = NO_MATCH;
        }
        if before > NO_MATCH && length <= before {
            // The match at the waiting byte is taken. Up to the next byte all is indexed.
            let after = at + before - 1;
            for inner in at + 1..after {
                window.insert(inner);
            }
            window.at = after;
            (self.waits, self.length) = (false, NO_MATCH);
            if block.repeat(before, before_distance, at) {
                block.close(window, after, false, out);
            }
            return;
        }
        if self.waits && block.literal(window.byte(at.wrapping_sub(1)), at) {
            block.close(window, at, false, out);
        }
        (self.waits, self.length, self.distance) = (true, length, distance);
        window.at += 1;
    }

    /// Puts the next string into the index, and looks for a match there that is longer than the
    /// one at the byte before. Gives its length and its distance.
    #[inline]
    fn search(&self, window: &mut Window, longer_than: usize) -> (usize, usize) {
        let candidate = window.insert(window.at);
        let wanted = !self.is_lazy || longer_than < self.effort.lazy;
        if !wanted || !window.is_candidate(candidate) {
            return (NO_MATCH, 0);
        }
        match window.search(self.effort, longer_than, candidate) {
            Some((length, place)) => (length.min(window.ahead()), window.at.wrapping_sub(place)),
            None => (NO_MATCH, 0),
        }
    }
}
