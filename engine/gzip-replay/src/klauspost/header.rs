//! The header of a block with codes of its own: the lengths of its codes, run by run.

use super::bits::Bits;
use super::huffman::{Code, Codes, bits_of};

/// The order in which the lengths of the lengths' codes are written.
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// A header, not yet written.
pub(super) struct Header {
    /// Symbols, each with the value of its extra bits.
    symbols: Vec<(u8, u8)>,
    codes: Codes<19>,
    /// How many of the codes' lengths are written.
    shown: usize,
    literals: usize,
    distances: usize,
}

/// Extra bits of a symbol.
fn extra_bits(symbol: u8) -> u32 {
    match symbol {
        16 => 2,
        17 => 3,
        18 => 7,
        _ => 0,
    }
}

impl Header {
    /// Describes these codes; no run of lengths is cut where distances begin.
    pub(super) fn new(literals: &[Code], distances: &[Code]) -> Self {
        let mut symbols = Vec::with_capacity(literals.len() + distances.len());
        let mut lengths = literals.iter().chain(distances).map(|&code| bits_of(code) as u8).peekable();
        while let Some(length) = lengths.next() {
            let mut count = 1_u16;
            let longest = if length == 0 { 138 } else { u16::MAX };
            while count < longest && lengths.next_if_eq(&length).is_some() {
                count += 1;
            }
            push_run(length, count, &mut symbols);
        }
        let mut counts = [0; 19];
        symbols.iter().for_each(|&(symbol, _)| counts[usize::from(symbol)] += 1);
        let codes = Codes::of_counts(&counts, 7);
        let trailing = ORDER.iter().rev().take_while(|&&symbol| counts[symbol] == 0).count();
        let shown = (19 - trailing).max(4);
        Self { symbols, codes, shown, literals: literals.len(), distances: distances.len() }
    }

    fn bits(&self, symbol: u8) -> u32 {
        bits_of(self.codes.0[usize::from(symbol)]) + extra_bits(symbol)
    }

    /// How many bits it takes.
    pub(super) fn size(&self) -> usize {
        let symbols: u32 = self.symbols.iter().map(|&(symbol, _)| self.bits(symbol)).sum();
        3 + 5 + 5 + 4 + 3 * self.shown + symbols as usize
    }

    pub(super) fn write(&self, bits: &mut Bits, out: &mut Vec<u8>) {
        bits.put(4, 3, out);
        bits.put(self.literals as u64 - 257, 5, out);
        bits.put(self.distances as u64 - 1, 5, out);
        bits.put(self.shown as u64 - 4, 4, out);
        for &symbol in &ORDER[..self.shown] {
            bits.put(u64::from(bits_of(self.codes.0[symbol])), 3, out);
        }
        for &(symbol, extra) in &self.symbols {
            let code = self.codes.0[usize::from(symbol)];
            let value = u64::from(code >> 8) | u64::from(extra) << bits_of(code);
            bits.put(value, self.bits(symbol), out);
        }
    }
}

/// Cuts `count` equal lengths into symbols.
fn push_run(length: u8, mut count: u16, symbols: &mut Vec<(u8, u8)>) {
    if length == 0 {
        match count {
            11.. => symbols.push((18, count as u8 - 11)),
            3..=10 => symbols.push((17, count as u8 - 3)),
            _ => symbols.extend((0..count).map(|_| (0, 0))),
        }
        return;
    }
    symbols.push((length, 0));
    count -= 1;
    while count >= 3 {
        let part = count.min(6);
        symbols.push((16, part as u8 - 3));
        count -= part;
    }
    symbols.extend((0..count).map(|_| (length, 0)));
}
