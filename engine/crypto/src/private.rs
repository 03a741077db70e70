//! Objects that only the full role reads: snapshots.
//!
//! ```text
//! 0    32   HPKE encapsulated key
//! 32    n   ciphertext of the padded content
//! 32+n 16   tag
//! ```
//! HPKE as in the room [`crate`] describes it, `info` = the kind's name, no associated data.

use crate::cipher::TAG_BYTES;
use crate::error::{Error, Result, Sealed};
use crate::padding;
use crate::ring::KeyRing;
use crate::wrap::{ENC_BYTES, Wrapping};

/// What is sealed for the full role alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PrivateKind {
    /// A snapshot.
    Snapshot,
}

impl PrivateKind {
    fn wrapping(self, ring: &KeyRing) -> Wrapping<'_> {
        let Self::Snapshot = self;
        Wrapping { what: Sealed::Snapshot, psk: &ring.secrets().psk, info: b"dtrvault/1/snapshot", aad: b"" }
    }
}

impl KeyRing {
    /// Seals `plain`, padded ([`crate::padded_len`]), so that only a full key opens it; any
    /// key can do that, and nobody without one.
    ///
    /// # Errors
    /// [`Error::Randomness`]; [`Error::PublicKey`] for a ring out of a forged slot.
    pub fn seal_private(&self, kind: PrivateKind, plain: &[u8]) -> Result<Vec<u8>> {
        let target = padding::padded_len(plain.len() as u64 + 1);
        let mut padded = Vec::with_capacity(usize::try_from(target).unwrap_or(0));
        padded.extend_from_slice(plain);
        padding::pad(&mut padded);
        let seed = self.randomness.key()?;
        let (enc, text) = kind.wrapping(self).seal(&self.secrets().public, seed, &padded)?;
        Ok([&enc, &*text].concat())
    }

    /// Opens what [`KeyRing::seal_private`] made of the same kind.
    ///
    /// # Errors
    /// [`Error::NeedsFullKey`], [`Error::TooShort`], [`Error::Unauthentic`],
    /// [`Error::Padding`].
    pub fn open_private(&self, kind: PrivateKind, object: &[u8]) -> Result<Vec<u8>> {
        let secret = self.secret_key()?;
        let wrapping = kind.wrapping(self);
        let what = wrapping.what;
        let (enc, text) = match object.split_first_chunk::<ENC_BYTES>() {
            Some((enc, text)) if text.len() >= TAG_BYTES => (enc, text),
            _ => {
                return Err(Error::TooShort {
                    what,
                    found_bytes: object.len(),
                    least_bytes: ENC_BYTES + TAG_BYTES,
                });
            }
        };
        let mut plain = wrapping.open(secret, enc, text)?;
        padding::unpad(&mut plain).ok_or(Error::Padding { what })?;
        Ok(plain)
    }
}
