//! Writes blocks, and chooses how: stored, with fixed codes, with codes of their own, or with
//! those of the block before, which then goes on.

use super::encode::{write_literals, write_tokens};
use super::tokens::{Tokens, histogram};
use crate::bits::BitWriter;
use crate::dynamic::DynamicHead;
use crate::huffman::{Code, FIXED_DISTANCES, FIXED_LITERALS, MAX_LENGTH, codes, cost};
use crate::tables::{DISTANCE_CODES, END_OF_BLOCK, LITERAL_CODES};

/// The most bytes of a stored block.
const STORABLE: usize = 65535;
/// Blocks of so many tokens are not tried with fixed codes.
const FIXED_BELOW: usize = 250;
/// About what a header takes, if there was none to learn from.
const HEADER_GUESS: usize = 70 * 8;

/// A block that was begun and not ended: its codes can be used again.
#[derive(Clone, Copy)]
struct Open {
    /// Bits that its header took.
    header: usize,
    /// Whether it has codes for literals only.
    literals_only: bool,
}

/// Writes blocks one after another.
pub(super) struct BlockWriter {
    bits: BitWriter,
    open: Option<Open>,
    literals: [Code; LITERAL_CODES],
    distances: [Code; DISTANCE_CODES],
    /// New codes are thought to cost more by a part in two to the power of this.
    penalty: u32,
    /// Whether headers leave out codes at the end of an alphabet even if a block stays open.
    trims: bool,
}

impl BlockWriter {
    pub(super) fn new(penalty: u32, trims: bool) -> Self {
        let (literals, distances) = ([Code::NONE; LITERAL_CODES], [Code::NONE; DISTANCE_CODES]);
        Self { bits: BitWriter::default(), open: None, literals, distances, penalty, trims }
    }

    /// Forgets what is not written.
    pub(super) fn reset(&mut self) {
        (self.bits, self.open) = (BitWriter::default(), None);
    }

    /// An empty stored block, after which bytes begin.
    pub(super) fn sync(&mut self, out: &mut Vec<u8>) {
        self.stored(&[], out);
    }

