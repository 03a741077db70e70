//! Sealing to the repository's public key: HPKE (RFC 9180), single-shot, in `mode_psk`, with
//! DHKEM(X25519, HKDF-SHA256) = 0x0020, HKDF-SHA256 = 0x0001, ChaCha20Poly1305 = 0x0003.
//!
//! Why `mode_psk` and not `mode_base`: with the public key alone anyone could seal, and a
//! store that learns it could slip in snapshots or packs of its own making. The pre-shared
//! key is derived from the secret that both roles hold, so what opens was sealed by a holder
//! of some key of this repository. Every call draws a new ephemeral key, hence has a key and
//! a nonce that no other call has.

use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, PskBundle, Serializable};

use crate::cipher::TAG_BYTES;
use crate::error::{Error, Result, Sealed};
use crate::key::Key;
use crate::random::OneSeed;

/// Length of an encapsulated key, bytes.
pub(crate) const ENC_BYTES: usize = 32;

/// The pre-shared key's name in the key schedule.
const PSK_ID: &[u8] = b"dtrvault/1/psk";

type Public = <X25519HkdfSha256 as Kem>::PublicKey;
type Secret = <X25519HkdfSha256 as Kem>::PrivateKey;
type Enc = <X25519HkdfSha256 as Kem>::EncappedKey;

/// Makes a key pair of 32 random bytes (RFC 9180 section 7.1.3): the secret half, the public.
pub(crate) fn key_pair(seed: &Key) -> (Key, [u8; 32]) {
    let (secret, public) = X25519HkdfSha256::derive_keypair(seed.bytes());
    let mut bytes = zeroize::Zeroizing::new([0; 32]);
    secret.write_exact(&mut *bytes);
    (Key::copied(&bytes), public.to_bytes().into())
}

/// The public half of `secret`.
pub(crate) fn public_of(secret: &Key) -> Result<[u8; 32]> {
    let secret = Secret::from_bytes(secret.bytes()).map_err(|_| Error::PublicKey)?;
    Ok(X25519HkdfSha256::sk_to_pk(&secret).to_bytes().into())
}

/// What both ends of the wrapping have in common.
pub(crate) struct Wrapping<'a> {
    /// What is wrapped, for messages.
    pub(crate) what: Sealed,
    /// The secret of both roles.
    pub(crate) psk: &'a Key,
    /// RFC 9180 `info`: what it is wrapped for.
    pub(crate) info: &'a [u8],
    /// Associated data.
    pub(crate) aad: &'a [u8],
}

