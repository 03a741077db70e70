//! Writes blocks, and chooses how: stored, with fixed codes, with codes of their own, or with
//! those of the block before, which then goes on.

use super::bits::Bits;
use super::encode::{run_literals, write_tokens};
use super::header::Header;
use super::huffman::{Codes, bits_of};
use super::tables::{DISTANCES, END, LITERALS};
use super::tokens::{Tokens, histogram};

/// The longest code.
const LONGEST: usize = 15;
/// The most bytes of a stored block.
const STORABLE: usize = 65535;
/// Blocks of so many tokens are not tried with fixed codes.
const FIXED_BELOW: usize = 250;
/// About what a header takes, if there was none to learn from.
const HEADER_GUESS: usize = 70 * 8;

/// The codes that need no header.
static FIXED: (Codes<LITERALS>, Codes<DISTANCES>) = {
    let mut literals = [0; LITERALS];
    let mut symbol = 0;
    while symbol < LITERALS {
        let (code, length) = match symbol {
            0..144 => (symbol + 48, 8),
            144..256 => (symbol - 144 + 400, 9),
            256..280 => (symbol - 256, 7),
            _ => (symbol - 280 + 192, 8),
        };
        literals[symbol] = (((code as u16).reverse_bits() >> (16 - length)) as u32) << 8 | length;
        symbol += 1;
    }
    let mut distances = [0; DISTANCES];
    let mut symbol = 0;
    while symbol < DISTANCES {
        distances[symbol] = (((symbol as u16).reverse_bits() >> 11) as u32) << 8 | 5;
        symbol += 1;
    }
    (Codes(literals), Codes(distances))
};

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
    bits: Bits,
    open: Option<Open>,
    literals: Codes<LITERALS>,
    distances: Codes<DISTANCES>,
    /// New codes are thought to cost more by a part in two to the power of this.
    penalty: u32,
    /// Whether headers leave out codes at the end of an alphabet even if a block stays open.
    trims: bool,
}

impl BlockWriter {
    pub(super) fn new(penalty: u32, trims: bool) -> Self {
        let (literals, distances) = (Codes::none(), Codes::none());
        Self { bits: Bits::default(), open: None, literals, distances, penalty, trims }
    }

    /// Forgets what is not written.
    pub(super) fn reset(&mut self) {
        (self.bits, self.open) = (Bits::default(), None);
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
        let mut counts = [0; END + 1];
        counts[..256].copy_from_slice(&histogram(plain));
        let storable = plain.len() <= STORABLE;
        if storable && plain.len() > 1024 && looks_random(&counts[..256], plain.len()) {
            return self.stored(plain, out);
        }
        counts[END] = 1;
        let codes = Codes::of_counts(&counts, LONGEST);
        let mut estimate = codes.cost(&counts) + self.open.map_or(HEADER_GUESS, |open| open.header);
        estimate += estimate >> self.penalty;
        if storable && stored_bits(plain) <= estimate {
            return self.stored(plain, out);
        }
        if self.open.is_some()
            && self.literals.cost_if_able(&counts[..256]).is_none_or(|cost| estimate < cost)
        {
            self.close(out);
        }
        if self.open.is_none() {
            self.literals = codes;
            // One distance, which never occurs.
            let header = Header::new(&self.literals.0[..=END], &[1]);
            header.write(&mut self.bits, out);
            self.open = Some(Open { header: header.size(), literals_only: true });
        }
        let mut run = self.bits.run(plain.len() * 2, out);
        run_literals(&mut run, plain, &self.literals.0);
        self.bits = run.end();
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
        if !self.literals.can_write(&counts.literals) || !self.distances.can_write(&counts.distances) {
            self.close(out);
        }
        let anew = self.open.map(|open| open.header + counts.estimate(count));
        if self.trims {
            counts.literals[END] = 1;
        }
        if (last || self.trims) && counts.distances.iter().all(|&count| count == 0) {
            counts.distances[0] = 1;
        }
        let extra = counts.extra_bits();
        let may_be_fixed = count < FIXED_BELOW;
        let plain = plain.filter(|plain| plain.len() <= STORABLE);

        if let Some(mut anew) = anew {
            anew += bits_of(self.literals.0[END]) as usize + (anew >> self.penalty);
            let again = counts.cost(&self.literals, &self.distances) + extra;
            if anew < again {
                self.close(out);
            }
            let size = anew.min(again);
            if let Some(plain) = plain.filter(|plain| stored_bits(plain) <= size) {
                return self.stored(plain, out);
            }
            let fixed = 3 + counts.cost(&FIXED.0, &FIXED.1) + extra;
            if may_be_fixed && fixed + 7 < size {
                return self.fixed(tokens, out);
            }
        }
        if self.open.is_none() {
            counts.literals[END] = 1;
            self.literals = Codes::of_counts(&counts.literals, LONGEST);
            self.distances = Codes::of_counts(&counts.distances, LONGEST);
            let (literals, distances) = if last || self.trims {
                (used(&counts.literals), used(&counts.distances))
            } else {
                (LITERALS, DISTANCES)
            };
            let header = Header::new(&self.literals.0[..literals], &self.distances.0[..distances]);
            let size = header.size() + counts.cost(&self.literals, &self.distances) + extra;
            let fixed = 3 + counts.cost(&FIXED.0, &FIXED.1) + extra;
            let fixed_wins = may_be_fixed && fixed <= size;
            let size = if fixed_wins { fixed } else { size };
            if let Some(plain) = plain.filter(|plain| stored_bits(plain) <= size) {
                return self.stored(plain, out);
            }
            if fixed_wins {
                return self.fixed(tokens, out);
            }
            header.write(&mut self.bits, out);
            self.open = Some(Open { header: header.size(), literals_only: false });
        }
        self.bits = write_tokens(self.bits, tokens, &self.literals, &self.distances, out);
        if last {
            self.close(out);
        }
    }

    /// Tokens with the fixed codes.
    fn fixed(&mut self, tokens: &Tokens, out: &mut Vec<u8>) {
        self.close(out);
        self.bits.put(0b010, 3, out);
        self.bits = write_tokens(self.bits, tokens, &FIXED.0, &FIXED.1, out);
        let end = FIXED.0.0[END];
        self.bits.put(u64::from(end >> 8), bits_of(end), out);
    }

    /// Ends the block before, if it is open.
    fn close(&mut self, out: &mut Vec<u8>) {
        if self.open.take().is_some() {
            let end = self.literals.0[END];
            self.bits.put(u64::from(end >> 8), bits_of(end), out);
        }
    }
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
