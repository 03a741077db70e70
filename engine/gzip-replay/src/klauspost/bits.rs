//! Bits as deflate packs them, put by up to 56 at a time.

/// Appends bits to bytes.
#[derive(Clone, Copy, Default)]
pub(super) struct Bits {
    /// Bits that are no whole byte yet, the oldest lowest.
    bits: u64,
    /// How many: under 8 between calls.
    count: u32,
}

impl Bits {
    /// Appends `count` bits; the others of `value` must be zero.
    pub(super) fn put(&mut self, value: u64, count: u32, out: &mut Vec<u8>) {
        self.bits |= value << self.count;
        self.count += count;
        let bytes = self.count as usize / 8;
        out.extend_from_slice(self.bits.to_le_bytes().get(..bytes).unwrap_or_default());
        self.bits >>= bytes * 8;
        self.count %= 8;
    }

    /// Fills up the last byte with zeros.
    pub(super) fn align(&mut self, out: &mut Vec<u8>) {
        if self.count > 0 {
            out.push(self.bits as u8);
        }
        *self = Self::default();
    }

    /// Begins to write `bytes` bytes at most.
    pub(super) fn run<'a>(&self, bytes: usize, out: &'a mut Vec<u8>) -> Run<'a> {
        let at = out.len();
        out.resize(at + bytes + 16, 0);
        Run { out, at, bits: *self }
    }
}

/// Many bits to come, whose place is made already.
pub(super) struct Run<'a> {
    out: &'a mut Vec<u8>,
    at: usize,
    bits: Bits,
}

impl Run<'_> {
    /// Holds bits back: 56 at most before they are [`Run::settle`]d.
    #[inline(always)]
    pub(super) fn add(&mut self, value: u64, count: u32) {
        self.bits.bits |= value << (self.bits.count & 63);
        self.bits.count = self.bits.count.wrapping_add(count);
    }

    /// Writes whole bytes.
    #[inline(always)]
    pub(super) fn settle(&mut self) {
        if let Some(place) = self.out.get_mut(self.at..).and_then(<[u8]>::first_chunk_mut) {
            *place = self.bits.bits.to_le_bytes();
        }
        self.at = self.at.wrapping_add(self.bits.count as usize / 8);
        self.bits.bits >>= self.bits.count & 56;
        self.bits.count &= 7;
    }

    /// Ends the run: gives back what is no whole byte.
    pub(super) fn end(mut self) -> Bits {
        self.settle();
        self.out.truncate(self.at);
        self.bits
    }
}
