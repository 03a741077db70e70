//! ChaCha20-Poly1305 (RFC 8439) in place, with the tag behind the ciphertext.

use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, KeyInit};

use crate::error::{Error, Result, Sealed};
use crate::key::Key;

/// Length of a tag, bytes.
pub(crate) const TAG_BYTES: usize = 16;

/// Nonce number `number` of a key: eight zero bytes, then the number, big-endian.
pub(crate) fn nonce(number: u32) -> [u8; 12] {
    let [a, b, c, d] = number.to_be_bytes();
    [0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d]
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
    ChaCha20Poly1305::new(key.bytes().into())
        .encrypt_inout_detached(&nonce.into(), aad, bytes.into())
        .map(Into::into)
        .map_err(|_| Error::TooLong { what })
}

/// Opens `bytes` (ciphertext, then tag) in place and cuts the tag off. When the tag is wrong
/// the bytes stay as they are.
pub(crate) fn open(what: Sealed, key: &Key, nonce: [u8; 12], aad: &[u8], bytes: &mut Vec<u8>) -> Result<()> {
    let found_bytes = bytes.len();
    let (text, tag) = bytes.split_last_chunk_mut::<TAG_BYTES>().ok_or(Error::TooShort {
        what,
        found_bytes,
        least_bytes: TAG_BYTES,
    })?;
    let tag = (*tag).into();
    let len = text.len();
    ChaCha20Poly1305::new(key.bytes().into())
        .decrypt_inout_detached(&nonce.into(), aad, text.into(), &tag)
        .map_err(|_| Error::Unauthentic { what })?;
    bytes.truncate(len);
    Ok(())
}
