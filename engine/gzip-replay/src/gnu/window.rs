//! The window: what was read, and where its strings were last seen.

use super::Effort;
use crate::tables::{MAX_MATCH, MIN_MATCH};

/// How far back a window reaches, and how much of it goes when it slides.
pub(super) const HALF: usize = 1 << 15;
const BYTES: usize = 2 * HALF;

/// No string is searched with less than this ahead, unless the input has ended.
pub(super) const MIN_LOOKAHEAD: usize = MAX_MATCH + MIN_MATCH + 1;

/// No match is farther away.
const MAX_DISTANCE: usize = HALF - MIN_LOOKAHEAD;

/// So that 8 bytes can be loaded from anywhere.
const SLACK: usize = 8;

type Bytes = [u8; BYTES + SLACK];

/// Ends a chain. So the string at the window's very start is never found.
const NOWHERE: u16 = 0;

/// What gzip keeps of its input: 64 KiB, and an index of the strings of three bytes in it.
///
/// What lies behind the input's end is looked at too, as gzip does: a match that goes on there is
/// cut to the end, but was preferred to others.
pub(super) struct Window {
    bytes: Box<Bytes>,
    /// The string that comes next.
    pub(super) at: usize,
    /// Where the input ends.
    end: usize,
    /// Where strings with a given hash were last seen.
    heads: Box<[u16; HALF]>,
    /// Where the string at a place, modulo [`HALF`], was seen before that.
    previous: Box<[u16; HALF]>,
}

impl std::fmt::Debug for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Window").field("at", &self.at).field("end", &self.end).finish_non_exhaustive()
    }
}

impl Window {
    pub(super) fn new() -> Self {
        Self {
            bytes: Box::new([0; BYTES + SLACK]),
            at: 0,
            end: 0,
            heads: Box::new([NOWHERE; HALF]),
            previous: Box::new([NOWHERE; HALF]),
        }
    }

    pub(super) fn reset(&mut self) {
        self.bytes.fill(0);
        self.heads.fill(NOWHERE);
        (self.at, self.end) = (0, 0);
    }

    /// Takes as many bytes as there is room for, and says how many.
    pub(super) fn read(&mut self, plain: &[u8]) -> usize {
        let free = &mut self.bytes[self.end..BYTES];
        let count = plain.len().min(free.len());
        free[..count].copy_from_slice(&plain[..count]);
        self.end += count;
        count
    }

    pub(super) fn is_full(&self) -> bool {
        self.end == BYTES
    }

    pub(super) fn ahead(&self) -> usize {
        self.end - self.at
    }

    #[inline]
    pub(super) fn byte(&self, at: usize) -> u8 {
        self.bytes[at & (BYTES - 1)]
    }

    /// What a block is stored from.
    pub(super) fn slice(&self, from: usize, to: usize) -> &[u8] {
        &self.bytes[from..to]
    }

    /// Marks the end of the input, as gzip does, so that the last strings are no accidents.
    pub(super) fn end(&mut self) {
        self.bytes[self.end..][..MIN_MATCH - 1].fill(0);
    }

    /// Drops the lower half, if the next string stands near the end of the upper one.
    pub(super) fn slide(&mut self) -> bool {
        if self.at < HALF + MAX_DISTANCE {
            return false;
        }
        self.bytes.copy_within(HALF..BYTES, 0);
        self.at -= HALF;
        self.end -= HALF;
        for places in [&mut self.heads, &mut self.previous] {
            for place in places.iter_mut() {
                *place = place.saturating_sub(HALF as u16);
            }
        }
        true
    }

    /// Puts the string at a place into the index. Says where the one before it is.
    #[inline]
    pub(super) fn insert(&mut self, at: usize) -> usize {
        let [a, b, c, _] = load(&self.bytes, at).map(usize::from);
        let hash = (a << 10 ^ b << 5 ^ c) % HALF;
        let before = self.heads[hash];
        self.previous[at % HALF] = before;
        self.heads[hash] = at as u16;
        before.into()
    }

    /// If a search may begin at the candidate that [`Window::insert`] gave. Near the window's end
    /// none does: there gzip could read past it.
    #[inline]
    pub(super) fn is_candidate(&self, place: usize) -> bool {
        place != NOWHERE.into()
            && self.at.wrapping_sub(place) <= MAX_DISTANCE
            && self.at <= BYTES - MIN_LOOKAHEAD
    }

    /// Searches a match longer than `shortest` for the next string, among the candidates from
    /// `place` on. Gives its length and its place.
    #[inline]
    pub(super) fn search(
        &self,
        effort: &Effort,
        shortest: usize,
        mut place: usize,
    ) -> Option<(usize, usize)> {
        let at = self.at;
        let limit = at.saturating_sub(MAX_DISTANCE);
        let mut candidates = effort.chain;
        if shortest >= effort.good {
            candidates >>= 2;
        }
        let (bytes, previous) = (&*self.bytes, &*self.previous);
        let start: [u8; 2] = load(bytes, at);
        let mut longest = shortest;
        // The last byte of the longest match and the one behind it: a longer one has both.
        let mut tail: [u8; 2] = load(bytes, at.wrapping_add(longest).wrapping_sub(1));
        let mut found = None;
        loop {
            let tail_place = place.wrapping_add(longest).wrapping_sub(1);
            if load(bytes, tail_place) == tail && load(bytes, place) == start {
                let length = match_length(bytes, at, place);
                if length > longest {
                    longest = length;
                    found = Some((length, place));
                    if length >= effort.nice {
                        return found;
                    }
                    tail = load(bytes, at.wrapping_add(longest).wrapping_sub(1));
                }
            }
            place = previous[place % HALF].into();
            candidates = candidates.wrapping_sub(1);
            if place <= limit || candidates == 0 {
                return found;
            }
        }
    }
}

#[inline]
fn load<const N: usize>(bytes: &Bytes, at: usize) -> [u8; N] {
    let at = at & (BYTES - 1);
    let mut loaded = [0; N];
    loaded.copy_from_slice(&bytes[at..at + N]);
    loaded
}

/// How far two strings are alike, 258 bytes at most.
#[inline]
fn match_length(bytes: &Bytes, a: usize, b: usize) -> usize {
    let mut length = 0;
    while length < MAX_MATCH {
        let left = u64::from_le_bytes(load(bytes, a.wrapping_add(length)));
        let right = u64::from_le_bytes(load(bytes, b.wrapping_add(length)));
        if left != right {
            length += (left ^ right).trailing_zeros() as usize / 8;
            break;
        }
        length += 8;
    }
    length.min(MAX_MATCH)
}
