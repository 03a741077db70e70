//! Finds matches for the levels 4 to 6: a table of strings of four bytes, one of seven.

use super::fast::Find;
use super::greedy::MARGIN;
use super::tokens::{LONGEST, Tokens};
use super::window::{Block, REACH, Text, alike, begins, load32, load64};

/// Slots of each table, as a power of two.
const SLOT_BITS: u32 = 15;

/// Where strings were seen last.
pub(super) struct TwoTables<const LEVEL: u8> {
    short: Box<[u32; 1 << SLOT_BITS]>,
    /// The last place of each slot in the low half, the one before in the high half.
    long: Box<[u64; 1 << SLOT_BITS]>,
    /// Level 4 once took a distance for a position, when it weighed two matches.
    mistaken: bool,
}

/// A match that was found.
#[derive(Clone, Copy)]
struct Found {
    at: u32,
    distance: u32,
    /// The length, or 0 if it was not measured yet.
    length: u32,
}

#[inline(always)]
fn short_slot(bytes: u64) -> usize {
    ((bytes as u32).wrapping_mul(2_654_435_761) >> (32 - SLOT_BITS)) as usize
}

#[inline(always)]
fn long_slot(bytes: u64) -> usize {
    ((bytes << 8).wrapping_mul(58_295_818_150_454_627) >> (64 - SLOT_BITS)) as usize
}

impl<const LEVEL: u8> TwoTables<LEVEL> {
    pub(super) fn new(mistaken: bool) -> Self {
        Self { short: Box::new([0; 1 << SLOT_BITS]), long: Box::new([0; 1 << SLOT_BITS]), mistaken }
    }

    #[inline(always)]
    fn note_short(&mut self, bytes: u64, place: u32) {
        self.short[short_slot(bytes)] = place;
    }

    #[inline(always)]
    fn note_long(&mut self, bytes: u64, place: u32) {
        let slot = &mut self.long[long_slot(bytes)];
        *slot = *slot << 32 | u64::from(place);
    }

