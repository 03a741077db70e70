//! Writes tokens with codes that are chosen already: the hot end of a block.

use super::bits::{Bits, Run};
use super::huffman::{Code, Codes, bits_of};
use super::tables::{
    DISTANCE_BASE, DISTANCE_EXTRA, DISTANCES, LENGTH_BASE, LENGTH_CODE, LENGTH_EXTRA, LITERALS,
};
use super::tokens::Tokens;

/// Appends the codes of bytes.
#[inline(always)]
pub(super) fn run_literals(run: &mut Run<'_>, literals: &[u8], codes: &[Code; LITERALS]) {
    let add = |run: &mut Run<'_>, byte: u8| {
        let code = codes[usize::from(byte)];
        run.add(u64::from(code >> 8), bits_of(code));
    };
    // Three codes and what is left of a byte fit.
    let (threes, rest) = literals.as_chunks::<3>();
    for three in threes {
        three.iter().for_each(|&byte| add(run, byte));
        run.settle();
    }
    rest.iter().for_each(|&byte| add(run, byte));
    run.settle();
}

/// Appends the codes of tokens.
pub(super) fn write_tokens(
    bits: Bits,
    tokens: &Tokens,
    literal_codes: &Codes<LITERALS>,
    distance_codes: &Codes<DISTANCES>,
    out: &mut Vec<u8>,
) -> Bits {
    // Codes and extra bits of all lengths at once.
    let mut lengths = [0; 256];
    for (length, place) in lengths.iter_mut().enumerate() {
        let class = usize::from(LENGTH_CODE[length]);
        let code = literal_codes.0[257 + class];
        let extra = (length - usize::from(LENGTH_BASE[class])) as u32;
        let value = code >> 8 | extra << bits_of(code);
        *place = value << 8 | (bits_of(code) + u32::from(LENGTH_EXTRA[class]));
    }
    let mut distances = [0; 32];
    distances[..DISTANCES].copy_from_slice(&distance_codes.0);

    let mut run = bits.run(2 * tokens.literals().len() + 6 * tokens.matches().len(), out);
    let mut literals = tokens.literals();
    for found in tokens.matches() {
        let (before, rest) = literals.split_at_checked(usize::from(found.literals)).unwrap_or_default();
        literals = rest;
        run_literals(&mut run, before, &literal_codes.0);
        let length: Code = lengths[usize::from(found.length)];
        run.add(u64::from(length >> 8), bits_of(length));
        let class = usize::from(found.code & 31);
        let code: Code = distances[class];
        let extra = u64::from(found.distance.wrapping_sub(DISTANCE_BASE[class]));
        run.add(
            u64::from(code >> 8) | extra << (bits_of(code) & 63),
            bits_of(code) + u32::from(DISTANCE_EXTRA[class]),
        );
        run.settle();
    }
    run_literals(&mut run, literals, &literal_codes.0);
    run.end()
}
