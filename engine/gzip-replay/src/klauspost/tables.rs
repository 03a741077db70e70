//! How deflate cuts lengths and distances into codes and extra bits.

/// Codes for lengths, the first for 3 bytes.
pub(super) const LENGTHS: usize = 29;
/// Codes for distances.
pub(super) const DISTANCES: usize = 30;
/// Codes of the alphabet of literals: bytes, the end of block, lengths.
pub(super) const LITERALS: usize = 257 + LENGTHS;
/// The end of block.
pub(super) const END: usize = 256;

/// Extra bits of each length code.
pub(super) const LENGTH_EXTRA: [u8; LENGTHS] =
    [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];

/// The shortest length of each code, less 3.
pub(super) const LENGTH_BASE: [u8; LENGTHS] = {
    let mut base = [0; LENGTHS];
    let mut code = 1;
    while code < LENGTHS - 1 {
        base[code] = base[code - 1] + (1 << LENGTH_EXTRA[code - 1]);
        code += 1;
    }
    base[LENGTHS - 1] = 255;
    base
};

/// The code of each length, less 3.
pub(super) const LENGTH_CODE: [u8; 256] = {
    let mut codes = [0; 256];
    let (mut length, mut code) = (0, 0_u8);
    while length < 256 {
        if (code as usize) < LENGTHS - 1 && LENGTH_BASE[code as usize + 1] as usize == length {
            code += 1;
        }
        codes[length] = code;
        length += 1;
    }
    codes
};

/// Extra bits of each distance code; padded, so that five bits never miss it.
pub(super) const DISTANCE_EXTRA: [u8; 32] = {
    let mut extra = [0; 32];
    let mut code = 4;
    while code < DISTANCES {
        extra[code] = (code / 2 - 1) as u8;
        code += 1;
    }
    extra
};

/// The shortest distance of each code, less 1; padded like [`DISTANCE_EXTRA`].
pub(super) const DISTANCE_BASE: [u16; 32] = {
    let mut base = [0; 32];
    let mut code = 1;
    while code < DISTANCES {
        base[code] = base[code - 1] + (1 << DISTANCE_EXTRA[code - 1]);
        code += 1;
    }
    base
};

/// The codes of distances, less 1, under 256; behind them those of each 128 more.
const DISTANCE_CODE: [u8; 512] = {
    let mut codes = [0; 512];
    let mut at = 0;
    while at < 512 {
        let distance = if at < 256 { at } else { (at - 256) << 7 };
        let mut code = 0;
        while code + 1 < DISTANCES && DISTANCE_BASE[code + 1] as usize <= distance {
            code += 1;
        }
        codes[at] = code as u8;
        at += 1;
    }
    codes
};

/// The code of a distance, less 1.
#[inline]
pub(super) fn distance_code(distance: u16) -> u8 {
    let at = if distance < 256 { distance } else { 256 + (distance >> 7) };
    DISTANCE_CODE[at as usize & 511]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_hold_their_ends() {
        assert_eq!([0, 7, 8, 9, 10, 254, 255].map(|at| LENGTH_CODE[at]), [0, 7, 8, 8, 9, 27, 28]);
        assert_eq!([0, 3, 4, 5, 6, 255, 256, 32767].map(distance_code), [0, 3, 4, 4, 5, 15, 16, 29]);
        assert_eq!((DISTANCE_BASE[29], DISTANCE_EXTRA[29]), (0x6000, 13));
    }
}
