//! What somebody makes of a slot whose password he knows, without the program's own code.

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use dtrvault_format::KeySlot;
use dtrvault_format::cbor::encode;

fn wrapping(slot: &KeySlot, password: &[u8]) -> ChaCha20Poly1305 {
    let cost = slot.head.argon2;
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32)).unwrap();
    let mut key = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password, &*slot.head.salt, &mut key)
        .unwrap();
    ChaCha20Poly1305::new(&key.into())
}

/// The secrets in a slot.
pub(super) fn payload(slot: &KeySlot, password: &[u8]) -> Vec<u8> {
    let aad = encode(&slot.head);
    let sealed = Payload { msg: &slot.wrapped, aad: &aad };
    wrapping(slot, password).decrypt(&Nonce::default(), sealed).unwrap()
}

/// The slot with other secrets, or other plain fields.
pub(super) fn reseal(slot: &KeySlot, password: &[u8], payload: &[u8]) -> KeySlot {
    let aad = encode(&slot.head);
    let plain = Payload { msg: payload, aad: &aad };
    let wrapped = wrapping(slot, password).encrypt(&Nonce::default(), plain).unwrap();
    KeySlot { head: slot.head.clone(), wrapped }
}

/// Whether a key opens something under a number and a name.
pub(super) fn opens(key: &[u8; 32], number: u32, aad: &[u8], sealed: &[u8]) -> bool {
    let mut nonce = [0; 12];
    nonce[8..].copy_from_slice(&number.to_be_bytes());
    ChaCha20Poly1305::new(&(*key).into()).decrypt(&nonce.into(), Payload { msg: sealed, aad }).is_ok()
}

/// Every run of 32 bytes.
pub(super) fn windows(bytes: &[u8]) -> Vec<[u8; 32]> {
    bytes.windows(32).map(|window| window.try_into().unwrap()).collect()
}

pub(super) fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