    /// The end of the stream: an empty block with fixed codes.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        self.close(out);
        self.bits.put(0b011, 3 + 7, out);
        self.bits.align(out);
    }

    /// The bytes as they are, [`STORABLE`] at most.
    pub(super) fn stored(&mut self, plain: &[u8], out: &mut Vec<u8>) {
        self.close(out);
        self.bits.put(0, 3, out);
        self.bits.align(out);
        let length = plain.len() as u16;
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(plain);
    }

    /// Literals only. `last`: the block does not stay open.
    pub(super) fn huffman_only(&mut self, plain: &[u8], last: bool, out: &mut Vec<u8>) {
        let mut counts = [0; LITERAL_CODES];
        counts[..256].copy_from_slice(&histogram(plain));
        let storable = plain.len() <= STORABLE;
        if storable && plain.len() > 1024 && looks_random(&counts[..256], plain.len()) {
            return self.stored(plain, out);
        }
        counts[END_OF_BLOCK] = 1;
        let literals = codes(&counts, MAX_LENGTH);
        let mut estimate = cost(&literals, &counts) + self.open.map_or(HEADER_GUESS, |open| open.header);
        estimate += estimate >> self.penalty;
        if storable && stored_bits(plain) <= estimate {
            return self.stored(plain, out);
        }
        let (literal_counts, able) = (&counts[..256], can_write(&self.literals, &counts[..256]));
        if self.open.is_some() && (!able || estimate < cost(&self.literals, literal_counts)) {
            self.close(out);
        }
        if self.open.is_none() {
            self.literals = literals;
            // One distance, which never occurs.
            let header = DynamicHead::new(&self.literals[..=END_OF_BLOCK], &[Code { bits: 0, count: 1 }]);
            header.write(false, &mut self.bits, out);
            self.open = Some(Open { header: header.size, literals_only: true });
        }
        let literals = &self.literals;
        self.bits.burst(MAX_LENGTH * plain.len(), out, |burst| write_literals(burst, plain, literals));
        if last {
            self.close(out);
        }
    }

    /// Tokens, with codes of their own or those of the block before. `plain` is what they stand
    /// for, if that is known; `last`: the block does not stay open.
    pub(super) fn tokens(&mut self, tokens: &Tokens, plain: Option<&[u8]>, last: bool, out: &mut Vec<u8>) {
        if self.open.is_some_and(|open| open.literals_only) {
            self.close(out);
        }
        let count = tokens.len() + usize::from(last);
        let mut counts = tokens.counts(u32::from(last));
        if !can_write(&self.literals, &counts.literals) || !can_write(&self.distances, &counts.distances) {
            self.close(out);
        }
        let anew = self.open.map(|open| open.header + counts.estimate(count));
        if self.trims {
            counts.literals[END_OF_BLOCK] = 1;
        }
        if (last || self.trims) && counts.distances.iter().all(|&count| count == 0) {
            counts.distances[0] = 1;
        }
        let extra = counts.extra_bits();
        let may_be_fixed = count < FIXED_BELOW;
        let plain = plain.filter(|plain| plain.len() <= STORABLE);

        if let Some(mut anew) = anew {
            anew += usize::from(self.literals[END_OF_BLOCK].count) + (anew >> self.penalty);
            let again = counts.cost(&self.literals, &self.distances) + extra;
            if anew < again {
                self.close(out);
            }
            let size = anew.min(again);
            if let Some(plain) = plain.filter(|plain| stored_bits(plain) <= size) {
                return self.stored(plain, out);
            }
            let fixed = 3 + counts.cost(&FIXED_LITERALS, &FIXED_DISTANCES) + extra;
            if may_be_fixed && fixed + 7 < size {
                return self.fixed(tokens, out);
            }
        }
        if self.open.is_none() {
            counts.literals[END_OF_BLOCK] = 1;
            self.literals = codes(&counts.literals, MAX_LENGTH);
            self.distances = codes(&counts.distances, MAX_LENGTH);
            let (literals, distances) = if last || self.trims {
                (used(&counts.literals), used(&counts.distances))
            } else {
                (LITERAL_CODES, DISTANCE_CODES)
            };
            let header = DynamicHead::new(&self.literals[..literals], &self.distances[..distances]);
            let size = header.size + counts.cost(&self.literals, &self.distances) + extra;
            let fixed = 3 + counts.cost(&FIXED_LITERALS, &FIXED_DISTANCES) + extra;
            let fixed_wins = may_be_fixed && fixed <= size;
            let size = if fixed_wins { fixed } else { size };
            if let Some(plain) = plain.filter(|plain| stored_bits(plain) <= size) {
                return self.stored(plain, out);
            }
            if fixed_wins {
                return self.fixed(tokens, out);
            }
            header.write(false, &mut self.bits, out);
            self.open = Some(Open { header: header.size, literals_only: false });
        }
        let (literals, distances) = (&self.literals, &self.distances);
        self.bits.burst(most_bits(tokens), out, |burst| write_tokens(burst, tokens, literals, distances));
        if last {
            self.close(out);
        }
    }

    /// Tokens with the fixed codes.
    fn fixed(&mut self, tokens: &Tokens, out: &mut Vec<u8>) {
        self.close(out);
        self.bits.put(0b010, 3, out);
        self.bits.burst(most_bits(tokens), out, |burst| {
            write_tokens(burst, tokens, &FIXED_LITERALS, &FIXED_DISTANCES);
        });
        self.end_block(FIXED_LITERALS[END_OF_BLOCK], out);
    }

    /// Ends the block before, if it is open.
    fn close(&mut self, out: &mut Vec<u8>) {
        if self.open.take().is_some() {
            self.end_block(self.literals[END_OF_BLOCK], out);
        }
    }

    fn end_block(&mut self, end: Code, out: &mut Vec<u8>) {
        self.bits.put(end.bits.into(), end.count.into(), out);
    }
}

/// No block of these tokens takes more bits without its header.
fn most_bits(tokens: &Tokens) -> usize {
    8 * (2 * tokens.literals().len() + 6 * tokens.matches().len())
}

/// Whether there are codes for all the symbols that occur.
fn can_write(codes: &[Code], counts: &[u32]) -> bool {
    codes.iter().zip(counts).all(|(code, &count)| count == 0 || code.count > 0)
}

/// Bits that bytes take as they are, as it is reckoned here.
fn stored_bits(plain: &[u8]) -> usize {
    (plain.len() + 5) * 8
}

/// How many symbols there are up to the last that occurs.
fn used(counts: &[u32]) -> usize {
    counts.iter().rposition(|&count| count > 0).map_or(0, |at| at + 1)
}

/// Whether bytes occur so evenly that nothing is to be gained.
fn looks_random(counts: &[u32], length: usize) -> bool {
    let average = length as f64 / 256.0;
    let spread: f64 = counts.iter().map(|&count| (f64::from(count) - average).powi(2)).sum();
    spread < length as f64 * 2.0
}
