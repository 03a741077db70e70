//! How the codes of a dynamic block are described at its beginning.

use super::prefix::best;
use crate::bits::BitWriter;
use crate::huffman::{Code, cost, used};
use crate::tables::{DISTANCE_CODES, LITERAL_CODES};

/// The symbols by which codes' lengths are written.
const LENGTH_SYMBOLS: usize = 19;
const MAX_LENGTH_BITS: usize = 7;

/// The order in which their lengths in turn are written.
const LENGTH_ORDER: [usize; LENGTH_SYMBOLS] =
    [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// What describes the codes of a dynamic block.
pub(super) struct Header {
    literals: usize,
    distances: usize,
    /// The lengths of both codes, as symbols with what follows on them.
    runs: Vec<(usize, u64)>,
    counts: [u32; LENGTH_SYMBOLS],
    codes: [Code; LENGTH_SYMBOLS],
    /// How many of the lengths of `codes` are written.
    written: usize,
}

/// The symbols of lengths that stand for several, and how many bits follow on them.
const REPEAT: usize = 16;
const FEW_ZEROS: usize = 17;
const MANY_ZEROS: usize = 18;

const fn run_extra(symbol: usize) -> u32 {
    match symbol {
        REPEAT => 2,
        FEW_ZEROS => 3,
        MANY_ZEROS => 7,
        _ => 0,
    }
}

impl Header {
    pub(super) fn new(literals: &[Code; LITERAL_CODES], distances: &[Code; DISTANCE_CODES]) -> Self {
        let (literals, distances) = (&literals[..used(literals)], &distances[..used(distances)]);
        let mut runs = Vec::new();
        find_runs(literals, &mut runs);
        find_runs(distances, &mut runs);
        let mut counts = [0; LENGTH_SYMBOLS];
        for &(symbol, _) in &runs {
            counts[symbol] += 1;
        }
        let codes = best(&counts, MAX_LENGTH_BITS);
        let last = (3..LENGTH_SYMBOLS).rev().find(|&rank| codes[LENGTH_ORDER[rank]].count > 0);
        let written = last.unwrap_or(3) + 1;
        Self { literals: literals.len(), distances: distances.len(), runs, counts, codes, written }
    }

    pub(super) fn cost(&self) -> usize {
        let extra: u32 = self.runs.iter().map(|&(symbol, _)| run_extra(symbol)).sum();
        5 + 5 + 4 + 3 * self.written + cost(&self.codes, &self.counts) + extra as usize
    }

    pub(super) fn write(&self, bits: &mut BitWriter, out: &mut Vec<u8>) {
        bits.put(self.literals as u64 - 257, 5, out);
        bits.put(self.distances as u64 - 1, 5, out);
        bits.put(self.written as u64 - 4, 4, out);
        for symbol in &LENGTH_ORDER[..self.written] {
            bits.put(self.codes[*symbol].count.into(), 3, out);
        }
        for &(symbol, more) in &self.runs {
            let code = self.codes[symbol];
            bits.put(code.bits.into(), code.count.into(), out);
            bits.put(more, run_extra(symbol), out);
        }
    }
}

/// Cuts lengths into runs. A run that is too long is cut at its limit, and what is left of it
/// begins anew.
fn find_runs(codes: &[Code], runs: &mut Vec<(usize, u64)>) {
    let mut rest = codes;
    let mut before = None;
    while let Some(&Code { count: length, .. }) = rest.first() {
        let symbol = usize::from(length);
        // The first of a run of the same is written out, and up to six repeat it.
        let is_known = before == Some(length);
        let limit = if length == 0 {
            138
        } else if is_known {
            6
        } else {
            7
        };
        let count = rest.iter().take(limit).take_while(|other| other.count == length).count();
        match (length, count) {
            (0, 11..) => runs.push((MANY_ZEROS, count as u64 - 11)),
            (0, 3..) => runs.push((FEW_ZEROS, count as u64 - 3)),
            (1.., 3..) if is_known => runs.push((REPEAT, count as u64 - 3)),
            (1.., 4..) => {
                runs.push((symbol, 0));
                runs.push((REPEAT, count as u64 - 4));
            }
            _ => runs.extend(std::iter::repeat_n((symbol, 0), count)),
        }
        before = Some(length);
        rest = &rest[count..];
    }
}
