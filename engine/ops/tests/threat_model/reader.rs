//! Who reads the store.

use std::fs;
use std::path::PathBuf;

use dtrvault_crypto::{KeyRing, padded_len};
use dtrvault_format::cbor::{Object, encode};
use dtrvault_format::{Argon2Params, Config, KeySlot, Problem, ProblemKind, Role};
use dtrvault_repo::RepoError;

use super::brute;
use crate::common::evening::take;
use crate::common::forge::{Forge, PASSWORD, WRITE_PASSWORD, digest, noise, snapshot};
use crate::common::victim::Victim;

/// A registry with some files that no other has.
pub(super) fn registry(forge: &Forge, seed: u64) -> PathBuf {
    let root = forge.dir.path().join(format!("registry-{seed}"));
    let at = root.join("docker/registry/v2/secret-project");
    fs::create_dir_all(&at).unwrap();
    fs::write(at.join("layer"), noise(seed, 300_000)).unwrap();
    fs::write(at.join("words"), b"a sentence that nobody else is to read. ".repeat(50)).unwrap();
    fs::write(at.join("link"), digest(&noise(seed, 300_000)).to_oci()).unwrap();
    root
}

#[test]
fn t01_nothing_that_is_stored_can_be_read() {
    let forge = Forge::new();
    let root = registry(&forge, 1);
    let report = take(&forge.open(), &root, Some(b"metadata that is a secret".repeat(10)));
    let layer = noise(1, 300_000);
    let began = encode(&report.snapshot.time);
    let mut secrets: Vec<Vec<u8>> = vec![
        b"sentence".to_vec(),
        b"metadata".to_vec(),
        b"secret-project".to_vec(),
        b"docker/registry".to_vec(),
        b"nightly-tag".to_vec(),
        root.to_str().unwrap().as_bytes().to_vec(),
        digest(&layer).as_bytes().to_vec(),
        digest(&layer).to_string().into_bytes(),
        report.snapshot.images.unwrap().tree.root.unwrap().as_bytes().to_vec(),
        began[began.len() - 9..].to_vec(),
    ];
    secrets.extend(layer.chunks(40_000).map(|piece| piece[..16].to_vec()));
    for (key, bytes) in forge.objects() {
        for secret in &secrets {
            let hidden = !brute::contains(&bytes, secret) && !brute::contains(key.as_bytes(), secret);
            assert!(hidden, "{key} shows {:?}", String::from_utf8_lossy(secret));
        }
    }
}

#[test]
fn t02_ids_do_not_tell_known_content() {
    let forge = Forge::new();
    let root = registry(&forge, 1);
    take(&forge.open(), &root, None);
    let known = fs::read(root.join("docker/registry/v2/secret-project/words")).unwrap();
    let keyed = forge.ring.chunk_id(&known);
    assert!(forge.open().index().locate(&keyed).unwrap().is_some(), "it is stored");
    let plain = *blake3::hash(&known).as_bytes();
    for (key, bytes) in forge.objects() {
        assert!(!brute::contains(&bytes, keyed.as_bytes()) && !brute::contains(&bytes, &plain), "{key}");
        assert!(!key.contains(&keyed.to_string()) && !key.contains(&blake3::hash(&known).to_string()));
    }
    let other = KeyRing::generate().unwrap();
    assert_ne!(other.chunk_id(&known), keyed);
}

#[test]
fn t03_sizes_tell_nothing_but_their_class() {
    let forge = Forge::new();
    for seed in 1..5 {
        take(&forge.open(), &registry(&forge, seed), Some(noise(seed, 10_000 * seed as usize)));
    }
    for (key, bytes) in forge.objects() {
        let len = bytes.len() as u64;
        let sealed = match key.split('/').next().unwrap() {
            "packs" => len,
            "index" | "snapshots" => len - 48,
            _ => continue,
        };
        assert_eq!(padded_len(sealed), sealed, "{key} has {len} bytes");
    }
    // Neighbours in length are of one size: of 10,000 lengths at 100 KB there are few classes.
    let classes: std::collections::BTreeSet<u64> = (100_000..110_000).map(padded_len).collect();
    assert!(classes.len() <= 6, "{classes:?}");
    // However content is cut, into one chunk or a hundred, the pack says no more than its class.
    let sizes = [1, 100].map(|pieces| {
        let mut forge = Forge::new();
        for piece in noise(9, 1 << 20).chunks((1 << 20) / pieces) {
            forge.chunk(piece);
        }
        let frames = std::mem::take(&mut forge.frames);
        forge.pack(&frames).size
    });
    assert!(sizes.iter().all(|size| padded_len(*size) == *size));
}

