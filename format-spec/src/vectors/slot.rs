//! `slot.json`: key slots of both roles, opened a second time with the bare primitives.

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, Payload as Sealed};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit};
use dtrvault_crypto::{SlotRequest, floor, open_slot, seal_slot};
use dtrvault_format::cbor::{self, Object};
use dtrvault_format::{KeySlot, Role};
use minicbor::bytes::ByteArray;
use minicbor::{Decode, Encode};
use serde_json::{Value, json};

use super::repository::{self, TIME, config_hash, ring};
use super::{changed, refused};
use crate::error::holds;
use crate::{Result, SpecError, hex};

const PASSWORD: &[u8] = "correct horse é".as_bytes();

/// What is sealed in a slot, as `keys.md` lists it.
#[derive(Encode, Decode)]
#[cbor(map)]
pub(super) struct Payload {
    #[n(0)]
    pub(super) config_hash: ByteArray<32>,
    #[n(1)]
    pub(super) shared: ByteArray<32>,
    #[n(2)]
    pub(super) public: ByteArray<32>,
    #[n(3)]
    pub(super) secret: Option<ByteArray<32>>,
}

fn sealed(role: Role, label: &str) -> Result<KeySlot> {
    let request = SlotRequest {
        role,
        argon2: floor(),
        repo: repository::config().id,
        config_hash: config_hash(),
        label,
        created: TIME,
    };
    Ok(seal_slot(&ring(label)?, PASSWORD, &request)?)
}

/// Opens a slot as `keys.md` says. Gives the wrapping key and the plain payload.
fn opened(slot: &KeySlot) -> Result<([u8; 32], Vec<u8>)> {
    let departs = |detail| SpecError::Departs { detail };
    let cost = slot.head.argon2;
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32))
        .map_err(|_| departs("Argon2's parameters"))?;
    let mut key = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(PASSWORD, &*slot.head.salt, &mut key)
        .map_err(|_| departs("Argon2"))?;
    let aad = cbor::encode(&slot.head);
    let plain = ChaCha20Poly1305::new(&key.into())
        .decrypt(&[0; 12].into(), Sealed { msg: &slot.wrapped, aad: &aad })
        .map_err(|_| departs("how a slot is sealed"))?;
    Ok((key, plain))
}

/// The payload of the vectors' full slot.
pub(super) fn full_payload() -> Result<Payload> {
    let (_, plain) = opened(&sealed(Role::Full, "full")?)?;
    Ok(cbor::decode(&plain, "payload of a key slot")?)
}

pub(super) fn make() -> Result<Value> {
    let mut cases = Vec::new();
    for (role, label) in [(Role::Full, "full"), (Role::Write, "node é 7")] {
        let slot = sealed(role, label)?;
        let (_, hash) = open_slot(&slot, PASSWORD)?;
        let (key, plain) = opened(&slot)?;
        let payload: Payload = cbor::decode(&plain, "payload of a key slot")?;
        holds(hash == config_hash() && *payload.config_hash == hash, "the config's hash")?;
        holds(payload.secret.is_some() == (role == Role::Full), "who holds the secret key")?;
        let bytes = slot.to_bytes();
        cases.push(json!({
            "role": role,
            "hex": hex(&bytes),
            "id": blake3::hash(&bytes).to_hex().as_str(),
            "head": slot.head,
            "salt": hex(&*slot.head.salt),
            "associated_data": hex(&cbor::encode(&slot.head)),
            "wrapping_key": hex(&key),
            "payload": hex(&plain),
        }));
    }
    let sound = sealed(Role::Full, "full")?;
    let mut cheap = sound.clone();
    cheap.head.argon2.passes = 1;
    let mut dear = sound.clone();
    dear.head.argon2.memory_kib = u32::MAX;
    let sound = sound.to_bytes();
    let last = sound.len() - 1;
    Ok(json!({
        "password": hex(PASSWORD),
        "cases": cases,
        "refused": [
            refused("too cheap to guess", &cheap.to_bytes()),
            refused("asks for more memory than any machine gives", &dear.to_bytes()),
            refused("cut short", &sound[..last]),
        ],
        "opened_by_no_password": [
            refused("the last byte of the tag is another", &changed(&sound, last, sound[last] ^ 1)),
            refused("the label is another", &changed(&sound, label_at(&sound), b'F')),
        ],
    }))
}

/// Where the label `full` stands.
fn label_at(slot: &[u8]) -> usize {
    slot.windows(4).position(|text| text == b"full").unwrap_or_default()
}
