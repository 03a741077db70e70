//! What a block is made of: literals, and matches between them.

use super::window::{BLOCK, Text, copy_short};
use crate::huffman::{self, Code};
use crate::tables::{
    DISTANCE_CODES, DISTANCE_EXTRA, END_OF_BLOCK, FIRST_LENGTH, LENGTH_CODE, LENGTH_CODES, LENGTH_EXTRA,
    LITERAL_CODES, MAX_MATCH, MIN_MATCH, distance_code,
};

/// The longest match that has a code.
pub(super) const LONGEST: u32 = MAX_MATCH as u32;
/// The shortest.
pub(super) const SHORTEST: u32 = MIN_MATCH as u32;

/// A match, and how many literals stand before it.
#[derive(Clone, Copy, Default)]
pub(super) struct Match {
    /// Literals since the match before.
    pub(super) literals: u16,
    /// The distance, less 1.
    pub(super) distance: u16,
    /// The length, less 3.
    pub(super) length: u8,
    /// The code of the distance.
    pub(super) code: u8,
}

/// The literals and matches of a block that is being made.
pub(super) struct Tokens {
    /// All literals, one after another, whatever matches stand between.
    literals: Box<[u8]>,
    /// How many there are.
    literal_count: usize,
    /// How many of them stand before the last match.
    literals_matched: usize,
    matches: Vec<Match>,
    lengths: [u32; 32],
    distances: [u32; 32],
}

/// How often each symbol occurs in a block.
pub(super) struct Counts {
    /// Literals, the end of block, and lengths.
    pub(super) literals: [u32; LITERAL_CODES],
    pub(super) distances: [u32; DISTANCE_CODES],
}

impl Tokens {
    pub(super) fn new() -> Self {
        Self {
            literals: vec![0; BLOCK + 64].into_boxed_slice(),
            literal_count: 0,
            literals_matched: 0,
            matches: Vec::new(),
            lengths: [0; 32],
            distances: [0; 32],
        }
    }

    pub(super) fn clear(&mut self) {
        (self.literal_count, self.literals_matched) = (0, 0);
        self.matches.clear();
        (self.lengths, self.distances) = ([0; 32], [0; 32]);
    }

    /// How many tokens there are.
    pub(super) fn len(&self) -> usize {
        self.literal_count + self.matches.len()
    }

    pub(super) fn literals(&self) -> &[u8] {
        self.literals.get(..self.literal_count).unwrap_or_default()
    }

    pub(super) fn matches(&self) -> &[Match] {
        &self.matches
    }

    #[inline]
    pub(super) fn push(&mut self, literal: u8) {
        if let Some(place) = self.literals.get_mut(self.literal_count) {
            *place = literal;
            self.literal_count += 1;
        }
    }

    /// Adds the bytes of `text` from `from` to `to`.
    #[inline]
    pub(super) fn push_all(&mut self, text: &Text, from: u32, to: u32) {
        let length = to.wrapping_sub(from) as usize;
        copy_short(text, from, length, &mut self.literals, self.literal_count);
        self.literal_count = self.literal_count.wrapping_add(length);
    }

    /// Adds a match of `length` bytes, [`LONGEST`] at most.
    #[inline]
    pub(super) fn push_match(&mut self, length: u32, distance: u32) {
        self.push_coded(length, distance, distance_code(distance));
    }

    /// Adds a match of any length.
    #[inline]
    pub(super) fn push_long(&mut self, mut length: u32, distance: u32) {
        let code = distance_code(distance);
        while length > LONGEST {
            // What is left must be long enough for a match, too.
            let part = if length > LONGEST + SHORTEST { LONGEST } else { LONGEST - SHORTEST };
            self.push_coded(part, distance, code);
            length -= part;
        }
        self.push_coded(length, distance, code);
    }

