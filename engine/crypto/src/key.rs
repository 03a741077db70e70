//! One 256-bit secret, and the two ways in which further ones are made of it.

use zeroize::{Zeroize, Zeroizing};

/// A secret of 32 bytes. Lives on the heap, so that moving it leaves no copies behind, and
/// is overwritten when dropped. No `Debug`, no `Clone`, no comparison.
pub(crate) struct Key(Box<[u8; 32]>);

impl Key {
    /// A key that `fill` writes in place.
    pub(crate) fn filled<E>(
        fill: impl FnOnce(&mut [u8; 32]) -> std::result::Result<(), E>,
    ) -> std::result::Result<Self, E> {
        let mut key = Self(Box::new([0; 32]));
        fill(&mut key.0)?;
        Ok(key)
    }

    /// A copy of `bytes`.
    pub(crate) fn copied(bytes: &[u8; 32]) -> Self {
        let mut key = Self(Box::new([0; 32]));
        key.0.copy_from_slice(bytes);
        key
    }

    /// The bytes, to be handed to a cipher.
    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A secret for one purpose: BLAKE3's `derive_key` with a context string of its own
    /// (BLAKE3 paper, section 6.2: hardcoded, globally unique).
    pub(crate) fn derive(&self, context: &'static str) -> Self {
        let derived = Zeroizing::new(blake3::derive_key(context, self.bytes()));
        Self::copied(&derived)
    }

    /// A secret for one object: keyed BLAKE3 of the object's random salt.
    pub(crate) fn salted(&self, salt: &[u8; 32]) -> Self {
        let mut hash = blake3::keyed_hash(self.bytes(), salt);
        let key = Self::copied(hash.as_bytes());
        hash.zeroize();
        key
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
