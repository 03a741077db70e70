//! Chains of places where strings of four bytes were seen, for the levels 7 to 9.

use super::Generation;
use super::tokens::{LONGEST, histogram};
use super::window::{REACH, Text, alike, load8, load32};
use crate::huffman::{MAX_LENGTH, codes};
use crate::tables::{DISTANCE_EXTRA, LENGTH_CODE, LENGTH_EXTRA, distance_code};

/// The shortest match.
pub(super) const SHORTEST: u32 = 4;
/// Slots for the strings seen last, as a power of two.
const SLOT_BITS: u32 = 17;
/// Positions begin again with a small number before they pass this.
const HIGHEST: u32 = 1 << 28;

/// How hard a level tries.
#[derive(Clone, Copy)]
pub(super) struct Effort {
    /// Matches of this length are taken at once.
    pub(super) lazy: u32,
    /// A match of this length ends a search.
    pub(super) nice: u32,
    /// How many places are looked at.
    pub(super) chain: u32,
    /// What a match costs beyond its extra bits, and what it must gain, in bits.
    pub(super) price: (i32, i32),
}

impl Effort {
    /// Whether matches are weighed by the bits they save.
    pub(super) fn weighs(&self) -> bool {
        self.chain > 100
    }
}

/// Bits that literals are thought to take.
pub(super) struct LiteralCosts {
    /// For each position, what all literals before it take.
    sums: Vec<i32>,
}

impl LiteralCosts {
    pub(super) fn new() -> Self {
        Self { sums: Vec::new() }
    }

    /// Measures what is to be searched now.
    pub(super) fn measure(&mut self, text: &Text, range: std::ops::Range<usize>, generation: Generation) {
        let plain = text.get(range.clone()).unwrap_or_default();
        // Counts had 16 bits, before only half the window was counted.
        let sample = if generation >= Generation::V1_20 { REACH as usize } else { plain.len() };
        let mut counts = histogram(&plain[..sample.min(plain.len())]);
        counts.iter_mut().for_each(|count| *count &= 0xffff);
        let codes = codes(&counts, MAX_LENGTH);
        self.sums.clear();
        self.sums.resize(range.start + 1, 0);
        // Go reckons with a bit for what the sample did not hold.
        let least = u16::from(generation >= Generation::Go1_27);
        let mut sum = 0;
        self.sums.extend(plain.iter().map(|&byte| {
            sum += i32::from(codes[usize::from(byte)].count.max(least));
            sum
        }));
    }

    /// What `length` literals from `at` on take.
    #[inline(always)]
    fn of(&self, at: u32, length: u32) -> i32 {
        let sum = |at: u32| self.sums.get(at as usize).copied().unwrap_or_default();
        sum(at.wrapping_add(length)).wrapping_sub(sum(at))
    }
}

/// Where strings were seen.
pub(super) struct Chains {
    /// The last place of each slot.
    heads: Box<[u32; 1 << SLOT_BITS]>,
    /// For each place, the one before in the same slot.
    before: Box<[u32; REACH as usize]>,
    /// The absolute position of the window's first byte, so that 0 is before everything.
    base: u32,
    /// Where the string noted last was seen before, as an absolute position.
    candidate: u32,
}

#[inline(always)]
fn slot(text: &Text, at: u32) -> usize {
    (load32(text, at).wrapping_mul(2_654_435_761) >> (32 - SLOT_BITS)) as usize
}

impl Chains {
    pub(super) fn new() -> Self {
        let heads = vec![0; 1 << SLOT_BITS].into_boxed_slice();
        let heads = heads.try_into().unwrap_or_else(|_| Box::new([0; 1 << SLOT_BITS]));
        Self { heads, before: Box::new([0; REACH as usize]), base: 1, candidate: 0 }
    }

    /// Notes the string at `at`: matches are looked for where it was seen before.
    #[inline(always)]
    pub(super) fn note(&mut self, text: &Text, at: u32) {
        self.candidate = self.note_quietly(text, at);
    }

    /// Notes the string at `at`, which no match is looked for.
    #[inline(always)]
    pub(super) fn note_quietly(&mut self, text: &Text, at: u32) -> u32 {
        let place = self.base.wrapping_add(at);
        let seen = std::mem::replace(&mut self.heads[slot(text, at)], place);
        self.before[(at % REACH) as usize] = seen;
        seen
    }

    /// Where the string at `at` was seen last.
    #[inline(always)]
    pub(super) fn last(&self, text: &Text, at: u32) -> i32 {
        self.heads[slot(text, at)].wrapping_sub(self.base) as i32
    }

    /// The window's bytes move down.
    pub(super) fn slide(&mut self, by: u32) {
        self.base += by;
        if self.base > HIGHEST {
            let smaller = self.base - 1;
            let places = self.heads.iter_mut().chain(self.before.iter_mut());
            places.for_each(|place| *place = place.saturating_sub(smaller));
            self.candidate = self.candidate.saturating_sub(smaller);
            self.base = 1;
        }
    }

    /// Forgets everything.
    pub(super) fn forget(&mut self) {
        self.slide(2 * REACH);
        self.candidate = 0;
    }

    /// The best match for what stands at `at`: its length and distance.
    #[inline(always)]
    pub(super) fn find(
        &self,
        text: &Text,
        at: u32,
        lookahead: u32,
        effort: Effort,
        costs: Option<&LiteralCosts>,
    ) -> Option<(u32, u32)> {
        let lowest = at.saturating_sub(REACH) as i32;
        let mut source = self.candidate.wrapping_sub(self.base) as i32;
        if source < lowest {
            return None;
        }
        let longest = lookahead.min(LONGEST);
        let end = at.wrapping_add(longest);
        let nice = effort.nice.min(longest);
        let (mut length, mut distance) = (SHORTEST - 1, 0);
        let mut gain = effort.price.1;
        for _ in 0..effort.chain {
            let from = source as u32;
            if load8(text, from.wrapping_add(length)) == load8(text, at.wrapping_add(length)) {
                let other = alike(text, at, from, end);
                let back = at.wrapping_sub(from);
                if other > length {
                    let other_gain = costs.map_or(gain, |costs| {
                        let saved = costs.of(at, other).wrapping_sub(effort.price.0);
                        saved.wrapping_sub(extra_bits(other, back))
                    });
                    if costs.is_none() || other_gain > gain {
                        (length, distance, gain) = (other, back, other_gain);
                        if length >= nice {
                            break;
                        }
                    }
                }
            }
            // What is as far back as can be has no valid place before.
            if source <= lowest {
                break;
            }
            source = self.before[(from % REACH) as usize].wrapping_sub(self.base) as i32;
            if source < lowest {
                break;
            }
        }
        (distance > 0).then_some((length, distance))
    }
}

/// Extra bits of a match. The original takes the distance for one that is less by 1 already, and
/// so the farthest of all for the first beyond the short ones' table.
#[inline(always)]
fn extra_bits(length: u32, distance: u32) -> i32 {
    let class = if distance == REACH { 14 } else { distance_code(distance.wrapping_add(1)) };
    let length = LENGTH_CODE[(length.wrapping_sub(3) & 255) as usize];
    i32::from(DISTANCE_EXTRA[class & 31]) + i32::from(LENGTH_EXTRA[usize::from(length)])
}