    #[inline]
    fn push_coded(&mut self, length: u32, distance: u32, code: usize) {
        let (length, distance) = (length.wrapping_sub(SHORTEST) as u8, distance.wrapping_sub(1) as u16);
        let count = &mut self.lengths[usize::from(LENGTH_CODE[usize::from(length)] & 31)];
        *count = count.wrapping_add(1);
        let count = &mut self.distances[code & 31];
        *count = count.wrapping_add(1);
        let literals = self.literal_count.wrapping_sub(self.literals_matched) as u16;
        self.literals_matched = self.literal_count;
        self.matches.push(Match { literals, distance, length, code: code as u8 });
    }

    /// Counts the symbols; the end of block counts `ends`.
    pub(super) fn counts(&self, ends: u32) -> Counts {
        let mut counts = Counts { literals: [0; LITERAL_CODES], distances: [0; DISTANCE_CODES] };
        counts.literals[..256].copy_from_slice(&histogram(self.literals()));
        counts.literals[END_OF_BLOCK] = ends;
        counts.literals[FIRST_LENGTH..].copy_from_slice(&self.lengths[..LENGTH_CODES]);
        counts.distances.copy_from_slice(&self.distances[..DISTANCE_CODES]);
        counts
    }
}

impl Counts {
    /// Bits that stand behind codes.
    pub(super) fn extra_bits(&self) -> usize {
        let lengths = self.literals[FIRST_LENGTH..].iter().zip(&LENGTH_EXTRA);
        let distances = self.distances.iter().zip(&DISTANCE_EXTRA);
        lengths.chain(distances).map(|(&count, &bits)| count as usize * usize::from(bits)).sum()
    }

    /// Bits that the codes take.
    pub(super) fn cost(&self, literals: &[Code], distances: &[Code]) -> usize {
        huffman::cost(literals, &self.literals) + huffman::cost(distances, &self.distances)
    }

    /// A guess at the bits of a block of `tokens` tokens under the best codes.
    ///
    /// Single precision, and its order of operations, are part of the format here.
    pub(super) fn estimate(&self, tokens: usize) -> usize {
        let mut bits = 0.0;
        if tokens > 0 {
            let share = 1.0 / tokens as f32;
            add_entropy(&mut bits, &self.literals[..256], share);
            // The end of block.
            bits += 15.0;
            add_entropy(&mut bits, &self.literals[FIRST_LENGTH..], share);
        }
        let matches: u32 = self.literals[FIRST_LENGTH..].iter().sum();
        if matches > 0 {
            add_entropy(&mut bits, &self.distances, 1.0 / matches as f32);
        }
        bits as usize + self.extra_bits()
    }
}

/// Adds the bits of symbols, each of which takes its share of `1 / share`.
fn add_entropy(bits: &mut f32, counts: &[u32], share: f32) {
    for &count in counts.iter().filter(|&&count| count > 0) {
        let count = count as f32;
        *bits += (-rough_log2(count * share)).clamp(1.0, 15.0) * count;
    }
}

/// About the binary logarithm: the exponent, and a parabola through the mantissa.
fn rough_log2(value: f32) -> f32 {
    let bits = value.to_bits();
    let exponent = (bits >> 23 & 255) as i32 - 128;
    let mantissa = f32::from_bits(bits & 0x007f_ffff | 127 << 23);
    exponent as f32 + ((-0.344_848_43 * mantissa + 2.024_665_8) * mantissa - 0.674_877_6)
}

/// How often each byte occurs.
pub(super) fn histogram(bytes: &[u8]) -> [u32; 256] {
    // Four tables, so that counting the same byte again need not wait for the last time.
    let mut tables = [[0_u32; 256]; 4];
    let (fours, rest) = bytes.as_chunks::<4>();
    for four in fours {
        for (table, &byte) in tables.iter_mut().zip(four) {
            let count = &mut table[usize::from(byte)];
            *count = count.wrapping_add(1);
        }
    }
    let [mut sum, others @ ..] = tables;
    for &byte in rest {
        sum[usize::from(byte)] += 1;
    }
    for other in &others {
        sum.iter_mut().zip(other).for_each(|(sum, count)| *sum += count);
    }
    sum
}
