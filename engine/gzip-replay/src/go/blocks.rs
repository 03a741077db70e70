//! Tokens, and how blocks of them are written: with fixed codes, with their own, or as they are.

use std::array;

use crate::bits::BitWriter;
use crate::dynamic::DynamicHead;
use crate::huffman::{Code, FIXED_DISTANCES, FIXED_LITERALS, MAX_LENGTH, codes, cost, used};
use crate::tables::{
    DISTANCE_CODES, DISTANCE_EXTRA, END_OF_BLOCK, FIRST_LENGTH, LENGTH_BASE, LENGTH_CODE, LENGTH_EXTRA,
    LITERAL_CODES, MIN_MATCH, distance_code, distance_rest,
};

/// The longest stored block.
pub(super) const STORED_MAX: usize = 65535;

/// A literal, or a match: its length less [`MIN_MATCH`] over a distance, which is 0 for literals.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Token(u32);

impl Token {
    #[inline(always)]
    pub(super) fn literal(byte: u8) -> Self {
        Self((byte as u32) << 16)
    }

    #[inline(always)]
    pub(super) fn matching(length: usize, distance: usize) -> Self {
        Self((length.wrapping_sub(MIN_MATCH) as u32) << 16 | distance as u32)
    }

    #[inline(always)]
    fn distance(self) -> u32 {
        self.0 & 0xffff
    }

    /// Literals come before lengths.
    #[inline(always)]
    fn row(self) -> usize {
        (self.0 >> 16 & 0xff) as usize | usize::from(self.distance() != 0) << 8
    }
}

/// How often each symbol comes in a block.
#[derive(Debug)]
struct Frequencies {
    literals: [u32; LITERAL_CODES],
    distances: [u32; DISTANCE_CODES],
}

impl Frequencies {
    fn of(tokens: &[Token]) -> Self {
        let mut rows = [0_u32; 512];
        // Literals have their distance counted behind all codes.
        let mut distances = [0_u32; 32];
        for token in tokens {
            let row = &mut rows[token.row()];
            *row = row.wrapping_add(1);
            let code = &mut distances[distance_code(token.distance())];
            *code = code.wrapping_add(1);
        }
        let mut literals = [0; LITERAL_CODES];
        literals[..256].copy_from_slice(&rows[..256]);
        literals[END_OF_BLOCK] = 1;
        for (count, code) in rows[256..].iter().zip(&LENGTH_CODE) {
            literals[FIRST_LENGTH + *code as usize] += count;
        }
        let mut distances: [u32; DISTANCE_CODES] = array::from_fn(|code| distances[code]);
        // Decoders want a code of distances, even if there is nothing to encode.
        if distances.iter().all(|&count| count == 0) {
            distances[0] = 1;
        }
        Self { literals, distances }
    }

    fn of_bytes(plain: &[u8]) -> Self {
        let mut counts = [[0_u32; 256]; 2];
        for pair in plain.chunks(2) {
            for (counts, &byte) in counts.iter_mut().zip(pair) {
                counts[byte as usize] = counts[byte as usize].wrapping_add(1);
            }
        }
        let mut literals = [0; LITERAL_CODES];
        for (sum, (even, odd)) in literals.iter_mut().zip(counts[0].iter().zip(&counts[1])) {
            *sum = even + odd;
        }
        literals[END_OF_BLOCK] = 1;
        Self { literals, distances: array::from_fn(|code| u32::from(code == 0)) }
    }

    /// The bits that follow codes, whichever codes are used.
    fn extra_bits(&self) -> usize {
        let sum = |counts: &[u32], extra: &[u8]| -> usize {
            counts.iter().zip(extra).map(|(&count, &bits)| count as usize * bits as usize).sum()
        };
        sum(&self.literals[FIRST_LENGTH..], &LENGTH_EXTRA) + sum(&self.distances, &DISTANCE_EXTRA)
    }
}

/// The codes of a block.
#[derive(Debug)]
struct Codes {
    literals: [Code; LITERAL_CODES],
    distances: [Code; DISTANCE_CODES],
}

impl Codes {
    fn best(frequencies: &Frequencies) -> Self {
        Self {
            literals: codes(&frequencies.literals, MAX_LENGTH),
            distances: codes(&frequencies.distances, MAX_LENGTH),
        }
    }

    /// The size of all codes of a block in bits.
    fn size(&self, frequencies: &Frequencies) -> usize {
        cost(&self.literals, &frequencies.literals) + cost(&self.distances, &frequencies.distances)
    }

    fn head(&self) -> DynamicHead {
        DynamicHead::new(&self.literals[..used(&self.literals)], &self.distances[..used(&self.distances)])
    }

    /// By [`Token::row`]: the code and the bits that follow it, above how many they are.
    fn rows(&self) -> [u32; 512] {
        array::from_fn(|row| {
            let (code, rest, extra) = match row.checked_sub(256) {
                None => (self.literals[row], 0, 0),
                Some(length) => {
                    let code = LENGTH_CODE[length] as usize;
                    let rest = length as u32 - u32::from(LENGTH_BASE[code]);
                    (self.literals[FIRST_LENGTH + code], rest, u32::from(LENGTH_EXTRA[code]))
                }
            };
            let count = u32::from(code.count);
            (u32::from(code.bits) | rest << count) << 8 | (count + extra)
        })
    }
}

