//! How long sealed objects are made, so that their length tells little.
//!
//! Lengths are rounded as Padmé does (Nikitin et al., "Reducing Metadata Leakage from
//! Encrypted Files and Communication with PURBs", PoPETs 2019, section 4): a length L has
//! E = floor(log2 L) and keeps the upper S = floor(log2 E) + 1 bits below its first one; the
//! lower E − S bits are rounded up. That costs at most 12 % and leaks O(log log L) bits. Two
//! changes: nothing is shorter than [`FLOOR_BYTES`], and no more than [`CAP_BITS`] bits are
//! rounded, because above 4 MiB the cost of Padmé grows beyond what the secret is worth.
//!
//! The padding itself is that of ISO/IEC 7816-4: one byte 0x80 after the content, then zero
//! bytes. It is sealed together with the content. A reader accepts any number of zero bytes,
//! so a writer may pad by another rule and the format stays the same.

/// The shortest padded length, bytes.
pub const FLOOR_BYTES: u64 = 256;
/// At most this many low bits of a length are rounded away: 64 KiB.
pub const CAP_BITS: u32 = 16;

/// First byte of the padding.
const MARK: u8 = 0x80;

/// The length to which `len` bytes are padded: the least one that is allowed and not below
/// `len`. Monotone, and a fixed point of itself.
#[must_use]
pub fn padded_len(len: u64) -> u64 {
    let Some(exponent) = len.max(FLOOR_BYTES).checked_ilog2() else {
        return FLOOR_BYTES;
    };
    let kept = exponent.checked_ilog2().unwrap_or(0) + 1;
    let rounded = exponent.saturating_sub(kept).min(CAP_BITS);
    let mask = (1_u64 << rounded) - 1;
    // Lengths within 64 KiB of 2^64 exist nowhere; they would stay as they are.
    match len.max(FLOOR_BYTES).checked_add(mask) {
        Some(sum) => sum & !mask,
        None => len,
    }
}

/// Appends the mark and as many zero bytes as [`padded_len`] asks for.
pub(crate) fn pad(bytes: &mut Vec<u8>) {
    let target = padded_len(bytes.len() as u64 + 1);
    pad_to(bytes, usize::try_from(target).unwrap_or(usize::MAX));
}

/// Appends the mark and zero bytes up to `target` bytes; just the mark when that is too few.
pub(crate) fn pad_to(bytes: &mut Vec<u8>, target: usize) {
    bytes.reserve_exact(target.saturating_sub(bytes.len()));
    bytes.push(MARK);
    bytes.resize(target.max(bytes.len()), 0);
}

/// Cuts the padding off; `None` when there is no mark, or anything but zeros behind it.
pub(crate) fn unpad(bytes: &mut Vec<u8>) -> Option<()> {
    let last = bytes.iter().rposition(|byte| *byte != 0)?;
    if bytes.get(last) != Some(&MARK) {
        return None;
    }
    bytes.truncate(last);
    Some(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lengths_of_the_specification() {
        for (len, padded) in [
            (0, 256),
            (1, 256),
            (256, 256),
            (257, 272),
            (511, 512),
            (512, 512),
            (513, 544),
            (1025, 1088),
            (65_537, 67_584),
            (1_048_577, 1_081_344),
            (4_194_305, 4_259_840),
            (67_108_865, 67_174_400),
            (1 << 40, 1 << 40),
        ] {
            assert_eq!(padded_len(len), padded, "{len}");
        }
        assert_eq!(padded_len(u64::MAX), u64::MAX);
    }

    proptest! {
        #[test]
        fn padded_lengths_are_bounded_monotone_and_stable(
            bits in 0_u32..48, low in any::<u64>(), more in 0_u64..100_000
        ) {
            let len = (1_u64 << bits) | (low & ((1 << bits) - 1));
            let padded = padded_len(len);
            prop_assert!(padded >= len);
            prop_assert!(padded <= padded_len(len + more));
            prop_assert_eq!(padded_len(padded), padded);
            prop_assert!(padded - len < 1 << CAP_BITS);
            prop_assert!(len < FLOOR_BYTES || (padded - len) * 100 <= len * 12);
        }

        #[test]
        fn content_comes_back(content in proptest::collection::vec(
            prop_oneof![Just(0_u8), Just(MARK), any::<u8>()], 0..2000)
        ) {
            let mut bytes = content.clone();
            pad(&mut bytes);
            prop_assert_eq!(bytes.len() as u64, padded_len(content.len() as u64 + 1));
            bytes.extend([0; 3]);
            prop_assert_eq!(unpad(&mut bytes), Some(()));
            prop_assert_eq!(bytes, content);
        }
    }

    #[test]
    fn padding_that_is_none_is_refused() {
        for bad in [&[][..], &[0, 0], &[1], &[0x80, 1, 0], &[0x81, 0]] {
            assert_eq!(unpad(&mut bad.to_vec()), None, "{bad:?}");
        }
    }

    #[test]
    fn a_target_below_the_content_still_marks_its_end() {
        let mut bytes = vec![5; 10];
        pad_to(&mut bytes, 3);
        assert_eq!(bytes.len(), 11);
        unpad(&mut bytes).unwrap();
        assert_eq!(bytes, [5; 10]);
    }
}