impl Wrapping<'_> {
    /// Seals `plain` to `public`; `seed` becomes the ephemeral key and must be fresh.
    /// Gives the encapsulated key, and ciphertext and tag.
    pub(crate) fn seal(
        &self,
        public: &[u8; 32],
        seed: Key,
        plain: &[u8],
    ) -> Result<([u8; ENC_BYTES], Vec<u8>)> {
        self.seal_as(PSK_ID, public, seed, plain)
    }

    fn seal_as(
        &self,
        psk_id: &[u8],
        public: &[u8; 32],
        seed: Key,
        plain: &[u8],
    ) -> Result<([u8; ENC_BYTES], Vec<u8>)> {
        let psk = PskBundle::new(self.psk.bytes(), psk_id).map_err(|_| Error::EphemeralKey)?;
        let public = Public::from_bytes(public).map_err(|_| Error::PublicKey)?;
        let mut rng = OneSeed::new(seed);
        let (enc, sealed) =
            hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
                &OpModeS::Psk(psk),
                &public,
                self.info,
                plain,
                self.aad,
                &mut rng,
            )
            .map_err(|error| match error {
                hpke::HpkeError::SealError => Error::TooLong { what: self.what },
                _ => Error::PublicKey,
            })?;
        if rng.is_spent() { Ok((enc.to_bytes().into(), sealed)) } else { Err(Error::EphemeralKey) }
    }

    /// Opens what was sealed with the same `psk`, `info` and `aad` to the public half of
    /// `secret`.
    pub(crate) fn open(&self, secret: &Key, enc: &[u8; ENC_BYTES], sealed: &[u8]) -> Result<Vec<u8>> {
        self.open_as(PSK_ID, secret, enc, sealed)
    }

    fn open_as(&self, psk_id: &[u8], secret: &Key, enc: &[u8; ENC_BYTES], sealed: &[u8]) -> Result<Vec<u8>> {
        if sealed.len() < TAG_BYTES {
            return Err(Error::TooShort {
                what: self.what,
                found_bytes: sealed.len(),
                least_bytes: TAG_BYTES,
            });
        }
        let unauthentic = |_| Error::Unauthentic { what: self.what };
        let psk = PskBundle::new(self.psk.bytes(), psk_id).map_err(unauthentic)?;
        let secret = Secret::from_bytes(secret.bytes()).map_err(unauthentic)?;
        let enc = Enc::from_bytes(enc).map_err(unauthentic)?;
        hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Psk(psk),
            &secret,
            &enc,
            self.info,
            sealed,
            self.aad,
        )
        .map_err(unauthentic)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn hex<const N: usize>(text: &str) -> [u8; N] {
        assert_eq!(text.len(), 2 * N);
        std::array::from_fn(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
    }

    fn key(text: &str) -> Key {
        Key::copied(&hex(text))
    }

    /// RFC 9180 appendix A.2.2: the very suite and mode of the repository.
    #[test]
    fn agrees_with_the_rfc_in_both_directions() {
        let psk = key("0247fd33b913760fa1fa51e1892d9f307fbe65eb171e8132c2af18555a738b82");
        let secret = key("77d114e0212be51cb1d76fa99dd41cfd4d0166b08caa09074430a6c59ef17879");
        let public = hex("13640af826b722fc04feaa4de2f28fbd5ecc03623b317834e7ff4120dbe73062");
        let seed = key("35706a0b09fb26fb45c39c2f5079c709c7cf98e43afa973f14d88ece7e29c2e3");
        let psk_id = b"Ennyn Durin aran Moria";
        let plain = b"Beauty is truth, truth beauty";
        let wrapping =
            Wrapping { what: Sealed::Snapshot, psk: &psk, info: b"Ode on a Grecian Urn", aad: b"Count-0" };
        assert_eq!(public_of(&secret).unwrap(), public);

        let (enc, sealed) = wrapping.seal_as(psk_id, &public, seed, plain).unwrap();
        assert_eq!(enc, hex("2261299c3f40a9afc133b969a97f05e95be2c514e54f3de26cbe5644ac735b04"));
        assert_eq!(
            sealed,
            hex::<45>(concat!(
                "4a177f9c0d6f15cfdf533fb65bf84aecdc6ab16b8b85b4cf65a370e07fc1d78d",
                "28fb073214525276f4a89608ff"
            ))
        );
        assert_eq!(wrapping.open_as(psk_id, &secret, &enc, &sealed).unwrap(), plain);
        assert!(wrapping.open(&secret, &enc, &sealed).is_err());
    }

    #[test]
    fn the_public_key_alone_cannot_seal() {
        let (secret, public) = key_pair(&Key::copied(&[1; 32]));
        let psk = Key::copied(&[2; 32]);
        let other = Key::copied(&[3; 32]);
        let wrapping = |psk| Wrapping { what: Sealed::PackKey, psk, info: b"i", aad: b"a" };
        let (enc, forged) = wrapping(&other).seal(&public, Key::copied(&[4; 32]), b"x").unwrap();
        assert!(matches!(
            wrapping(&psk).open(&secret, &enc, &forged),
            Err(Error::Unauthentic { what: Sealed::PackKey })
        ));
    }

    #[test]
    fn points_of_small_order_are_refused() {
        let psk = Key::copied(&[2; 32]);
        let (secret, _) = key_pair(&Key::copied(&[1; 32]));
        let wrapping = Wrapping { what: Sealed::PackKey, psk: &psk, info: b"", aad: b"" };
        let mut one = [0; 32];
        one[0] = 1;
        for point in [[0; 32], one] {
            assert!(matches!(wrapping.seal(&point, Key::copied(&[4; 32]), b"x"), Err(Error::PublicKey)));
            assert!(matches!(wrapping.open(&secret, &point, &[0; 48]), Err(Error::Unauthentic { .. })));
        }
    }
}