    /// Looks for a match from `at` on; bytes from `emitted` on are literals so far. Also says
    /// where it would have looked next.
    #[inline(always)]
    fn search(&mut self, block: Block<'_>, emitted: u32, mut at: u32, repeat: u32) -> Option<(Found, u32)> {
        let Block { text, base, end, .. } = block;
        let limit = end.wrapping_sub(MARGIN);
        let skip = if LEVEL == 6 { 7 } else { 6 };
        let mut bytes = load64(text, at);
        let (mut short, mut long) = (short_slot(bytes), long_slot(bytes));
        loop {
            let next = at.wrapping_add(1).wrapping_add(at.wrapping_sub(emitted) >> skip);
            if next > limit {
                return None;
            }
            let place = base.wrapping_add(at);
            let near = self.short[short];
            let far = self.long[long];
            self.short[short] = place;
            self.long[long] = far << 32 | u64::from(place);

            let next_bytes = load64(text, next);
            let (next_short, next_long) = (short_slot(next_bytes), long_slot(next_bytes));
            let next_place = base.wrapping_add(next);
            let same = |distance: u32| load32(text, at.wrapping_sub(distance)) == bytes as u32;
            let measured = |distance: u32| measure(text, at, distance, end);

            let last = place.wrapping_sub(far as u32);
            let before = place.wrapping_sub((far >> 32) as u32);
            if last < REACH {
                if same(last) {
                    if LEVEL == 4 {
                        return Some((Found { at, distance: last, length: 0 }, next));
                    }
                    self.short[next_short] = next_place;
                    self.note_long(next_bytes, next_place);
                    let mut found = Found { at, distance: last, length: 0 };
                    if before < REACH && same(before) {
                        found.length = measured(last);
                        let length = measured(before);
                        if length > found.length {
                            found = Found { at, distance: before, length };
                        }
                    }
                    return Some((found, next));
                }
                if LEVEL != 4 && before < REACH && same(before) {
                    self.short[next_short] = next_place;
                    self.note_long(next_bytes, next_place);
                    return Some((Found { at, distance: before, length: 0 }, next));
                }
            }
            let distance = place.wrapping_sub(near);
            if distance < REACH && same(distance) {
                let mut found = Found { at, distance, length: 0 };
                let far = self.long[next_long];
                let last = next_place.wrapping_sub(far as u32);
                let before = next_place.wrapping_sub((far >> 32) as u32);
                let next_same = |distance: u32| {
                    distance < REACH && load32(text, next.wrapping_sub(distance)) == next_bytes as u32
                };
                if LEVEL == 4 {
                    if next_same(last) {
                        let other = if self.mistaken { last } else { next.wrapping_sub(last) };
                        let here = alike(text, at + 4, at.wrapping_sub(distance) + 4, end);
                        if alike(text, next + 4, other + 4, end) > here {
                            found = Found { at: next, distance: last, length: 0 };
                        }
                    }
                    return Some((found, next));
                }
                found.length = measured(distance);
                self.short[next_short] = next_place;
                self.long[next_long] = far << 32 | u64::from(next_place);
                if LEVEL == 6 {
                    let from = at.wrapping_sub(repeat).wrapping_add(1);
                    if load32(text, from) == (bytes >> 8) as u32 {
                        let length = measure(text, at.wrapping_add(1), repeat, end);
                        if length > found.length {
                            return Some((Found { at: at.wrapping_add(1), distance: repeat, length }, next));
                        }
                    }
                }
                if last < REACH {
                    for distance in [last, before] {
                        if next_same(distance) {
                            let length = measure(text, next, distance, end);
                            if length > found.length {
                                found = Found { at: next, distance, length };
                                // Level 6 looks at the one before in any case.
                                if LEVEL == 5 {
                                    break;
                                }
                            }
                        }
                    }
                }
                return Some((found, next));
            }
            (bytes, short, long, at) = (next_bytes, next_short, next_long, next);
        }
    }

    /// Looks whether what follows a match was seen behind a longer one.
    #[inline(always)]
    fn look_behind(&self, block: Block<'_>, found: &mut Found) {
        let Block { text, base, end, .. } = block;
        let (at, behind) = (found.at, found.at.wrapping_add(found.length));
        if behind >= end.wrapping_sub(MARGIN) || LEVEL == 5 && found.length >= 30 {
            return;
        }
        let far = self.long[long_slot(load64(text, behind))];
        // The first two bytes may differ; they are looked at when the match grows backwards.
        let start = at.wrapping_add(2);
        let mut weigh = |place: u32| {
            let distance = base.wrapping_add(at).wrapping_add(found.length).wrapping_sub(place) as i32;
            if distance > 0 && distance < REACH as i32 && distance as u32 <= start {
                let length = alike(text, start, start.wrapping_sub(distance as u32), end);
                if length > found.length {
                    *found = Found { at: start, distance: distance as u32, length };
                }
            }
            distance
        };
        if weigh(far as u32) < REACH as i32 && LEVEL == 6 {
            weigh((far >> 32) as u32);
        }
    }

