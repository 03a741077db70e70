//! How deflate cuts lengths and distances into codes and extra bits.

/// Literals and the end of the block come before the codes of lengths.
pub(super) const FIRST_LENGTH: usize = 257;
pub(super) const END_OF_BLOCK: usize = 256;
/// Literals, the end of the block and lengths. The last two never occur.
pub(super) const LITERAL_SYMBOLS: usize = 288;
pub(super) const DISTANCE_CODES: usize = 30;
pub(super) const MIN_MATCH: usize = 3;
pub(super) const MAX_MATCH: usize = 258;

pub(super) static LENGTH_EXTRA: [u8; 29] =
    [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];

pub(super) static DISTANCE_EXTRA: [u8; DISTANCE_CODES] =
    [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13];

/// The code, less [`FIRST_LENGTH`], of each length, less [`MIN_MATCH`].
static LENGTH_CODE: [u8; 256] = length_codes();

/// The first length of each code, less [`MIN_MATCH`].
pub(super) static LENGTH_BASE: [u8; 29] = length_bases();

const fn length_bases() -> [u8; 29] {
    let mut bases = [0; 29];
    let mut code = 1;
    while code < 28 {
        bases[code] = bases[code - 1] + (1 << LENGTH_EXTRA[code - 1]);
        code += 1;
    }
    // The longest has a code of its own.
    bases[28] = 255;
    bases
}

const fn length_codes() -> [u8; 256] {
    let bases = length_bases();
    let mut codes = [0; 256];
    let (mut length, mut code) = (0, 0);
    while length < 256 {
        if code < 28 && length == bases[code + 1] as usize {
            code += 1;
        }
        codes[length] = code as u8;
        length += 1;
    }
    codes
}

/// The code of a length, less [`FIRST_LENGTH`], from the length less [`MIN_MATCH`].
#[inline]
pub(super) fn length_code(length: u8) -> usize {
    LENGTH_CODE[usize::from(length)].into()
}

/// The code of a distance, from the distance less 1.
#[inline]
pub(super) fn distance_code(distance: u32) -> usize {
    if distance < 4 {
        return distance as usize;
    }
    let log = distance.ilog2();
    (2 * log + (distance >> (log - 1) & 1)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_cover_all_lengths_and_distances() {
        assert_eq!(length_code(0), 0);
        assert_eq!(length_code(254), 27);
        assert_eq!(length_code(255), 28);
        for length in 0..=255_u8 {
            let code = length_code(length);
            assert!(u32::from(length - LENGTH_BASE[code]) < 1 << LENGTH_EXTRA[code]);
        }
        let mut next = 0_u32;
        for (code, extra) in DISTANCE_EXTRA.into_iter().enumerate() {
            assert_eq!(distance_code(next), code);
            next += 1 << extra;
            assert_eq!(distance_code(next - 1), code);
        }
        assert_eq!(next, 1 << 15);
    }
}
