//! Seeded randomness: every run has the same bytes.

use std::fmt::Write as _;

/// Words (SplitMix64: Steele, Lea, Flood 2014).
#[derive(Debug, Clone)]
pub struct Words(u64);

impl Words {
    /// A sequence of its own for each `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A sequence of its own for each list of numbers.
    #[must_use]
    pub fn of(numbers: &[u64]) -> Self {
        numbers.iter().fold(Self(numbers.len() as u64), |words, number| {
            let mut words = Self(words.0 ^ number.wrapping_mul(0xD6E8_FEB8_6659_FD93));
            Self(words.word())
        })
    }

    /// The next 64 bits.
    pub const fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ (word >> 31)
    }

    /// A number below `limit`, nearly evenly.
    pub const fn below(&mut self, limit: u64) -> u64 {
        ((self.word() as u128 * limit as u128) >> 64) as u64
    }

    /// A number of [0, 1).
    pub const fn fraction(&mut self) -> f64 {
        (self.word() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Fills `bytes` with noise.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        let mut words = bytes.chunks_exact_mut(8);
        for part in words.by_ref() {
            part.copy_from_slice(&self.word().to_le_bytes());
        }
        let last = self.word().to_le_bytes();
        words.into_remainder().iter_mut().zip(last).for_each(|(to, from)| *to = from);
    }

    /// So much noise: bytes that do not compress.
    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.fill(&mut bytes);
        bytes
    }

    /// Lines of words, as source code and logs compress.
    pub fn text(&mut self, len: usize) -> Vec<u8> {
        const WORDS: [&str; 12] = [
            "registry", "layer", "return", "import", "manifest", "error", "0x00", "value", "self", "config",
            "static", "image",
        ];
        let mut out = String::with_capacity(len + 32);
        while out.len() < len {
            let word = WORDS[self.below(12) as usize];
            let number = self.below(1000);
            writeln!(out, "{word} {number}").unwrap();
        }
        let mut out = out.into_bytes();
        out.truncate(len);
        out
    }

    /// A digest as registries write it: 64 hexadecimal digits.
    pub fn hex64(&mut self) -> String {
        let [a, b, c, d] = [self.word(), self.word(), self.word(), self.word()];
        format!("{a:016x}{b:016x}{c:016x}{d:016x}")
    }

    /// A random UUID (RFC 9562, version 4).
    pub fn uuid(&mut self) -> String {
        let (high, low) = (self.word(), self.word());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            (low >> 48) & 0x3fff | 0x8000,
            low & 0xffff_ffff_ffff
        )
    }

    /// Shuffles (Fisher, Yates; Durstenfeld's form).
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            let other = self.below(last as u64 + 1) as usize;
            list.swap(last, other);
        }
    }
}
