//! Bytes for vectors: hexadecimal text, and noise that anyone can make again.

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|nibble| char::from(DIGITS[usize::from(nibble)]))
        .collect()
}

/// Bytes of lower-case hexadecimal text; `None` for any other text.
#[must_use]
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).filter(|_| !byte.is_ascii_uppercase());
    text.as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => u8::try_from(digit(*high)? << 4 | digit(*low)?).ok(),
            _ => None,
        })
        .collect()
}

/// The first `len` bytes of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014) begun at `state`,
/// each word little-endian.
#[must_use]
pub fn noise(mut state: u64, len: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bytes.extend_from_slice(&(word ^ (word >> 31)).to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_goes_both_ways() {
        assert_eq!(hex(&[0, 0x1f, 0xff]), "001fff");
        assert_eq!(unhex("001fff"), Some(vec![0, 0x1f, 0xff]));
        for bad in ["0", "0g", "FF", "é"] {
            assert_eq!(unhex(bad), None, "{bad}");
        }
    }

    /// The reference output of SplitMix64 begun at 1234567.
    #[test]
    fn noise_is_splitmix64() {
        let words = [6_457_827_717_110_365_317_u64, 3_203_168_211_198_807_973];
        assert_eq!(noise(1_234_567, 16), words.map(u64::to_le_bytes).concat());
        assert_eq!(noise(1, 13), noise(1, 16)[..13]);
    }
}
