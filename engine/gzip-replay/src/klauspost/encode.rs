//! Writes tokens with codes that are chosen already: the hot end of a block.

use super::tokens::Tokens;
use crate::bits::Burst;
use crate::huffman::Code;
use crate::tables::{
    DISTANCE_CODES, DISTANCE_EXTRA, FIRST_LENGTH, LENGTH_BASE, LENGTH_CODE, LENGTH_EXTRA, LITERAL_CODES,
    distance_rest,
};

/// Appends the codes of bytes.
#[inline(always)]
pub(super) fn write_literals(burst: &mut Burst<'_>, literals: &[u8], codes: &[Code; LITERAL_CODES]) {
    let add = |burst: &mut Burst<'_>, byte: u8| {
        let code = codes[usize::from(byte)];
        burst.add(code.bits.into(), code.count.into());
    };
    // Three codes and what is left of a byte fit.
    let (threes, rest) = literals.as_chunks::<3>();
    for three in threes {
        three.iter().for_each(|&byte| add(burst, byte));
        burst.settle();
    }
    rest.iter().for_each(|&byte| add(burst, byte));
    burst.settle();
}

/// Appends the codes of tokens.
pub(super) fn write_tokens(
    burst: &mut Burst<'_>,
    tokens: &Tokens,
    literal_codes: &[Code; LITERAL_CODES],
    distance_codes: &[Code; DISTANCE_CODES],
) {
    // Codes and extra bits of all lengths at once, above how many they are.
    let mut lengths = [0; 256];
    for (length, place) in lengths.iter_mut().enumerate() {
        let class = usize::from(LENGTH_CODE[length]);
        let code = literal_codes[FIRST_LENGTH + class];
        let extra = (length - usize::from(LENGTH_BASE[class])) as u32;
        let value = u32::from(code.bits) | extra << code.count;
        *place = value << 8 | (u32::from(code.count) + u32::from(LENGTH_EXTRA[class]));
    }
    let mut distances = [Code::NONE; 32];
    distances[..DISTANCE_CODES].copy_from_slice(distance_codes);

    let mut literals = tokens.literals();
    for found in tokens.matches() {
        let (before, rest) = literals.split_at_checked(usize::from(found.literals)).unwrap_or_default();
        literals = rest;
        write_literals(burst, before, literal_codes);
        let length = lengths[usize::from(found.length)];
        burst.add(u64::from(length >> 8), length & 0xff);
        let class = usize::from(found.code & 31);
        let code = distances[class];
        let rest = distance_rest(u32::from(found.distance).wrapping_add(1), class);
        burst.add(
            u64::from(code.bits) | u64::from(rest).wrapping_shl(code.count.into()),
            u32::from(code.count).wrapping_add(DISTANCE_EXTRA[class].into()),
        );
        burst.settle();
    }
    write_literals(burst, literals, literal_codes);
}
