//! Objects that both roles read: index segments, leases, lists of doomed packs.
//!
//! ```text
//! 0    32   salt, random
//! 32    n   ciphertext of the padded content
//! 32+n 16   tag
//! ```
//! Key: keyed BLAKE3 of the salt, under the secret of the kind. Nonce: zero. Associated
//! data: the kind's name. The salt is why a zero nonce is safe: it makes a key for this one
//! object, and 256 random bits do not repeat; the 96-bit nonce of the cipher alone, drawn at
//! random, would after some 2^32 objects. A kind is no other's object twice over: its secret
//! differs, and its name does.

use crate::cipher::{self, TAG_BYTES};
use crate::error::{Error, Result, Sealed};
use crate::key::Key;
use crate::padding;
use crate::ring::KeyRing;

/// Length of the salt, bytes.
const SALT_BYTES: usize = 32;

/// What is sealed for both roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SharedKind {
    /// An index segment.
    Segment,
    /// A lease.
    Lease,
    /// A list of doomed packs.
    Doomed,
}

impl SharedKind {
    /// Associated data of objects of this kind.
    fn aad(self) -> &'static [u8] {
        match self {
            Self::Segment => b"dtrvault/1/segment",
            Self::Lease => b"dtrvault/1/lease",
            Self::Doomed => b"dtrvault/1/doomed",
        }
    }

    fn what(self) -> Sealed {
        match self {
            Self::Segment => Sealed::Segment,
            Self::Lease => Sealed::Lease,
            Self::Doomed => Sealed::Doomed,
        }
    }

    fn key(self, ring: &KeyRing) -> &Key {
        match self {
            Self::Segment => &ring.secrets().segment,
            Self::Lease => &ring.secrets().lease,
            Self::Doomed => &ring.secrets().doomed,
        }
    }
}

impl KeyRing {
    /// Seals `plain`, padded ([`crate::padded_len`]), for the holders of any key.
    ///
    /// # Errors
    /// [`Error::Randomness`].
    pub fn seal_shared(&self, kind: SharedKind, plain: &[u8]) -> Result<Vec<u8>> {
        let salt = self.randomness.salt()?;
        let text_bytes = padding::padded_len(plain.len() as u64 + 1);
        let text_bytes = usize::try_from(text_bytes).unwrap_or(usize::MAX);
        let mut object = Vec::with_capacity(text_bytes.saturating_add(SALT_BYTES + TAG_BYTES));
        object.extend_from_slice(&salt);
        object.extend_from_slice(plain);
        padding::pad_to(&mut object, text_bytes.saturating_add(SALT_BYTES));
        let text = object.get_mut(SALT_BYTES..).unwrap_or_default();
        let key = kind.key(self).salted(&salt);
        let tag = cipher::seal(kind.what(), &key, cipher::nonce(0), kind.aad(), text)?;
        object.extend_from_slice(&tag);
        Ok(object)
    }

    /// Opens what [`KeyRing::seal_shared`] made of the same kind.
    ///
    /// # Errors
    /// [`Error::TooShort`], [`Error::Unauthentic`], [`Error::Padding`].
    pub fn open_shared(&self, kind: SharedKind, object: &[u8]) -> Result<Vec<u8>> {
        let what = kind.what();
        let short = Error::TooShort { what, found_bytes: object.len(), least_bytes: SALT_BYTES + TAG_BYTES };
        let (salt, text) = match object.split_first_chunk::<SALT_BYTES>() {
            Some((salt, text)) if text.len() >= TAG_BYTES => (salt, text),
            _ => return Err(short),
        };
        let mut text = text.to_vec();
        let key = kind.key(self).salted(salt);
        cipher::open(what, &key, cipher::nonce(0), kind.aad(), &mut text)?;
        padding::unpad(&mut text).ok_or(Error::Padding { what })?;
        Ok(text)
    }
}
