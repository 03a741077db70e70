//! The head of a dynamic block: the lengths of its codes, packed as Go's library and klauspost's pack them.

use crate::bits::BitWriter;
use crate::huffman::{Code, codes};
use crate::tables::{DISTANCE_CODES, LITERAL_CODES};

/// Codes of code lengths.
const LENGTH_SYMBOLS: usize = 19;
/// The longest code of a code length.
const LENGTH_LIMIT: usize = 7;
/// The order in which their lengths are written: the rarest last, which are left out.
const ORDER: [usize; LENGTH_SYMBOLS] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
/// By symbol, from 16 on: how many bits tell how often something is repeated.
const REPEAT_BITS: [u8; 3] = [2, 3, 7];

/// What stands before the tokens of a dynamic block.
#[derive(Debug)]
pub(crate) struct DynamicHead {
    literals: usize,
    distances: usize,
    /// Symbols of code lengths, and how often they are repeated (less the least number).
    symbols: Vec<(u8, u8)>,
    codes: [Code; LENGTH_SYMBOLS],
    /// How many of `codes` are written.
    written: usize,
    /// Its size in bits, the block's first three included.
    pub(crate) size: usize,
}

impl DynamicHead {
    /// Packs the lengths of the codes for literals (257 at least) and for distances (1 at least).
    pub(crate) fn new(literals: &[Code], distances: &[Code]) -> Self {
        let mut symbols = Vec::with_capacity(LITERAL_CODES + DISTANCE_CODES);
        let mut lengths = literals.iter().chain(distances).map(|code| code.count as u8).peekable();
        while let Some(length) = lengths.next() {
            let mut run = 1;
            while lengths.next_if_eq(&length).is_some() {
                run += 1;
            }
            pack(length, run, &mut symbols);
        }
        let mut frequencies = [0_u32; LENGTH_SYMBOLS];
        for &(symbol, _) in &symbols {
            frequencies[symbol as usize] += 1;
        }
        let codes = codes(&frequencies, LENGTH_LIMIT);
        let left_out = ORDER.iter().rev().take_while(|&&symbol| frequencies[symbol] == 0).count();
        let written = (LENGTH_SYMBOLS - left_out).max(4);
        let packed: usize = symbols
            .iter()
            .map(|&(symbol, _)| usize::from(codes[symbol as usize].count + repeat_bits(symbol)))
            .sum();
        let size = 3 + 5 + 5 + 4 + 3 * written + packed;
        Self { literals: literals.len(), distances: distances.len(), symbols, codes, written, size }
    }

    /// Writes it, as the head of the stream's last block or of another.
    pub(crate) fn write(&self, last: bool, bits: &mut BitWriter, out: &mut Vec<u8>) {
        bits.put(4 | u64::from(last), 3, out);
        bits.put(self.literals as u64 - 257, 5, out);
        bits.put(self.distances as u64 - 1, 5, out);
        bits.put(self.written as u64 - 4, 4, out);
        for &symbol in &ORDER[..self.written] {
            bits.put(self.codes[symbol].count.into(), 3, out);
        }
        for &(symbol, repeats) in &self.symbols {
            let code = self.codes[symbol as usize];
            bits.put(code.bits.into(), code.count.into(), out);
            bits.put(repeats.into(), repeat_bits(symbol).into(), out);
        }
    }
}

/// Says that `length` comes `run` times.
fn pack(length: u8, mut run: usize, symbols: &mut Vec<(u8, u8)>) {
    if length == 0 {
        while run >= 11 {
            let zeros = run.min(138);
            symbols.push((18, (zeros - 11) as u8));
            run -= zeros;
        }
        if run >= 3 {
            symbols.push((17, (run - 3) as u8));
            run = 0;
        }
    } else {
        symbols.push((length, 0));
        run -= 1;
        while run >= 3 {
            let again = run.min(6);
            symbols.push((16, (again - 3) as u8));
            run -= again;
        }
    }
    symbols.extend(std::iter::repeat_n((length, 0), run));
}

fn repeat_bits(symbol: u8) -> u16 {
    symbol.checked_sub(16).and_then(|at| REPEAT_BITS.get(at as usize)).map_or(0, |&bits| bits.into())
}
