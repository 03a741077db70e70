//! Blocks: what is in one, when it ends, and how it is written.

use super::header::Header;
use super::prefix::best;
use super::window::{HALF, Window};
use crate::bits::BitWriter;
use crate::huffman::{Code, FIXED_DISTANCES, FIXED_LITERALS, MAX_LENGTH, cost};
use crate::tables::{
    DISTANCE_CODES, DISTANCE_EXTRA, END_OF_BLOCK, FIRST_LENGTH, LENGTH_BASE, LENGTH_CODE, LENGTH_EXTRA,
    LITERAL_CODES, MIN_MATCH, distance_code, distance_rest,
};

/// A block has one symbol less than this at most.
const CAPACITY: usize = 1 << 15;

/// Levels up to this one never end a block early.
const LAST_LEVEL_OF_FULL_BLOCKS: u32 = 2;

/// Every so many symbols, gzip looks if the block had better end.
const CHECK_EVERY: usize = 1 << 12;

/// The two bits that say what kind a block is of.
const STORED: u64 = 0;
const FIXED: u64 = 1;
const DYNAMIC: u64 = 2;

/// The block that is being gathered.
#[derive(Debug)]
pub(super) struct Block {
    ends_early: bool,
    /// A match's distance in the upper half, 0 for a literal; below, the literal, or the match's
    /// length less [`MIN_MATCH`].
    symbols: Vec<u32>,
    literals: [u32; LITERAL_CODES],
    distances: [u32; DISTANCE_CODES],
    matches: usize,
    /// Where it begins in the window. Negative if that has slid away.
    start: isize,
    bits: BitWriter,
}

impl Block {
    pub(super) fn new(level: u32) -> Self {
        let mut block = Self {
            ends_early: level > LAST_LEVEL_OF_FULL_BLOCKS,
            symbols: Vec::with_capacity(CAPACITY),
            literals: [0; LITERAL_CODES],
            distances: [0; DISTANCE_CODES],
            matches: 0,
            start: 0,
            bits: BitWriter::default(),
        };
        block.clear();
        block
    }

    pub(super) fn reset(&mut self) {
        self.clear();
        self.start = 0;
        self.bits = BitWriter::default();
    }

    fn clear(&mut self) {
        self.symbols.clear();
        self.literals.fill(0);
        self.literals[END_OF_BLOCK] = 1;
        self.distances.fill(0);
        self.matches = 0;
    }

    /// Follows a slide of the window.
    pub(super) fn slid(&mut self) {
        self.start -= HALF as isize;
    }

    /// Takes a literal, at that place in the window or the next. True if the block has to end.
    #[inline]
    pub(super) fn literal(&mut self, byte: u8, at: usize) -> bool {
        self.literals[usize::from(byte)] += 1;
        self.symbols.push(byte.into());
        self.is_full(at)
    }

    /// Takes a match, at that place in the window or the next. True if the block has to end.
    #[inline]
    pub(super) fn repeat(&mut self, length: usize, distance: usize, at: usize) -> bool {
        let length = length.wrapping_sub(MIN_MATCH) as u8;
        self.literals[FIRST_LENGTH + usize::from(LENGTH_CODE[usize::from(length)])] += 1;
        self.distances[distance_code(distance as u32)] += 1;
        self.matches += 1;
        self.symbols.push((distance as u32) << 16 | u32::from(length));
        self.is_full(at)
    }

    #[inline]
    fn is_full(&self, at: usize) -> bool {
        let count = self.symbols.len();
        count == CAPACITY - 1
            || (count.is_multiple_of(CHECK_EVERY) && self.ends_early && self.has_done_well(at))
    }

