//! The levels 1 to 3: the first match that is found is taken.

use super::fast::Find;
use super::tokens::Tokens;
use super::window::{Block, Text, alike, begins, load32};

/// So near the end of a block no match begins.
pub(super) const MARGIN: u32 = 11;

/// A match: where it is seen, how far back, and where the search would have gone on.
pub(super) type Seen = (u32, u32, u32);

/// A table of places where strings of five bytes were seen.
pub(super) trait Places: Send {
    /// Looks for a match from `at` on; bytes from `emitted` on are literals so far.
    fn search(&mut self, block: Block<'_>, emitted: u32, at: u32) -> Option<Seen>;

    /// Notes strings inside of a match of `length` bytes, and the one behind it, at `at`. If that was seen
    /// before: how far back.
    fn note_inside(&mut self, block: Block<'_>, at: u32, length: u32) -> Option<u32>;

    /// Notes what it notes of the last match of a block, which stood at `source` before. The search would
    /// have gone on at `at`.
    fn note_last(&mut self, block: Block<'_>, at: u32, length: u32, source: u32);

    /// All positions become smaller by this.
    fn rebase(&mut self, smaller: u32);
}

/// The slot of a string in a table of so many, a power of two.
#[inline(always)]
pub(super) fn slot(bytes: u64, slots: usize) -> usize {
    ((bytes << 24).wrapping_mul(889_523_592_379) >> (64 - slots.ilog2())) as usize & (slots - 1)
}

/// Whether four bytes are the same so far back.
#[inline(always)]
pub(super) fn same(text: &Text, at: u32, distance: u32, bytes: u64) -> bool {
    load32(text, at.wrapping_sub(distance)) == bytes as u32
}

impl<P: Places> Find for P {
    fn find(&mut self, block: Block<'_>, tokens: &mut Tokens) {
        let Block { text, end, .. } = block;
        let (mut emitted, mut from) = (block.start, block.start);
        'block: while let Some((mut at, mut distance, next)) = self.search(block, emitted, from) {
            loop {
                let behind = at.wrapping_add(4);
                let stop = behind.wrapping_add(alike(text, behind, behind.wrapping_sub(distance), end));
                let start = begins(text, emitted, at, distance);
                let length = stop.wrapping_sub(start);
                tokens.push_all(text, emitted, start);
                tokens.push_long(length, distance);
                emitted = stop;
                at = if next >= stop { next.wrapping_add(1) } else { stop };
                if at >= end.wrapping_sub(MARGIN) {
                    self.note_last(block, at, length, stop.wrapping_sub(distance));
                    break 'block;
                }
                match self.note_inside(block, at, length) {
                    Some(seen) => distance = seen,
                    None => {
                        from = at.wrapping_add(1);
                        break;
                    }
                }
            }
        }
        if emitted < end && tokens.len() > 0 {
            tokens.push_all(text, emitted, end);
        }
    }

    fn rebase(&mut self, smaller: u32) {
        Places::rebase(self, smaller);
    }
}