#[test]
fn t04_plain_fields_are_those_that_are_named() {
    let forge = Forge::new();
    let config = Config::from_bytes(&forge.get("config")).unwrap();
    assert_eq!(config, forge.config());
    for key in forge.keys_in("keys/") {
        let KeySlot { head, wrapped } = KeySlot::from_bytes(&forge.get(&key)).unwrap();
        let dtrvault_format::SlotHead { version: _, repo, role: _, argon2, salt: _, label: _, created: _ } =
            head;
        assert_eq!((repo, argon2), (forge.id, dtrvault_crypto::floor()));
        assert!(!brute::contains(&wrapped, PASSWORD) && !brute::contains(&wrapped, WRITE_PASSWORD));
    }
}

#[test]
fn t05_counts_and_rounded_sizes_are_seen() {
    let forge = Forge::new();
    let sizes = [0, 1, 500].map(|problems| {
        let mut snapshot = snapshot(dtrvault_format::StreamRef::EMPTY, 0);
        let problem =
            Problem { path: b"a/path".to_vec(), kind: ProblemKind::Unreadable, detail: "why".to_owned() };
        snapshot.problems = vec![problem; problems];
        let id = forge.snapshot_of(&encode(&snapshot));
        forge.get(&dtrvault_format::names::Named::key(&id)).len()
    });
    assert!(sizes[0] <= sizes[1] && sizes[1] < sizes[2], "{sizes:?}");
    assert_eq!(forge.keys_in("snapshots/").len(), 3);
    let repo = forge.open();
    let session = repo.session("test").unwrap();
    assert_eq!(forge.keys_in("leases/").len(), 1, "an operation is seen to run");
    drop(session);
    assert_eq!(forge.keys_in("leases/").len(), 0);
}

#[test]
fn t06_guessing_needs_a_slot_and_costs_what_it_says() {
    let forge = Forge::new();
    forge.slot(&forge.ring, b"12345", Role::Full);
    // With nothing but the store's bytes.
    let slots: Vec<KeySlot> =
        forge.keys_in("keys/").iter().map(|key| KeySlot::from_bytes(&forge.get(key)).unwrap()).collect();
    let guess = |word: &[u8]| slots.iter().any(|slot| dtrvault_crypto::open_slot(slot, word).is_ok());
    assert!(!guess(b"password") && guess(b"12345"), "the weakest password decides");
    // Nobody is talked into a cheaper one.
    let floor = dtrvault_crypto::floor();
    assert_eq!((floor.memory_kib, floor.passes), (19 * 1024, 2));
    let cheap = Argon2Params { passes: 1, ..floor };
    let request = dtrvault_crypto::SlotRequest {
        role: Role::Full,
        argon2: cheap,
        repo: forge.id,
        config_hash: [0; 32],
        label: "",
        created: dtrvault_format::Time::from_secs(0),
    };
    assert!(dtrvault_crypto::seal_slot(&forge.ring, b"x", &request).is_err());
    let mut below = slots[0].clone();
    below.head.argon2 = cheap;
    assert!(KeySlot::from_bytes(&below.to_bytes()).is_err());
    let tuned = dtrvault_crypto::tune(std::time::Duration::ZERO).unwrap();
    assert!((64 << 10..=256 << 10).contains(&tuned.memory_kib) && (3..=16).contains(&tuned.passes));
}

#[test]
fn t07_a_removed_slot_still_opens_what_was_copied() {
    let mut forge = Forge::new();
    let id = forge.commit(&[]).to_string();
    let third = forge.slot(&forge.ring, b"third", Role::Full);
    let copy = forge.objects();
    forge.open().key_remove(&third.to_string()).unwrap();
    assert!(matches!(forge.open_with(b"third", "c"), Err(RepoError::WrongPassword { .. })));
    forge.reset(&copy);
    let repo = forge.open_with(b"third", "c").unwrap();
    repo.find_snapshot(&id).unwrap();
    // And what is written after the removal is open to it as well: secrets do not change.
    drop(repo);
    forge.open().key_remove(&third.to_string()).unwrap();
    let later = forge.commit(&[crate::common::forge::entry(b"later", &dtrvault_format::Kind::Dir)]);
    for (key, bytes) in copy.iter().filter(|(key, _)| key.contains(&third.to_string())) {
        forge.put(key, bytes.clone());
    }
    forge.open_with(b"third", "c").unwrap().find_snapshot(&later.to_string()).unwrap();
    drop(Victim::new(&forge));
}
