//! The bytes that matches are looked for in, and what all searches do with them.

/// The farthest that a match reaches back.
pub(super) const REACH: u32 = 1 << 15;
/// Bytes of a block of the levels 1 to 6.
pub(super) const BLOCK: usize = 65535;
/// What history and a block may fill; beyond that the older history goes.
const ROOM: usize = 5 * BLOCK;
/// Masks positions, so that no load needs a check.
const MASK: usize = (1 << 19) - 1;
/// Positions begin again with a small number before they pass this.
const HIGHEST: u32 = 1 << 30;

/// Where bytes stand; eight more can be read at any masked position.
pub(super) type Text = [u8; MASK + 9];

/// Nothing but zeros, which take no memory before they are written to.
pub(super) fn empty_text() -> Box<Text> {
    let text = vec![0; MASK + 9].into_boxed_slice();
    text.try_into().unwrap_or_else(|_| Box::new([0; MASK + 9]))
}

/// Bytes from `at` on, the first lowest.
#[inline(always)]
pub(super) fn load64(text: &Text, at: u32) -> u64 {
    text[at as usize & MASK..].first_chunk().map_or(0, |&bytes| u64::from_le_bytes(bytes))
}

/// Like [`load64`], of four bytes.
#[inline(always)]
pub(super) fn load32(text: &Text, at: u32) -> u32 {
    text[at as usize & MASK..].first_chunk().map_or(0, |&bytes| u32::from_le_bytes(bytes))
}

/// The byte at `at`.
#[inline(always)]
pub(super) fn load8(text: &Text, at: u32) -> u8 {
    text[at as usize & MASK]
}

/// How many bytes at `a` and at `b` are alike, `a` being before `end`.
#[inline(always)]
pub(super) fn alike(text: &Text, mut a: u32, mut b: u32, end: u32) -> u32 {
    let start = a;
    while a < end {
        let differ = load64(text, a) ^ load64(text, b);
        if differ != 0 {
            let same = differ.trailing_zeros() / 8;
            return a.wrapping_add(same).min(end).wrapping_sub(start);
        }
        a = a.wrapping_add(8);
        b = b.wrapping_add(8);
    }
    end.saturating_sub(start)
}

/// Where a match at `at` begins if it is grown backwards, as far as `emitted` at most.
#[inline(always)]
pub(super) fn begins(text: &Text, emitted: u32, at: u32, distance: u32) -> u32 {
    let mut start = at;
    while start > distance
        && start > emitted
        && load8(text, start.wrapping_sub(1)) == load8(text, start.wrapping_sub(distance).wrapping_sub(1))
    {
        start = start.wrapping_sub(1);
    }
    start
}

/// Copies `length` bytes that stand at `from` to `at` in `to`; up to 15 bytes behind may change.
#[inline(always)]
pub(super) fn copy_short(text: &Text, from: u32, length: usize, to: &mut [u8], at: usize) {
    let from = from as usize & MASK;
    if length <= 16
        && let Some(source) = text.get(from..).and_then(|text| text.first_chunk::<16>())
        && let Some(place) = to.get_mut(at..).and_then(|to| to.first_chunk_mut::<16>())
    {
        *place = *source;
    } else if let Some(source) = text.get(from..from + length)
        && let Some(place) = to.get_mut(at..at + length)
    {
        place.copy_from_slice(source);
    }
}

/// History, and a block that is being collected behind it.
pub(super) struct Window {
    text: Box<Text>,
    /// The absolute position of the first byte. Tables remember absolute positions; 0 and all
    /// that lies too far back count as nothing.
    base: u32,
    /// Where the block starts.
    start: usize,
    /// Where it ends, for now.
    end: usize,
}

impl Window {
    pub(super) fn new() -> Self {
        Self { text: empty_text(), base: BLOCK as u32, start: 0, end: 0 }
    }

    /// The length of the block.
    pub(super) fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether the block can take no more.
    pub(super) fn is_full(&self) -> bool {
        self.len() == BLOCK
    }

    /// The block.
    pub(super) fn block(&self) -> &[u8] {
        self.text.get(self.start..self.end).unwrap_or_default()
    }

    /// Takes bytes until the block is full; returns the others.
    pub(super) fn collect<'a>(&mut self, plain: &'a [u8]) -> &'a [u8] {
        let count = plain.len().min(BLOCK - self.len());
        let (taken, rest) = plain.split_at(count);
        if let Some(place) = self.text.get_mut(self.end..self.end + count) {
            place.copy_from_slice(taken);
            self.end += count;
        }
        rest
    }

    /// Drops history that is too much, and returns what a search works on. If positions would
    /// grow too large, `rebase` is told by how much all become smaller.
    pub(super) fn settle(&mut self, mut rebase: impl FnMut(u32)) -> Block<'_> {
        if self.end > ROOM {
            let surplus = self.start - REACH as usize;
            self.text.copy_within(surplus..self.end, 0);
            (self.start, self.end) = (self.start - surplus, self.end - surplus);
            self.base += surplus as u32;
        }
        if self.base > HIGHEST {
            let smaller = self.base - BLOCK as u32;
            rebase(smaller);
            self.base -= smaller;
        }
        Block { text: &self.text, base: self.base, start: self.start as u32, end: self.end as u32 }
    }

    /// Makes the block history.
    pub(super) fn advance(&mut self) {
        self.start = self.end;
    }

    /// Forgets the block and all history.
    pub(super) fn forget(&mut self) {
        self.base += REACH + self.start as u32;
        (self.start, self.end) = (0, 0);
    }
}

/// A block to find matches in.
#[derive(Clone, Copy)]
pub(super) struct Block<'a> {
    pub(super) text: &'a Text,
    /// What makes positions in `text` absolute.
    pub(super) base: u32,
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Block<'_> {
    /// How many bytes there are to find matches for.
    pub(super) fn len(&self) -> usize {
        self.end.saturating_sub(self.start) as usize
    }
}