    /// Notes strings inside of a match that ends before `at`.
    #[inline(always)]
    fn note_inside(&mut self, block: Block<'_>, at: u32, length: u32, next: u32) {
        let Block { text, base, .. } = block;
        let last = at.wrapping_sub(1);
        match LEVEL {
            4 => {
                for at in (next..last).step_by(3) {
                    let (bytes, place) = (load64(text, at), base.wrapping_add(at));
                    self.note_long(bytes, place);
                    self.note_long(bytes >> 8, place.wrapping_add(1));
                    self.note_short(bytes >> 8, place.wrapping_add(1));
                }
            }
            5 => {
                let first = at.wrapping_sub(length).wrapping_add(1);
                if first < last {
                    let (bytes, place) = (load64(text, first), base.wrapping_add(first));
                    self.note_short(bytes, place);
                    self.note_long(bytes, place);
                    self.note_long(bytes >> 8, place.wrapping_add(1));
                    self.note_short(bytes >> 16, place.wrapping_add(2));
                    let mut at = first.wrapping_add(4);
                    while at < last {
                        let (bytes, place) = (load64(text, at), base.wrapping_add(at));
                        self.note_long(bytes, place);
                        self.note_short(bytes >> 8, place.wrapping_add(1));
                        at = at.wrapping_add(3);
                    }
                }
            }
            _ => {
                let mut at = next.wrapping_add(1);
                while at < last {
                    let (bytes, place) = (load64(text, at), base.wrapping_add(at));
                    self.note_short(bytes, place);
                    self.note_long(bytes, place);
                    self.note_long(bytes >> 8, place.wrapping_add(1));
                    at = at.wrapping_add(2);
                }
                return;
            }
        }
        let (bytes, place) = (load64(text, last), base.wrapping_add(last));
        self.note_short(bytes, place);
        self.note_long(bytes, place);
    }

    /// Notes what stands behind the last match of a block, at `at`.
    fn note_rest(&mut self, block: Block<'_>, at: u32, next: u32) {
        let Block { text, base, end, .. } = block;
        let places = match LEVEL {
            4 if at + 8 < end => at..at + 1,
            6 => next + 1..end.saturating_sub(8),
            _ => return,
        };
        for at in places.step_by(2) {
            let bytes = load64(text, at);
            self.note_short(bytes, base.wrapping_add(at));
            self.note_long(bytes, base.wrapping_add(at));
        }
    }
}

/// The length of a match, [`LONGEST`] at most, whose first four bytes are alike.
#[inline(always)]
fn measure(text: &Text, at: u32, distance: u32, end: u32) -> u32 {
    let from = at.wrapping_add(4);
    let end = end.min(at.wrapping_add(LONGEST));
    alike(text, from, from.wrapping_sub(distance), end).wrapping_add(4)
}

impl<const LEVEL: u8> Find for TwoTables<LEVEL> {
    fn find(&mut self, block: Block<'_>, tokens: &mut Tokens) {
        let Block { text, end, .. } = block;
        let limit = end.wrapping_sub(MARGIN);
        let (mut emitted, mut at, mut repeat) = (block.start, block.start, 1);
        while let Some((mut found, next)) = self.search(block, emitted, at, repeat) {
            if found.length == 0 {
                let from = found.at.wrapping_add(4);
                found.length = alike(text, from, from.wrapping_sub(found.distance), end).wrapping_add(4);
            } else if found.length == LONGEST {
                let from = found.at.wrapping_add(LONGEST);
                let more = alike(text, from, from.wrapping_sub(found.distance), end);
                found.length = found.length.wrapping_add(more);
            }
            if LEVEL != 4 {
                self.look_behind(block, &mut found);
            }
            let Found { at: seen, distance, length } = found;
            let start = begins(text, emitted, seen, distance);
            let length = length.wrapping_add(seen.wrapping_sub(start));
            tokens.push_all(text, emitted, start);
            tokens.push_long(length, distance);
            repeat = distance;
            emitted = start.wrapping_add(length);
            at = if next >= emitted { next.wrapping_add(1) } else { emitted };
            if at >= limit {
                self.note_rest(block, at, next);
                break;
            }
            self.note_inside(block, at, length, next);
        }
        if emitted < end && tokens.len() > 0 {
            tokens.push_all(text, emitted, end);
        }
    }

    fn rebase(&mut self, smaller: u32) {
        self.short.iter_mut().for_each(|place| *place = place.saturating_sub(smaller));
        for slot in self.long.iter_mut() {
            let (last, before) = (*slot as u32, (*slot >> 32) as u32);
            *slot = u64::from(before.saturating_sub(smaller)) << 32 | u64::from(last.saturating_sub(smaller));
        }
    }
}
