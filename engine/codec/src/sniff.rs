//! What kind of bytes a blob is, from its beginning.

use crate::error::CodecError;
use crate::frame::Probe;
use crate::tar_header::{Block, TAR_BLOCK_BYTES};

/// Kinds that are stored in ways of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Begins with a sound tar header, or with a block of zeros, as an empty tar does.
    Tar,
    /// Begins as a gzip member with deflate (RFC 1952, 2.3).
    Gzip,
    /// Begins as a zstd frame (RFC 8878, 3.1.1).
    Zstd,
    /// Anything else.
    Other,
    /// No bytes at all.
    Empty,
}

/// Judges by the first 512 bytes, or fewer when there are no more: then `is_whole` is true.
/// A guess to choose a recipe by; nothing may rely on it being right.
pub fn sniff(first: &[u8], is_whole: bool) -> Form {
    if first.is_empty() && is_whole {
        return Form::Empty;
    }
    if first.starts_with(&[0x1F, 0x8B, 0x08]) {
        return Form::Gzip;
    }
    if first.starts_with(&[0x28, 0xB5, 0x2F, 0xFD]) {
        return Form::Zstd;
    }
    match first.first_chunk::<TAR_BLOCK_BYTES>().map(Block::parse) {
        Some(Block::Zero | Block::Header(_)) => Form::Tar,
        Some(Block::Other) | None => Form::Other,
    }
}

/// Whether bytes of no known form are compressed or encrypted: a fast pass over this sample
/// saves less than a sixteenth of it.
///
/// # Errors
/// [`CodecError::Compress`].
pub fn is_opaque(sample: &[u8]) -> Result<bool, CodecError> {
    Probe::new()?.is_opaque(sample)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn tells_the_forms_apart() {
        let mut header = tar::Header::new_gnu();
        header.set_size(5);
        header.set_cksum();
        let mut damaged = *header.as_bytes();
        damaged[0] ^= 1;
        for (bytes, is_whole, form) in [
            (&b""[..], true, Form::Empty),
            (b"", false, Form::Other),
            (b"x", true, Form::Other),
            (&[0x1F, 0x8B, 0x08, 0], true, Form::Gzip),
            (&[0x1F, 0x8B, 0x00, 0], true, Form::Other),
            (&[0x28, 0xB5, 0x2F, 0xFD, 0], true, Form::Zstd),
            (&[0; 512], false, Form::Tar),
            (&[0; 511], true, Form::Other),
            (header.as_bytes(), false, Form::Tar),
            (&damaged, false, Form::Other),
        ] {
            assert_eq!(sniff(bytes, is_whole), form);
        }
    }

    #[test]
    fn what_is_compressed_is_opaque_and_text_is_not() {
        let noise: Vec<u8> = (0..65_536_u64)
            .map(|n| (n.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(17).wrapping_mul(n | 1) >> 32) as u8)
            .collect();
        assert!(is_opaque(&noise).unwrap());
        assert!(!is_opaque(&b"some text, and again ".repeat(3_000)).unwrap());
    }
}