/// Writes blocks.
#[derive(Debug, Default)]
pub(super) struct BlockWriter {
    bits: BitWriter,
}

impl BlockWriter {
    /// Writes tokens in the shortest way. `plain` is what they stand for, if it is still known:
    /// then it may come out as it is.
    pub(super) fn shortest(&mut self, tokens: &[Token], plain: Option<&[u8]>, out: &mut Vec<u8>) {
        let plain = plain.filter(|plain| plain.len() <= STORED_MAX);
        let frequencies = Frequencies::of(tokens);
        let own = Codes::best(&frequencies);
        let head = own.head();
        let extra = frequencies.extra_bits();
        let dynamic = head.size + own.size(&frequencies) + extra;
        let common = Codes { literals: FIXED_LITERALS, distances: FIXED_DISTANCES };
        let fixed = 3 + common.size(&frequencies) + extra;
        match plain {
            Some(plain) if stored_size(plain) < dynamic.min(fixed) => self.stored(plain, false, out),
            _ if dynamic < fixed => {
                head.write(false, &mut self.bits, out);
                self.tokens(tokens, &own, dynamic, out);
            }
            _ => {
                self.bits.put(2, 3, out);
                self.tokens(tokens, &common, fixed, out);
            }
        }
    }

    /// Writes tokens with codes of their own, unless that saves too little over `plain`.
    pub(super) fn dynamic(&mut self, tokens: &[Token], plain: &[u8], out: &mut Vec<u8>) {
        let frequencies = Frequencies::of(tokens);
        let codes = Codes::best(&frequencies);
        if let Some(head) = worthwhile(&codes, &frequencies, plain) {
            head.write(false, &mut self.bits, out);
            self.tokens(tokens, &codes, head.size + codes.size(&frequencies) + frequencies.extra_bits(), out);
        } else {
            self.stored(plain, false, out);
        }
    }

    /// Writes bytes without matches, with codes of their own unless that saves too little.
    pub(super) fn literals(&mut self, plain: &[u8], out: &mut Vec<u8>) {
        let frequencies = Frequencies::of_bytes(plain);
        let codes = Codes::best(&frequencies);
        let Some(head) = worthwhile(&codes, &frequencies, plain) else {
            return self.stored(plain, false, out);
        };
        head.write(false, &mut self.bits, out);
        let rows: &[Code; 256] = &array::from_fn(|byte| codes.literals[byte]);
        self.bits.burst(codes.size(&frequencies), out, |burst| {
            for triple in plain.chunks(3) {
                let (mut bits, mut count) = (0, 0_u32);
                for &byte in triple {
                    let code = rows[byte as usize];
                    bits |= u64::from(code.bits).wrapping_shl(count);
                    count = count.wrapping_add(code.count.into());
                }
                burst.put(bits, count);
            }
            let end = codes.literals[END_OF_BLOCK];
            burst.put(end.bits.into(), end.count.into());
        });
    }

    /// Writes bytes as they are, [`STORED_MAX`] at most.
    pub(super) fn stored(&mut self, plain: &[u8], last: bool, out: &mut Vec<u8>) {
        self.bits.put(last.into(), 3, out);
        self.bits.align(out);
        let length = plain.len() as u16;
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(plain);
    }

    /// Writes the tokens after a block's head, `most` bits at most.
    fn tokens(&mut self, tokens: &[Token], codes: &Codes, most: usize, out: &mut Vec<u8>) {
        let rows = codes.rows();
        let distances: [Code; 32] =
            array::from_fn(|code| codes.distances.get(code).copied().unwrap_or(Code::NONE));
        self.bits.burst(most, out, |burst| {
            for &token in tokens {
                let row = rows[token.row()];
                let (mut bits, mut count) = (u64::from(row >> 8), row & 0xff);
                let distance = token.distance();
                if distance > 0 {
                    let which = distance_code(distance);
                    let code = distances[which];
                    bits |= u64::from(code.bits).wrapping_shl(count);
                    count = count.wrapping_add(code.count.into());
                    bits |= u64::from(distance_rest(distance, which)).wrapping_shl(count);
                    count = count.wrapping_add(DISTANCE_EXTRA[which & 31].into());
                }
                burst.put(bits, count);
            }
            let end = codes.literals[END_OF_BLOCK];
            burst.put(end.bits.into(), end.count.into());
        });
    }
}

/// In bits, with the head of the block rounded up.
fn stored_size(plain: &[u8]) -> usize {
    (plain.len() + 5) * 8
}

/// The head of a block that is about a sixteenth shorter than stored bytes. The bits that follow
/// codes are not counted.
fn worthwhile(codes: &Codes, frequencies: &Frequencies, plain: &[u8]) -> Option<DynamicHead> {
    let head = codes.head();
    let size = head.size + codes.size(frequencies);
    (plain.len() > STORED_MAX || stored_size(plain) >= size + (size >> 4)).then_some(head)
}
