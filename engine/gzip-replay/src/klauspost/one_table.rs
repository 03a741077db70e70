//! Finds matches for the levels 1 to 3: one table of strings of five bytes.

use super::fast::Find;
use super::tokens::Tokens;
use super::window::{Block, REACH, Text, alike, load8, load32, load64};

/// So near the end of a block no match begins.
const MARGIN: u32 = 11;

/// Slots of the table of a level, as a power of two.
const fn slot_bits(level: u8) -> u32 {
    match level {
        1 => 15,
        2 => 17,
        _ => 16,
    }
}

#[inline(always)]
fn slot<const LEVEL: u8>(bytes: u64) -> usize {
    ((bytes << 24).wrapping_mul(889_523_592_379) >> (64 - slot_bits(LEVEL))) as usize
}

/// How far a match goes, and where it starts if it is grown backwards, too.
#[inline(always)]
fn grow(block: Block<'_>, emitted: u32, at: u32, distance: u32) -> (u32, u32) {
    let Block { text, end, .. } = block;
    let from = at.wrapping_add(4);
    let stop = from.wrapping_add(alike(text, from, from.wrapping_sub(distance), end));
    let mut start = at;
    while start > distance
        && start > emitted
        && load8(text, start.wrapping_sub(1)) == load8(text, start.wrapping_sub(distance).wrapping_sub(1))
    {
        start = start.wrapping_sub(1);
    }
    (start, stop)
}

/// Whether four bytes are the same so far back.
#[inline(always)]
fn same(text: &Text, at: u32, distance: u32, bytes: u64) -> bool {
    load32(text, at.wrapping_sub(distance)) == bytes as u32
}

/// Where strings were seen last: for the levels 1 and 2.
pub(super) struct OneTable<const LEVEL: u8, const SLOTS: usize>(Box<[u32; SLOTS]>);

impl<const LEVEL: u8, const SLOTS: usize> OneTable<LEVEL, SLOTS> {
    pub(super) fn new() -> Self {
        Self(Box::new([0; SLOTS]))
    }

    /// Notes a string; returns where it was seen before.
    #[inline(always)]
    fn note(&mut self, bytes: u64, place: u32) -> u32 {
        std::mem::replace(&mut self.0[slot::<LEVEL>(bytes) & (SLOTS - 1)], place)
    }

    /// Looks for a match from `at` on: where it is, how far back, and where the search would
    /// have gone on.
    #[inline(always)]
    fn search(&mut self, block: Block<'_>, emitted: u32, mut at: u32) -> Option<(u32, u32, u32)> {
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
}

impl<const LEVEL: u8, const SLOTS: usize> Find for OneTable<LEVEL, SLOTS> {
    fn find(&mut self, block: Block<'_>, tokens: &mut Tokens) {
        let Block { text, base, end, .. } = block;
        let (mut emitted, mut from) = (block.start, block.start);
        'block: while let Some((mut at, mut distance, next)) = self.search(block, emitted, from) {
            loop {
                let (start, stop) = grow(block, emitted, at, distance);
                let length = stop.wrapping_sub(start);
                tokens.push_all(text, emitted, start);
                tokens.push_long(length, distance);
                emitted = stop;
                at = if next >= stop { next.wrapping_add(1) } else { stop };
                if at >= end.wrapping_sub(MARGIN) {
                    if at.wrapping_add(length).wrapping_add(8) < end {
                        self.note(load64(text, at), base.wrapping_add(at));
                    }
                    break 'block;
                }
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
                distance = place.wrapping_sub(self.note(bytes >> 16, place));
                // Only here the farthest distance of all is good enough.
                if distance > REACH || !same(text, at, distance, bytes >> 16) {
                    from = at.wrapping_add(1);
                    break;
                }
            }
        }
        if emitted < end && tokens.len() > 0 {
            tokens.push_all(text, emitted, end);
        }
    }

    fn rebase(&mut self, smaller: u32) {
        self.0.iter_mut().for_each(|place| *place = place.saturating_sub(smaller));
    }
}

/// Where strings were seen the last two times: for level 3.
pub(super) struct TwoPlaces {
    /// The last place in the low half, the one before in the high half.
    table: Box<[u64; 1 << slot_bits(3)]>,
}

/// Level 3 looks not quite so far back.
const NEAR: u32 = REACH - 4;

impl TwoPlaces {
    pub(super) fn new() -> Self {
        Self { table: Box::new([0; 1 << slot_bits(3)]) }
    }

    /// Notes a string; returns how far back it was seen before, twice.
    #[inline(always)]
    fn note(&mut self, bytes: u64, place: u32) -> (u32, u32) {
        let seen = &mut self.table[slot::<3>(bytes)];
        let distances = (place.wrapping_sub(*seen as u32), place.wrapping_sub((*seen >> 32) as u32));
        *seen = *seen << 32 | u64::from(place);
        distances
    }

    /// Like the search of [`OneTable`].
    #[inline(always)]
    fn search(&mut self, block: Block<'_>, emitted: u32, mut at: u32) -> Option<(u32, u32, u32)> {
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
}

impl Find for TwoPlaces {
    fn find(&mut self, block: Block<'_>, tokens: &mut Tokens) {
        let Block { text, base, end, .. } = block;
        let (mut emitted, mut from) = (block.start, block.start);
        'block: while let Some((mut at, mut distance, next)) = self.search(block, emitted, from) {
            loop {
                let (start, stop) = grow(block, emitted, at, distance);
                let length = stop.wrapping_sub(start);
                tokens.push_all(text, emitted, start);
                tokens.push_long(length, distance);
                emitted = stop;
                at = if next >= stop { next.wrapping_add(1) } else { stop };
                if at >= end.wrapping_sub(MARGIN) {
                    let source = stop.wrapping_sub(distance);
                    if source.wrapping_add(8) < end && source > 0 {
                        self.note(load64(text, source), base.wrapping_add(source));
                    }
                    break 'block;
                }
                let mut inside = at.wrapping_sub(length).wrapping_add(2);
                while inside < at.wrapping_sub(5) {
                    self.note(load64(text, inside), base.wrapping_add(inside));
                    inside = inside.wrapping_add(6);
                }
                let bytes = load64(text, at.wrapping_sub(2));
                let place = base.wrapping_add(at);
                self.note(bytes, place.wrapping_sub(2));
                self.note(bytes >> 8, place.wrapping_sub(1));
                let (last, before) = self.note(bytes >> 16, place);
                let bytes = bytes >> 16;
                distance = if last < NEAR && same(text, at, last, bytes) {
                    last
                } else if last < NEAR && before < NEAR && same(text, at, before, bytes) {
                    before
                } else {
                    from = at.wrapping_add(1);
                    break;
                };
            }
        }
        if emitted < end && tokens.len() > 0 {
            tokens.push_all(text, emitted, end);
        }
    }

    fn rebase(&mut self, smaller: u32) {
        for seen in self.table.iter_mut() {
            let (last, before) = (*seen as u32, (*seen >> 32) as u32);
            *seen = u64::from(before.saturating_sub(smaller)) << 32 | u64::from(last.saturating_sub(smaller));
        }
    }
}
