//! The bytes in which matches are looked for, and how they are loaded and compared.

use crate::tables::MAX_MATCH;

/// Positions in a window: a power of two, so that a mask tells the compiler that they are inside.
const POSITIONS: usize = 1 << 17;
/// Bytes with room behind them for whole words.
const BYTES: usize = POSITIONS + 8;

/// Bytes that are loaded without checks: positions beyond the end wrap around.
#[derive(Debug, Clone)]
pub(super) struct Window(Box<[u8; BYTES]>);

impl Window {
    pub(super) fn new() -> Self {
        // On the heap from the start: it is too large for a stack.
        let bytes: Box<[u8]> = vec![0; BYTES].into_boxed_slice();
        Self(bytes.try_into().unwrap_or_else(|_| Box::new([0; BYTES])))
    }

    #[inline(always)]
    pub(super) fn byte(&self, at: usize) -> u8 {
        self.0[at & (POSITIONS - 1)]
    }

    /// Four bytes, the first of them lowest.
    #[inline(always)]
    pub(super) fn load32(&self, at: usize) -> u32 {
        let at = at & (POSITIONS - 1);
        u32::from_le_bytes([self.0[at], self.0[at + 1], self.0[at + 2], self.0[at + 3]])
    }

    /// Eight bytes, the first of them lowest.
    #[inline(always)]
    pub(super) fn load64(&self, at: usize) -> u64 {
        let at = at & (POSITIONS - 1);
        self.0[at..at + 8].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }

    /// How many bytes from `a` on are those from `b` on, `most` at most.
    #[inline(always)]
    pub(super) fn match_length(&self, a: usize, b: usize, most: usize) -> usize {
        debug_assert!(most <= MAX_MATCH);
        let mut length = 0_usize;
        while length < most {
            let differing = self.load64(a.wrapping_add(length)) ^ self.load64(b.wrapping_add(length));
            if differing != 0 {
                return length.wrapping_add(differing.trailing_zeros() as usize >> 3).min(most);
            }
            length = length.wrapping_add(8);
        }
        most
    }

    /// The bytes of a range, which must be inside.
    pub(super) fn slice(&self, range: std::ops::Range<usize>) -> &[u8] {
        self.0.get(range).unwrap_or_default()
    }

    /// Puts bytes where there is room.
    pub(super) fn put(&mut self, at: usize, bytes: &[u8]) {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// Moves bytes to the front.
    pub(super) fn move_to_front(&mut self, range: std::ops::Range<usize>) {
        self.0.copy_within(range, 0);
    }
}
