//! Finds matches for the levels 1 and 2: one table of strings of five bytes.

use super::greedy::{MARGIN, Places, Seen, same, slot};
use super::window::{Block, REACH, load64};

/// Where strings were seen last.
pub(super) struct OneTable<const LEVEL: u8, const SLOTS: usize>(Box<[u32; SLOTS]>);

impl<const LEVEL: u8, const SLOTS: usize> OneTable<LEVEL, SLOTS> {
    pub(super) fn new() -> Self {
        Self(Box::new([0; SLOTS]))
    }

    /// Notes a string; returns where it was seen before.
    #[inline(always)]
    fn note(&mut self, bytes: u64, place: u32) -> u32 {
        std::mem::replace(&mut self.0[slot(bytes, SLOTS)], place)
    }
}

impl<const LEVEL: u8, const SLOTS: usize> Places for OneTable<LEVEL, SLOTS> {
    #[inline(always)]
    fn search(&mut self, block: Block<'_>, emitted: u32, mut at: u32) -> Option<Seen> {
        let Block { text, base, end, .. } = block;
        let mut bytes = load64(text, at);
        loop {
            let next = at.wrapping_add(2).wrapping_add(at.wrapping_sub(emitted) >> 5);
            if next > end.wrapping_sub(MARGIN) {
                return None;
            }
            let next_bytes = load64(text, next);
            let place = base.wrapping_add(at);
            let distance = place.wrapping_sub(self.note(bytes, place));
            if distance < REACH && same(text, at, distance, bytes) {
                self.note(next_bytes, base.wrapping_add(next));
                return Some((at, distance, next));
            }
            // The string at `next` is looked up at once, and its neighbour comes then.
            let place = base.wrapping_add(next);
            let distance = place.wrapping_sub(self.note(next_bytes, place));
            if distance < REACH && same(text, next, distance, next_bytes) {
                if LEVEL == 1 {
                    self.note(next_bytes, place.wrapping_add(1));
                }
                return Some((next, distance, next.wrapping_add(1)));
            }
            (bytes, at) = (next_bytes >> 8, next.wrapping_add(1));
        }
    }

    #[inline(always)]
    fn note_inside(&mut self, block: Block<'_>, at: u32, length: u32) -> Option<u32> {
        let Block { text, base, .. } = block;
        if LEVEL == 2 {
            let mut inside = at.wrapping_sub(length).wrapping_add(2);
            while inside < at.wrapping_sub(5) {
                let (bytes, place) = (load64(text, inside), base.wrapping_add(inside));
                self.note(bytes, place);
                self.note(bytes >> 16, place.wrapping_add(2));
                self.note(bytes >> 32, place.wrapping_add(4));
                inside = inside.wrapping_add(7);
            }
        }
        let bytes = load64(text, at.wrapping_sub(2));
        let place = base.wrapping_add(at);
        self.note(bytes, place.wrapping_sub(2));
        if LEVEL == 2 {
            self.note(bytes >> 8, place.wrapping_sub(1));
        }
        let distance = place.wrapping_sub(self.note(bytes >> 16, place));
        // Only here the farthest distance of all is good enough.
        (distance <= REACH && same(text, at, distance, bytes >> 16)).then_some(distance)
    }

    fn note_last(&mut self, block: Block<'_>, at: u32, length: u32, _source: u32) {
        if at.wrapping_add(length).wrapping_add(8) < block.end {
            self.note(load64(block.text, at), block.base.wrapping_add(at));
        }
    }

    fn rebase(&mut self, smaller: u32) {
        self.0.iter_mut().for_each(|place| *place = place.saturating_sub(smaller));
    }
}
