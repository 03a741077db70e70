//! ChaCha20-Poly1305 (RFC 8439) in place, with the tag behind the ciphertext.
//!
//! Every byte of a repository passes here, so it is AWS-LC's implementation: it interleaves cipher and
//! authenticator in one pass (docs/decisions/0009-aead-by-aws-lc.md). The tests hold it
//! against another one.

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
pub(crate) use dtrvault_format::pack::TAG_BYTES;

use crate::error::{Error, Result, Sealed};
use crate::key::Key;

/// Nonce number `number` of a key: eight zero bytes, then the number, big-endian.
pub(crate) fn nonce(number: u32) -> [u8; 12] {
    let [a, b, c, d] = number.to_be_bytes();
    [0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d]
}

/// The cipher under `key`. The library wipes its copy of the key when it is dropped.
fn cipher(key: &Key) -> Option<LessSafeKey> {
    UnboundKey::new(&CHACHA20_POLY1305, key.bytes()).ok().map(LessSafeKey::new)
}

/// Seals `bytes` in place and gives the tag. The caller answers for it that no two calls
/// share key and nonce.
pub(crate) fn seal(
    what: Sealed,
    key: &Key,
    nonce: [u8; 12],
    aad: &[u8],
    bytes: &mut [u8],
) -> Result<[u8; TAG_BYTES]> {
    cipher(key)
        .and_then(|cipher| {
            let nonce = Nonce::assume_unique_for_key(nonce);
            cipher.seal_in_place_separate_tag(nonce, Aad::from(aad), bytes).ok()
        })
        .and_then(|tag| tag.as_ref().try_into().ok())
        .ok_or(Error::TooLong { what })
}

/// Opens `bytes` (ciphertext, then tag) in place; gives the length of the text, which stands at
/// their beginning. When the tag is wrong nothing of a text is left in them.
pub(crate) fn open_slice(
    what: Sealed,
    key: &Key,
    nonce: [u8; 12],
    aad: &[u8],
    bytes: &mut [u8],
) -> Result<usize> {
    let found_bytes = bytes.len();
    if found_bytes < TAG_BYTES {
        return Err(Error::TooShort { what, found_bytes, least_bytes: TAG_BYTES });
    }
    cipher(key)
        .and_then(|cipher| {
            let nonce = Nonce::assume_unique_for_key(nonce);
            cipher.open_in_place(nonce, Aad::from(aad), bytes).ok().map(|text| text.len())
        })
        .ok_or(Error::Unauthentic { what })
}

/// As [`open_slice`], and cuts the tag off.
pub(crate) fn open(what: Sealed, key: &Key, nonce: [u8; 12], aad: &[u8], bytes: &mut Vec<u8>) -> Result<()> {
    let len = open_slice(what, key, nonce, aad, bytes)?;
    bytes.truncate(len);
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, KeyInit};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn another_implementation_agrees(
            key: [u8; 32], number: u32, aad: Vec<u8>, text in proptest::collection::vec(any::<u8>(), 0..5000)
        ) {
            let mut ours = text.clone();
            let tag = seal(Sealed::Frame, &Key::copied(&key), nonce(number), &aad, &mut ours).unwrap();
            let other = ChaCha20Poly1305::new(&key.into());
            let mut theirs = text.clone();
            let their_tag =
                other.encrypt_inout_detached(&nonce(number).into(), &aad, theirs.as_mut_slice().into()).unwrap();
            prop_assert_eq!(&ours, &theirs);
            prop_assert_eq!(&tag[..], &their_tag[..]);
            ours.extend_from_slice(&tag);
            open(Sealed::Frame, &Key::copied(&key), nonce(number), &aad, &mut ours).unwrap();
            prop_assert_eq!(ours, text);
        }
    }

    #[test]
    fn a_wrong_tag_leaves_no_text() {
        let key = Key::copied(&[7; 32]);
        let text = *b"sixteen bytes and some more of it";
        let mut sealed = text.to_vec();
        let tag = seal(Sealed::Frame, &key, nonce(1), b"", &mut sealed).unwrap();
        sealed.extend_from_slice(&tag);
        sealed[40] ^= 1;
        assert!(open_slice(Sealed::Frame, &key, nonce(1), b"", &mut sealed).is_err());
        assert!(!sealed.windows(8).any(|part| text.windows(8).any(|of| of == part)));
    }
}
