//! Finds matches for the level 3: one table of strings of five bytes, with two places for each.

use super::greedy::{MARGIN, Places, Seen, same, slot};
use super::window::{Block, REACH, alike, load64};

/// Slots of the table.
const SLOTS: usize = 1 << 16;

/// Where strings were seen the last two times.
pub(super) struct TwoPlaces {
    /// The last place in the low half, the one before in the high half.
    table: Box<[u64; SLOTS]>,
}

/// Level 3 looks not quite so far back.
const NEAR: u32 = REACH - 4;

impl TwoPlaces {
    pub(super) fn new() -> Self {
        Self { table: Box::new([0; SLOTS]) }
    }

    /// Notes a string; returns how far back it was seen before, twice.
    #[inline(always)]
    fn note(&mut self, bytes: u64, place: u32) -> (u32, u32) {
        let seen = &mut self.table[slot(bytes, SLOTS)];
        let distances = (place.wrapping_sub(*seen as u32), place.wrapping_sub((*seen >> 32) as u32));
        *seen = *seen << 32 | u64::from(place);
        distances
    }
}

impl Places for TwoPlaces {
    #[inline(always)]
    fn search(&mut self, block: Block<'_>, emitted: u32, mut at: u32) -> Option<Seen> {
        let Block { text, base, end, .. } = block;
        loop {
            let next = at.wrapping_add(1).wrapping_add(at.wrapping_sub(emitted) >> 7);
            if next > end.wrapping_sub(MARGIN) {
                return None;
            }
            let bytes = load64(text, at);
            let (last, before) = self.note(bytes, base.wrapping_add(at));
            if last <= NEAR {
                if same(text, at, last, bytes) {
                    let mut distance = last;
                    if before <= NEAR && same(text, at, before, bytes) {
                        let from = at.wrapping_add(4);
                        let length = |distance| alike(text, from, from.wrapping_sub(distance), end);
                        if length(before) > length(last) {
                            distance = before;
                        }
                    }
                    return Some((at, distance, next));
                }
                if before < NEAR && same(text, at, before, bytes) {
                    return Some((at, before, next));
                }
            }
            at = next;
        }
    }

    #[inline(always)]
    fn note_inside(&mut self, block: Block<'_>, at: u32, length: u32) -> Option<u32> {
        let Block { text, base, .. } = block;
        let mut inside = at.wrapping_sub(length).wrapping_add(2);
        while inside < at.wrapping_sub(5) {
            self.note(load64(text, inside), base.wrapping_add(inside));
            inside = inside.wrapping_add(6);
        }
        let bytes = load64(text, at.wrapping_sub(2));
        let place = base.wrapping_add(at);
        self.note(bytes, place.wrapping_sub(2));
        self.note(bytes >> 8, place.wrapping_sub(1));
        let bytes = bytes >> 16;
        let (last, before) = self.note(bytes, place);
        if last >= NEAR {
            return None;
        }
        if same(text, at, last, bytes) {
            return Some(last);
        }
        (before < NEAR && same(text, at, before, bytes)).then_some(before)
    }

    fn note_last(&mut self, block: Block<'_>, _at: u32, _length: u32, source: u32) {
        if source.wrapping_add(8) < block.end && source > 0 {
            self.note(load64(block.text, source), block.base.wrapping_add(source));
        }
    }

    fn rebase(&mut self, smaller: u32) {
        for seen in self.table.iter_mut() {
            let (last, before) = (*seen as u32, (*seen >> 32) as u32);
            *seen = u64::from(before.saturating_sub(smaller)) << 32 | u64::from(last.saturating_sub(smaller));
        }
    }
}
