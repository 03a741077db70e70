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

    /// Lets `write` append up to `most` bits in larger portions, and faster.
    pub(crate) fn burst(&mut self, most: usize, out: &mut Vec<u8>, write: impl FnOnce(&mut Burst<'_>)) {
        let start = out.len();
        // Whole words are stored, the last one beyond the end of the bits.
        out.resize(start + most / 8 + 16, 0);
        let mut burst = Burst { bytes: &mut out[start..], at: 0, bits: self.bits, count: self.count };
        burst.settle();
        write(&mut burst);
        let Burst { at, bits, count, .. } = burst;
        (self.bits, self.count) = (bits, count);
        out.truncate(start + at);
    }

    /// Writes out what there is, the last byte filled up with zeros.
    pub(crate) fn align(&mut self, out: &mut Vec<u8>) {
        let bytes = self.count.div_ceil(8) as usize;
        out.extend(self.bits.to_le_bytes().iter().take(bytes));
        *self = Self::default();
    }
}

/// Bits on their way into bytes that there is room for.
#[derive(Debug)]
pub(crate) struct Burst<'a> {
    bytes: &'a mut [u8],
    /// Where the next whole byte goes.
    at: usize,
    /// Bits that are no whole byte yet.
    bits: u64,
    /// How many: under 8 once they are settled.
    count: u32,
}

impl Burst<'_> {
    /// Appends the low `count` bits of `value`, 56 at most; the others must be zero.
    #[inline(always)]
    pub(crate) fn put(&mut self, value: u64, count: u32) {
        debug_assert!(count <= 56 && value >> count == 0);
        self.add(value, count);
        self.settle();
    }

    /// Appends bits, but holds them back: 56 at most before they are [`Burst::settle`]d.
    #[inline(always)]
    pub(crate) fn add(&mut self, value: u64, count: u32) {
        self.bits |= value.wrapping_shl(self.count);
        self.count = self.count.wrapping_add(count);
    }

    /// Writes whole bytes.
    #[inline(always)]
    pub(crate) fn settle(&mut self) {
        if let Some(room) = self.bytes.get_mut(self.at..).and_then(<[u8]>::first_chunk_mut) {
            *room = self.bits.to_le_bytes();
        }
        self.at = self.at.wrapping_add(self.count as usize >> 3);
        self.bits = self.bits.wrapping_shr(self.count & !7);
        self.count &= 7;
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

    #[test]
    fn a_burst_writes_the_same() {
        let (mut slow, mut fast) = (BitWriter::default(), BitWriter::default());
        let (mut slowly, mut quickly) = (Vec::new(), Vec::new());
        for count in (0..=16).chain(0..=16) {
            let value = 0xbeef_u64 & ((1 << count) - 1);
            slow.put(value, count, &mut slowly);
            fast.burst(count as usize, &mut quickly, |burst| burst.put(value, count));
            slow.put(1, 2, &mut slowly);
            fast.put(1, 2, &mut quickly);
        }
        slow.align(&mut slowly);
        fast.align(&mut quickly);
        assert_eq!(slowly, quickly);
    }
}