    /// If few matches make up most of the block: then it ends, as what follows may be different.
    fn has_done_well(&self, at: usize) -> bool {
        let count = self.symbols.len();
        let distance_bits: u32 = self
            .distances
            .iter()
            .zip(&DISTANCE_EXTRA)
            .map(|(count, extra)| count * (5 + u32::from(*extra)))
            .sum();
        let most_bytes = (8 * count + distance_bits as usize) / 8;
        self.matches < count / 2 && most_bytes < at.wrapping_add_signed(-self.start) / 2
    }

    /// Ends the block before a place in the window, and writes it in the form that takes least.
    pub(super) fn close(&mut self, window: &Window, end: usize, is_last: bool, out: &mut Vec<u8>) {
        let literals = best(&self.literals, MAX_LENGTH);
        let distances = best(&self.distances, MAX_LENGTH);
        let header = Header::new(&literals, &distances);
        let extra = self.extra_bits();
        let dynamic_bits =
            header.cost() + cost(&literals, &self.literals) + cost(&distances, &self.distances) + extra;
        let fixed_bits =
            cost(&FIXED_LITERALS, &self.literals) + cost(&FIXED_DISTANCES, &self.distances) + extra;
        let [dynamic_bytes, fixed_bytes] = [dynamic_bits, fixed_bits].map(|bits| (bits + 3).div_ceil(8));

        // What has left the window cannot be stored any more.
        let stored = usize::try_from(self.start).ok().map(|start| window.slice(start, end));
        let stored = stored.filter(|plain| plain.len() + 4 <= dynamic_bytes.min(fixed_bytes));
        if let Some(plain) = stored {
            self.begin(STORED, is_last, out);
            self.bits.align(out);
            let length = plain.len() as u16;
            out.extend(length.to_le_bytes());
            out.extend((!length).to_le_bytes());
            out.extend(plain);
        } else if fixed_bytes <= dynamic_bytes {
            self.begin(FIXED, is_last, out);
            self.write(&FIXED_LITERALS, &FIXED_DISTANCES, fixed_bits, out);
        } else {
            self.begin(DYNAMIC, is_last, out);
            header.write(&mut self.bits, out);
            self.write(&literals, &distances, dynamic_bits, out);
        }
        if is_last {
            self.bits.align(out);
        }
        self.start = end as isize;
        self.clear();
    }

    fn begin(&mut self, kind: u64, is_last: bool, out: &mut Vec<u8>) {
        self.bits.put(kind << 1 | u64::from(is_last), 3, out);
    }

    /// The bits that follow on the codes of lengths and distances.
    fn extra_bits(&self) -> usize {
        let lengths = self.literals[FIRST_LENGTH..].iter().zip(&LENGTH_EXTRA);
        let distances = self.distances.iter().zip(&DISTANCE_EXTRA);
        lengths.chain(distances).map(|(&count, &extra)| count as usize * usize::from(extra)).sum()
    }

    /// Writes the symbols, `most` bits at most.
    fn write(
        &mut self,
        literals: &[Code; LITERAL_CODES],
        distances: &[Code; DISTANCE_CODES],
        most: usize,
        out: &mut Vec<u8>,
    ) {
        let symbols = &self.symbols;
        self.bits.burst(most, out, |burst| {
            for &symbol in symbols {
                let (distance, low) = (symbol >> 16, symbol as u8);
                if distance == 0 {
                    let code = literals[usize::from(low)];
                    burst.put(code.bits.into(), code.count.into());
                    continue;
                }
                let code = usize::from(LENGTH_CODE[usize::from(low)]);
                let length = literals[FIRST_LENGTH + code];
                burst.add(length.bits.into(), length.count.into());
                burst.add(low.wrapping_sub(LENGTH_BASE[code]).into(), LENGTH_EXTRA[code].into());
                let code = distance_code(distance);
                burst.add(distances[code].bits.into(), distances[code].count.into());
                burst.put(distance_rest(distance, code).into(), DISTANCE_EXTRA[code].into());
            }
            let end = literals[END_OF_BLOCK];
            burst.put(end.bits.into(), end.count.into());
        });
    }
}
