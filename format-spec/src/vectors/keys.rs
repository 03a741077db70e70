//! `keys.json`: from the secrets in a slot to every key made of them.

use dtrvault_crypto::KeyRing;
use serde_json::{Value, json};

use super::repository::{SEED, derived, secrets};
use super::slot;
use crate::error::holds;
use crate::{Result, hex};

/// Context strings of `derive_key`, as `keys.md` lists them.
const CONTEXTS: [&str; 7] = [
    "dtrvault v1 2026 chunk id",
    "dtrvault v1 2026 gear seed",
    "dtrvault v1 2026 pack directory",
    "dtrvault v1 2026 index segment",
    "dtrvault v1 2026 lease",
    "dtrvault v1 2026 doomed packs",
    "dtrvault v1 2026 hpke psk",
];

pub(super) fn make() -> Result<Value> {
    let ring = KeyRing::deterministic(&SEED)?;
    let (shared, ikm) = secrets();
    let [_, gear, ..] = CONTEXTS.map(derived);
    let gear_seed = gear.first_chunk().map(|first| u64::from_be_bytes(*first));
    holds(gear_seed == Some(ring.gear_seed()), "the gear seed")?;
    let payload = slot::full_payload()?;
    holds(*payload.shared == shared, "the shared secret")?;
    let secret = payload.secret.map(|secret| hex(&*secret));
    let derived: Value =
        CONTEXTS.iter().map(|context| ((*context).to_owned(), hex(&derived(context)))).collect();
    Ok(json!({
        "seed": hex(&SEED),
        "shared_secret": hex(&shared),
        "key_pair_ikm": hex(&ikm),
        "secret_key": secret,
        "public_key": hex(&*payload.public),
        "derived": derived,
        "gear_seed": format!("{:016x}", ring.gear_seed()),
    }))
}
