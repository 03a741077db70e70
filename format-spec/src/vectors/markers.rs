//! `lease.json` and `doomed.json`, and how all objects are sealed that both roles read.

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit};
use dtrvault_crypto::{SharedKind, padded_len};
use dtrvault_format::cbor::Object;
use dtrvault_format::{Doomed, Lease, PackId, Time};
use serde::Serialize;
use serde_json::{Value, json};

use super::refused;
use super::repository::{Draws, TIME, derived, draw_seed, ring};
use crate::error::holds;
use crate::{Result, SpecError, hex};

/// Seals `object`, and opens it as `keys.md` says: under keyed BLAKE3 of its salt.
pub(super) fn shared<T: Object + Serialize>(
    file: &str,
    kind: SharedKind,
    (context, name): (&str, &str),
    object: &T,
) -> Result<Value> {
    object.validate()?;
    let ring = ring(file)?;
    let plain = object.to_bytes();
    let sealed = ring.seal_shared(kind, &plain)?;
    holds(ring.to_write_only().open_shared(kind, &sealed)? == plain, "who opens a shared object")?;

    let (salt, text) = sealed.split_at(32);
    holds(Draws::of(&draw_seed(file)).next() == salt, "the salt of a shared object")?;
    let key = *blake3::keyed_hash(&derived(context), salt).as_bytes();
    let padded = ChaCha20Poly1305::new(&key.into())
        .decrypt(&[0; 12].into(), Payload { msg: text, aad: name.as_bytes() })
        .map_err(|_| SpecError::Departs { detail: "how a shared object is sealed" })?;
    holds(padded.len() as u64 == padded_len(plain.len() as u64 + 1), "lengths of shared objects")?;
    Ok(json!({
        "hex": hex(&sealed),
        "id": blake3::hash(&sealed).to_hex().as_str(),
        "key": hex(&key),
        "associated_data": name,
        "padded": hex(&padded),
        "plain": hex(&plain),
        "value": object,
    }))
}

fn with_refused(mut file: Value, refused: Vec<Value>) -> Value {
    if let Some(object) = file.as_object_mut() {
        object.insert("refused".to_owned(), Value::Array(refused));
    }
    file
}

pub(super) fn make_lease() -> Result<Value> {
    let lease = Lease {
        run: [0x5a; 16].into(),
        operation: "snapshot".to_owned(),
        host: "node-1".to_owned(),
        pid: 4711,
        boot: "3f2b8c1e-9d54-4c0e-8a53-0f6d2f1f7f10".to_owned(),
        started: TIME,
        expires: TIME.plus_secs(900),
    };
    let names = ("dtrvault v1 2026 lease", "dtrvault/1/lease");
    let file = shared("lease", SharedKind::Lease, names, &lease)?;
    let late = Lease { expires: Time { secs: 0, nanos: 1_000_000_000 }, ..lease.clone() };
    let wordy = Lease { host: "x".repeat(4097), ..lease };
    Ok(with_refused(
        file,
        vec![
            refused("a billion nanoseconds", &late.to_bytes()),
            refused("a host of 4,097 bytes", &wordy.to_bytes()),
        ],
    ))
}

pub(super) fn make_doomed() -> Result<Value> {
    let doomed = Doomed { marked: TIME, packs: vec![PackId::new([1; 32]), PackId::new([2; 32])] };
    let names = ("dtrvault v1 2026 doomed packs", "dtrvault/1/doomed");
    let file = shared("doomed", SharedKind::Doomed, names, &doomed)?;
    let twice = Doomed { packs: vec![PackId::new([1; 32]); 2], ..doomed };
    Ok(with_refused(file, vec![refused("a pack twice", &twice.to_bytes())]))
}
