//! ChaCha20-Poly1305 (RFC 8439) in place, with the tag behind the ciphertext.
//!
//! Every byte of a repository passes here, so it is OpenSSL's implementation, which uses what
//! vectors the processor has (docs/decisions/0012-aead-by-openssl.md). The tests hold it
//! against another one.

pub(crate) use dtrvault_format::pack::TAG_BYTES;
use openssl::cipher::Cipher;
use openssl::cipher_ctx::{CipherCtx, CipherCtxRef};
use openssl::error::ErrorStack;
use zeroize::Zeroize;

use crate::error::{Error, Result, Sealed};
use crate::key::Key;

/// Longest text, bytes: the library counts them in 31 bits. Nothing sealed comes near it.
const MAX_TEXT_BYTES: usize = i32::MAX as usize;

/// Nonce number `number` of a key: eight zero bytes, then the number, big-endian.
pub(crate) fn nonce(number: u32) -> [u8; 12] {
    let [a, b, c, d] = number.to_be_bytes();
    [0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d]
}

/// Passes `text` through a context that `init` has made one for sealing or for opening; the tag is still to be
/// had, or looked at. The context's copy of the key is wiped when it is dropped.
fn pass(
    what: Sealed,
    aad: &[u8],
    text: &mut [u8],
    init: impl FnOnce(&mut CipherCtxRef) -> std::result::Result<(), ErrorStack>,
) -> Result<CipherCtx> {
    let len = text.len();
    if len > MAX_TEXT_BYTES {
        return Err(Error::TooLong { what });
    }
    let mut context = CipherCtx::new().map_err(Error::Cipher)?;
    init(&mut context)
        .and_then(|()| context.cipher_update(aad, None))
        .and_then(|_| context.cipher_update_inplace(text, len))
        .map_err(Error::Cipher)?;
    Ok(context)
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
    let mut context = pass(what, aad, bytes, |context| {
        context.encrypt_init(Some(Cipher::chacha20_poly1305()), Some(key.bytes()), Some(&nonce))
    })?;
    let mut tag = [0; TAG_BYTES];
    context.cipher_final(&mut []).and_then(|_| context.tag(&mut tag)).map_err(Error::Cipher)?;
    Ok(tag)
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
    let Some((text, tag)) = bytes.split_last_chunk_mut::<TAG_BYTES>() else {
        return Err(Error::TooShort { what, found_bytes, least_bytes: TAG_BYTES });
    };
    let mut context = pass(what, aad, text, |context| {
        context.decrypt_init(Some(Cipher::chacha20_poly1305()), Some(key.bytes()), Some(&nonce))?;
        context.set_tag(tag)
    })?;
    if context.cipher_final(&mut []).is_err() {
        // Deciphered before the tag was looked at: it is nobody's text.
        text.zeroize();
        return Err(Error::Unauthentic { what });
    }
    Ok(text.len())
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
