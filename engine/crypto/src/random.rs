//! Where salts and ephemeral keys come from: the operating system, and nothing else unless
//! the crate is built to generate format vectors.

use std::convert::Infallible;

use hpke::rand_core::{TryCryptoRng, TryRng};

use crate::error::{Error, Result};
use crate::key::Key;

/// A source of random bytes. In a build without the feature `deterministic` there is only
/// the one of the operating system.
pub(crate) enum Randomness {
    /// The operating system's generator.
    System,
    /// An endless stream made of a seed. Whoever knows the seed knows every key.
    #[cfg(any(test, feature = "deterministic"))]
    Seeded(std::sync::Mutex<blake3::OutputReader>),
}

impl Randomness {
    /// The stream of BLAKE3 output that `seed` begins. Bytes are drawn in the order of calls.
    #[cfg(any(test, feature = "deterministic"))]
    pub(crate) fn seeded(seed: &[u8; 32]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("dtrvault v1 2026 format vectors");
        hasher.update(seed);
        Self::Seeded(std::sync::Mutex::new(hasher.finalize_xof()))
    }

    /// Fills `bytes`, all of them or none.
    pub(crate) fn fill(&self, bytes: &mut [u8]) -> Result<()> {
        match self {
            Self::System => getrandom::fill(bytes).map_err(Error::Randomness),
            #[cfg(any(test, feature = "deterministic"))]
            Self::Seeded(stream) => {
                stream.lock().unwrap_or_else(std::sync::PoisonError::into_inner).fill(bytes);
                Ok(())
            }
        }
    }

    /// 32 random bytes that are no secret.
    pub(crate) fn salt(&self) -> Result<[u8; 32]> {
        let mut salt = [0; 32];
        self.fill(&mut salt)?;
        Ok(salt)
    }

    /// 32 random bytes that are one.
    pub(crate) fn key(&self) -> Result<Key> {
        Key::filled(|bytes| self.fill(bytes))
    }
}

/// The generator that HPKE draws its ephemeral key from: gives out one prepared seed of 32
/// bytes, once. The library's generators cannot fail and panic instead, so the randomness is
/// fetched before, where a failure is an error; whether exactly the seed was taken is asked
/// afterwards, and anything else discards what was sealed.
pub(crate) struct OneSeed {
    seed: Option<Key>,
    overdrawn: bool,
}

impl OneSeed {
    /// A generator that gives out `seed`: the `ikmE` of RFC 9180.
    pub(crate) fn new(seed: Key) -> Self {
        Self { seed: Some(seed), overdrawn: false }
    }

    /// The whole seed was taken, and nothing more.
    pub(crate) fn is_spent(&self) -> bool {
        self.seed.is_none() && !self.overdrawn
    }
}

impl TryRng for OneSeed {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> std::result::Result<u32, Infallible> {
        self.overdrawn = true;
        Ok(0)
    }

    fn try_next_u64(&mut self) -> std::result::Result<u64, Infallible> {
        self.overdrawn = true;
        Ok(0)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> std::result::Result<(), Infallible> {
        match (self.seed.take(), <&mut [u8; 32]>::try_from(&mut *bytes)) {
            (Some(seed), Ok(bytes)) => bytes.copy_from_slice(seed.bytes()),
            _ => {
                self.overdrawn = true;
                bytes.fill(0);
            }
        }
        Ok(())
    }
}

impl TryCryptoRng for OneSeed {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn system_randomness_does_not_repeat() {
        let source = Randomness::System;
        assert_ne!(source.salt().unwrap(), source.salt().unwrap());
    }

    #[test]
    fn seeded_randomness_repeats_from_its_seed_only() {
        let (one, same, other) =
            (Randomness::seeded(&[1; 32]), Randomness::seeded(&[1; 32]), Randomness::seeded(&[2; 32]));
        let first = one.salt().unwrap();
        assert_eq!(first, same.salt().unwrap());
        assert_ne!(first, one.salt().unwrap());
        assert_ne!(first, other.salt().unwrap());
    }

    #[test]
    fn a_seed_is_given_once_and_any_other_draw_is_noticed() {
        let seed = || Key::copied(&[7; 32]);
        let mut bytes = [0; 32];

        let mut rng = OneSeed::new(seed());
        assert!(!rng.is_spent());
        rng.try_fill_bytes(&mut bytes).unwrap();
        assert!(rng.is_spent() && bytes == [7; 32]);
        rng.try_fill_bytes(&mut bytes).unwrap();
        assert!(!rng.is_spent() && bytes == [0; 32]);

        let mut rng = OneSeed::new(seed());
        rng.try_fill_bytes(&mut bytes[..16]).unwrap();
        assert!(!rng.is_spent());
        let mut rng = OneSeed::new(seed());
        rng.try_next_u64().unwrap();
        assert!(!rng.is_spent());
    }
}
