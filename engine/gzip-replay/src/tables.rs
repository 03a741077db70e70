//! The codes of deflate for lengths and distances (RFC 1951, 3.2.5).

/// Literals, the end of the block and lengths.
pub(crate) const LITERAL_CODES: usize = 286;
/// What ends a block.
pub(crate) const END_OF_BLOCK: usize = 256;
/// The first code of a length.
pub(crate) const FIRST_LENGTH: usize = 257;
/// Codes of lengths.
pub(crate) const LENGTH_CODES: usize = 29;
/// Codes of distances.
pub(crate) const DISTANCE_CODES: usize = 30;
/// The shortest match; tables of lengths begin with it.
pub(crate) const MIN_MATCH: usize = 3;
/// The longest match.
pub(crate) const MAX_MATCH: usize = 258;

/// By code: how many bits say which of its lengths is meant.
pub(crate) const LENGTH_EXTRA: [u8; LENGTH_CODES] = {
    let mut extra = [0; LENGTH_CODES];
    let mut code = 8;
    while code < LENGTH_CODES - 1 {
        extra[code] = code as u8 / 4 - 1;
        code += 1;
    }
    extra
};

/// By code: its shortest length, less [`MIN_MATCH`].
pub(crate) const LENGTH_BASE: [u8; LENGTH_CODES] = {
    let mut base = [0; LENGTH_CODES];
    let (mut code, mut next) = (0, 0);
    while code < LENGTH_CODES - 1 {
        base[code] = next as u8;
        next += 1_u16 << LENGTH_EXTRA[code];
        code += 1;
    }
    // 258 has a code to itself.
    base[code] = (MAX_MATCH - MIN_MATCH) as u8;
    base
};

/// By length, less [`MIN_MATCH`]: its code.
pub(crate) static LENGTH_CODE: [u8; 256] = {
    let mut codes = [0; 256];
    let mut code = 0;
    while code < LENGTH_CODES {
        let mut length = LENGTH_BASE[code] as usize;
        while length < 256 {
            codes[length] = code as u8;
            length += 1;
        }
        code += 1;
    }
    codes
};

/// By code: how many bits say which of its distances is meant. Padded, so that five bits never miss it.
pub(crate) static DISTANCE_EXTRA: [u8; 32] = {
    let mut extra = [0; 32];
    let mut code = 4;
    while code < DISTANCE_CODES {
        extra[code] = code as u8 / 2 - 1;
        code += 1;
    }
    extra
};

/// The code of a distance, from 1 to 32768.
#[inline]
pub(crate) fn distance_code(distance: u32) -> usize {
    let below = distance.wrapping_sub(1);
    if below < 4 {
        return below as usize & 3;
    }
    let top = 31_u32.wrapping_sub(below.leading_zeros());
    let second = below >> top.wrapping_sub(1) & 1;
    (top << 1 | second) as usize & 31
}

/// The bits that tell a distance from others of its code.
#[inline]
pub(crate) fn distance_rest(distance: u32, code: usize) -> u32 {
    let extra = u32::from(DISTANCE_EXTRA[code & 31]);
    distance.wrapping_sub(1) & (1_u32 << extra).wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_as_in_the_standard() {
        assert_eq!(LENGTH_BASE[..12], [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14]);
        assert_eq!(LENGTH_BASE[24..], [128, 160, 192, 224, 255]);
        assert_eq!(LENGTH_EXTRA[24..], [5, 5, 5, 5, 0]);
        assert_eq!((LENGTH_CODE[254], LENGTH_CODE[255], LENGTH_CODE[7]), (27, 28, 7));
    }

    #[test]
    fn distances_follow_one_another() {
        let mut next = 1;
        for (code, extra) in DISTANCE_EXTRA.iter().enumerate().take(DISTANCE_CODES) {
            for rest in 0..1 << extra {
                assert_eq!((distance_code(next), distance_rest(next, code)), (code, rest));
                next += 1;
            }
        }
        assert_eq!(next, 32769);
    }
}
