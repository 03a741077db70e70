//! Bytes: repeatable noise, digests, damage.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;

use sha2::{Digest, Sha256};

/// A repeatable source of noise (SplitMix64).
pub struct Dice(u64);

impl Dice {
    /// Seeded.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub const fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let a = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let b = (a ^ (a >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        b ^ (b >> 31)
    }

    /// A number below `bound`.
    pub const fn below(&mut self, bound: u64) -> u64 {
        self.roll() % bound
    }

    /// Bytes that do not compress.
    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(len + 8);
        while out.len() < len {
            out.extend_from_slice(&self.roll().to_le_bytes());
        }
        out.truncate(len);
        out
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
}

/// `sha256:<hex>` of some bytes.
pub fn digest_of(bytes: &[u8]) -> String {
    let mut text = String::from("sha256:");
    for byte in Sha256::digest(bytes) {
        write!(text, "{byte:02x}").unwrap();
    }
    text
}

/// Inverts one bit of a file, in place.
///
/// # Panics
///
/// When the file is shorter than `offset`.
pub fn flip_byte(path: &Path, offset: u64) {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    file.write_all_at(&[byte[0] ^ 0x10], offset).unwrap();
}
