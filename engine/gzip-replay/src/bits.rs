//! Bits as deflate packs them: the least significant first.

/// Appends bits to bytes.
#[derive(Debug, Default)]
pub(crate) struct BitWriter {
    /// Bits that are no whole bytes yet, the oldest lowest.
    bits: u64,
    /// How many: under 48 between calls.
    count: u32,
}

impl BitWriter {
    /// Appends the low `count` bits of `value`, 16 at most; the others must be zero.
    #[inline]
    pub(crate) fn put(&mut self, value: u64, count: u32, out: &mut Vec<u8>) {
        debug_assert!(count <= 16 && value >> count == 0);
        self.bits |= value << self.count;
        self.count += count;
        if self.count >= 48 {
            out.extend_from_slice(&self.bits.to_le_bytes()[..6]);
            self.bits >>= 48;
            self.count -= 48;
        }
    }

    /// Writes out what there is, the last byte filled up with zeros.
    pub(crate) fn align(&mut self, out: &mut Vec<u8>) {
        let bytes = self.count.div_ceil(8) as usize;
        out.extend(self.bits.to_le_bytes().iter().take(bytes));
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_out_in_order() {
        let (mut writer, mut out) = (BitWriter::default(), Vec::new());
        for at in 0..100_u64 {
            writer.put(at & 1, 1, &mut out);
            writer.put(0x5a5a, 16, &mut out);
            writer.put(0x55, 7, &mut out);
        }
        writer.put(1, 1, &mut out);
        writer.align(&mut out);
        assert_eq!(out.len(), 301);
        assert_eq!(&out[..3], &[0xb4, 0xb4, 0xaa]);
        assert_eq!(&out[3..6], &[0xb5, 0xb4, 0xaa]);
        assert_eq!(out.last(), Some(&1));
    }
}
