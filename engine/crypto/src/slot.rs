//! Key slots: the secrets of a repository, wrapped under a password.
//!
//! The wrapping key is Argon2id of the password and the slot's salt. It seals, with
//! ChaCha20-Poly1305 under nonce zero, this deterministic CBOR map:
//!
//! | key | value |
//! |---|---|
//! | 0 | BLAKE3 of the repository's `config`, 32 bytes |
//! | 1 | the secret of both roles, 32 bytes |
//! | 2 | public key, 32 bytes |
//! | 3 | secret key, 32 bytes; absent in a slot of the write role |
//!
//! Nonce zero is safe because the salt is 32 random bytes, new for every slot, so that a
//! wrapping key seals once; a changed password makes a new slot. Associated data is the CBOR
//! of all plain fields ([`SlotHead`]): role, cost, label and the rest cannot be altered, nor
//! a slot be moved to another repository, without the password. The config's hash holds the
//! one object that nothing else seals.

use dtrvault_format::cbor::{self, Object};
use dtrvault_format::limits::FORMAT_VERSION;
use dtrvault_format::{Argon2Params, FormatError, KeySlot, RepoId, Role, SlotHead, Time};
use minicbor::bytes::ByteArray;
use minicbor::{Decode, Encode};
use zeroize::{Zeroize, Zeroizing};

use crate::cipher::{self, TAG_BYTES};
use crate::error::{Error, Result, Sealed};
use crate::key::Key;
use crate::password::wrapping_key;
use crate::ring::KeyRing;

/// Room for a payload of 140 bytes, so that encoding it does not move it.
const PAYLOAD_BYTES: usize = 256;

/// What a new slot is to say in its plain fields.
#[derive(Debug, Clone, Copy)]
pub struct SlotRequest<'a> {
    /// What the password shall give.
    pub role: Role,
    /// Cost of trying one password: [`crate::tune`].
    pub argon2: Argon2Params,
    /// Whose slot it is.
    pub repo: RepoId,
    /// BLAKE3 of the repository's `config` object.
    pub config_hash: [u8; 32],
    /// For people: whose key it is.
    pub label: &'a str,
    /// When it was made.
    pub created: Time,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct Payload {
    #[n(0)]
    config_hash: ByteArray<32>,
    #[n(1)]
    shared: ByteArray<32>,
    #[n(2)]
    public: ByteArray<32>,
    #[n(3)]
    secret: Option<ByteArray<32>>,
}

impl Drop for Payload {
    fn drop(&mut self) {
        self.shared.zeroize();
        if let Some(secret) = &mut self.secret {
            secret.zeroize();
        }
    }
}

/// Wraps the secrets of `ring` under `password`: all of them, or those of the write role.
///
/// # Errors
/// [`Error::EmptyPassword`]; [`Error::NeedsFullKey`] for a full slot out of a write-only
/// ring; [`Error::Format`] for a cost or a label out of bounds; [`Error::Argon2`];
/// [`Error::Randomness`].
pub fn seal_slot(ring: &KeyRing, password: &[u8], request: &SlotRequest<'_>) -> Result<KeySlot> {
    let secrets = ring.secrets();
    let secret = match request.role {
        Role::Full => Some((*ring.secret_key()?.bytes()).into()),
        Role::Write => None,
    };
    let payload = Payload {
        config_hash: request.config_hash.into(),
        shared: (*secrets.shared.bytes()).into(),
        public: secrets.public.into(),
        secret,
    };
    let mut slot = KeySlot {
        head: SlotHead {
            version: FORMAT_VERSION,
            repo: request.repo,
            role: request.role,
            argon2: request.argon2,
            salt: ring.randomness.salt()?.into(),
            label: request.label.to_owned(),
            created: request.created,
        },
        wrapped: Vec::new(),
    };
    slot.validate()?;
    let key = wrapping_key(password, &slot.head.salt, slot.head.argon2)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(PAYLOAD_BYTES));
    minicbor::encode(&payload, &mut *bytes)
        .map_err(|_| Error::SlotPayload { detail: "cannot be encoded" })?;
    let aad = cbor::encode(&slot.head);
    let tag = cipher::seal(Sealed::Slot, &key, cipher::nonce(0), &aad, &mut bytes)?;
    slot.wrapped = [&**bytes, &tag].concat();
    slot.validate()?;
    Ok(slot)
}

/// Opens a slot: its secrets, and the hash of the config they belong to. The caller compares
/// that hash, and the slot's repository id, with the config it has read.
///
/// # Errors
/// [`Error::WrongPassword`] when the password does not fit or the slot was altered;
/// [`Error::Format`] or [`Error::TooShort`] for a slot that no password opens;
/// [`Error::SlotPayload`] or [`Error::PublicKey`] for one that a faulty writer made;
/// [`Error::EmptyPassword`]; [`Error::Argon2`].
pub fn open_slot(slot: &KeySlot, password: &[u8]) -> Result<(KeyRing, [u8; 32])> {
    slot.validate()?;
    if slot.wrapped.len() < TAG_BYTES {
        return Err(Error::TooShort {
            what: Sealed::Slot,
            found_bytes: slot.wrapped.len(),
            least_bytes: TAG_BYTES,
        });
    }
    let key = wrapping_key(password, &slot.head.salt, slot.head.argon2)?;
    let mut bytes = Zeroizing::new(slot.wrapped.clone());
    let aad = cbor::encode(&slot.head);
    cipher::open(Sealed::Slot, &key, cipher::nonce(0), &aad, &mut bytes).map_err(|_| Error::WrongPassword)?;

    let payload = decode(&bytes)?;
    if payload.secret.is_some() != (slot.head.role == Role::Full) {
        return Err(Error::SlotPayload { detail: "the secrets are not those of its role" });
    }
    let secret = payload.secret.as_deref().map(Key::copied);
    let ring = KeyRing::from_secrets(Key::copied(&payload.shared), *payload.public, secret)?;
    Ok((ring, *payload.config_hash))
}

/// Decodes without the detour of [`cbor::decode`], which would leave a second encoding of
/// the secrets in freed memory.
fn decode(bytes: &[u8]) -> Result<Payload> {
    const WHAT: &str = "payload of a key slot";
    let mut decoder = minicbor::Decoder::new(bytes);
    let payload = decoder.decode().map_err(|source| FormatError::Cbor { what: WHAT, source })?;
    if decoder.position() == bytes.len() {
        Ok(payload)
    } else {
        Err(Error::SlotPayload { detail: "bytes behind it" })
    }
}
