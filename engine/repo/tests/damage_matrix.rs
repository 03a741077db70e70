//! Every object of a small repository, damaged in every way: nothing panics, no wrong byte comes
//! out, the damage is told by the object's name, and all that does not need it still reads back.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::collections::BTreeSet;
use std::error::Error;

use bytes::Bytes;
use common::{PASSWORD, Vault, memory, noise, read_out, snapshot_of, store_of, write};
use dtrvault_format::names::Named;
use dtrvault_format::{PackId, Role, SnapshotId, StreamRef};
use dtrvault_repo::keys::NewSlot;
use dtrvault_repo::write::Class;
use dtrvault_repo::{RepoError, Repository};

const SECOND: &[u8] = b"second";

/// A stream, and the objects without which it cannot be read.
struct Piece {
    stream: StreamRef,
    bytes: Vec<u8>,
    needs: BTreeSet<String>,
}

struct Healthy {
    objects: Vec<(String, Bytes)>,
    pieces: Vec<Piece>,
    snapshots: Vec<SnapshotId>,
    /// Slots of [`PASSWORD`] and of [`SECOND`].
    slots: [String; 2],
}

impl Healthy {
    /// Two snapshots of two streams, each stream in a pack and a segment of its own; two keys; a
    /// lease that was left behind.
    fn new() -> Self {
        let vault = Vault::on(memory());
        vault.create().unwrap();
        let repo = vault.open();
        let slot = NewSlot { role: Role::Full, label: "two".to_owned(), argon2: dtrvault_crypto::floor() };
        let slots = [repo.slot().key(), repo.key_add(SECOND, &slot).unwrap().key()];
        let keys = || -> BTreeSet<String> { vault.contents().into_iter().map(|(key, _)| key).collect() };
        let (mut pieces, mut snapshots) = (Vec::new(), Vec::new());
        for number in 0..2 {
            let session = repo.session("test").unwrap();
            for half in 0..2 {
                let before = keys();
                let bytes = noise(number * 2 + half, 90_000);
                let stream = write(&session, Class::Fine, &bytes);
                session.checkpoint().unwrap();
                let needs = keys().difference(&before).cloned().collect();
                pieces.push(Piece { stream, bytes, needs });
            }
            let tree = pieces.last().unwrap().stream;
            snapshots.push(session.commit(|_| snapshot_of(tree)).unwrap());
        }
        std::mem::forget(repo.session("dead").unwrap());
        Self { objects: vault.contents(), pieces, snapshots, slots }
    }

    fn keys_in(&self, folder: &str) -> Vec<&String> {
        self.objects.iter().map(|(key, _)| key).filter(|key| key.starts_with(folder)).collect()
    }

    fn bytes(&self, key: &str) -> &Bytes {
        &self.objects.iter().find(|(other, _)| other == key).unwrap().1
    }

    /// Every way to damage an object: what to call it, and what stands in its place.
    fn damages(&self, key: &str) -> Vec<(String, Option<Bytes>)> {
        let bytes = self.bytes(key);
        let mut damages = vec![
            ("removed".to_owned(), None),
            ("emptied".to_owned(), Some(Bytes::new())),
            ("cut in half".to_owned(), Some(bytes.slice(..bytes.len() / 2))),
        ];
        for region in 0..8 {
            let mut flipped = bytes.to_vec();
            // Not the first byte of a region but one within it, another in each.
            let at = (bytes.len() * region / 8 + region * 5 + 1).min(bytes.len() - 1);
            flipped[at] ^= 1 << region;
            damages.push((format!("flipped at {at}"), Some(flipped.into())));
        }
        let folder = key.split('/').next().unwrap();
        for other in self.keys_in(folder).into_iter().filter(|other| *other != key) {
            damages.push((format!("replaced by {other}"), Some(self.bytes(other).clone())));
        }
        damages
    }

    /// Calls `check` with the repository and each damage to each object of a folder.
    fn damage_each(&self, folder: &str, check: impl Fn(&Vault, &str, &str)) {
        let keys = self.keys_in(folder);
        assert!(!keys.is_empty(), "{folder}");
        for key in keys {
            for (what, instead) in self.damages(key) {
                let mut objects = self.objects.clone();
                objects.retain(|(other, _)| other != key);
                objects.extend(instead.map(|bytes| (key.clone(), bytes)));
                let vault = Vault::on(memory());
                let vault = Vault::on(vault.runtime.block_on(store_of(&objects)));
                check(&vault, key, &format!("{key} {what}"));
            }
        }
    }

    /// Reads everything. What fails must need `damaged`; gives the failures.
    fn read_all(&self, repo: &Repository, damaged: &str, when: &str) -> Vec<RepoError> {
        let mut errors = Vec::new();
        for piece in &self.pieces {
            let (read, error) = read_out(repo, &piece.stream);
            assert!(piece.bytes.starts_with(&read), "{when}: wrong bytes");
            match error {
                None => assert_eq!(read.len(), piece.bytes.len(), "{when}"),
                Some(error) => {
                    assert!(piece.needs.contains(damaged), "{when}: {error:?}");
                    errors.push(error);
                }
            }
        }
        let listed = repo.snapshots().unwrap();
        let sound: BTreeSet<String> = listed.sound.iter().map(|(id, _)| id.key()).collect();
        for id in &self.snapshots {
            assert_eq!(sound.contains(&id.key()), id.key() != damaged, "{when}");
        }
        errors.extend(listed.damaged.into_iter().map(|(_, error)| error));
        errors
    }
}

/// Scrubs every pack that the index can name; gives what it finds.
fn scrub_all(repo: &Repository) -> Vec<RepoError> {
    let mut damage = Vec::new();
    for id in repo.segment_ids().unwrap() {
        for pack in repo.segment(&id).into_iter().flat_map(|segment| segment.packs) {
            damage.extend(repo.scrub_pack(&pack).unwrap().damage);
        }
    }
    damage
}

fn assert_names(errors: &[RepoError], key: &str, when: &str) {
    let id = key.rsplit('/').next().unwrap();
    for error in errors {
        let named = error.object().as_deref() == Some(key) || words(error).contains(id);
        assert!(named && error.is_damage(), "{when}: {error:?}");
    }
}

/// All that a user reads of an error.
fn words(error: &RepoError) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words += &format!(": {cause}");
        source = cause.source();
    }
    words
}

#[test]
fn a_damaged_pack() {
    let healthy = Healthy::new();
    healthy.damage_each("packs/", |vault, key, when| {
        let repo = vault.open();
        let errors = healthy.read_all(&repo, key, when);
        assert_names(&errors, key, when);
        let scrubbed = scrub_all(&repo);
        assert!(!scrubbed.is_empty(), "{when}: not found by reading every byte");
        assert_names(&scrubbed, key, when);
        let id = PackId::from_key(key).unwrap();
        repo.each_stored_pack(|pack| {
            let directory = repo.pack_directory(pack);
            if pack.id == id {
                assert_names(directory.err().as_slice(), key, when);
            } else {
                directory.unwrap();
            }
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn a_damaged_segment() {
    let healthy = Healthy::new();
    healthy.damage_each("index/", |vault, key, when| {
        let repo = vault.open();
        let removed = when.ends_with("removed");
        assert_eq!(repo.damaged_segments().len(), usize::from(!removed), "{when}");
        assert_names(&repo.damaged_segments(), key, when);
        // Nobody knows that a removed one was there; what only it named is told by its chunk.
        for error in healthy.read_all(&repo, key, when) {
            assert!(matches!(error, RepoError::MissingChunk { .. }), "{when}: {error:?}");
        }
        assert!(scrub_all(&repo).is_empty(), "{when}");
        repo.rebuild_index(|_| {}).unwrap();
        let left = healthy.read_all(&vault.open(), "nothing", when);
        assert!(left.is_empty(), "{when}: {left:?}");
    });
}

#[test]
fn a_damaged_snapshot() {
    let healthy = Healthy::new();
    healthy.damage_each("snapshots/", |vault, key, when| {
        let repo = vault.open();
        let errors = healthy.read_all(&repo, key, when);
        assert_eq!(errors.len(), usize::from(!when.ends_with("removed")), "{when}");
        assert_names(&errors, key, when);
        let asked = repo.snapshot(&SnapshotId::from_key(key).unwrap()).unwrap_err();
        assert_names(&[asked], key, when);
        assert!(scrub_all(&repo).is_empty(), "{when}");
    });
}

#[test]
fn a_damaged_slot_keeps_only_its_own_password_out() {
    let healthy = Healthy::new();
    healthy.damage_each("keys/", |vault, key, when| {
        let (mut lost, mut kept) = (PASSWORD, SECOND);
        if key == healthy.slots[1] {
            (lost, kept) = (kept, lost);
        }
        match vault.open_with(lost, "cache").err() {
            Some(RepoError::WrongPassword { slots: 1, .. }) => assert!(when.ends_with("removed"), "{when}"),
            Some(error @ RepoError::DamagedSlots { slots: 1, damaged: 1, .. }) => {
                assert_names(&[error], key, when);
            }
            other => panic!("{when}: {other:?}"),
        }
        let repo = vault.open_with(kept, "cache").unwrap();
        let damaged = repo.damaged_slots().unwrap();
        assert_eq!(damaged.len(), usize::from(!when.ends_with("removed")), "{when}");
        assert_names(&damaged, key, when);
        assert!(healthy.read_all(&repo, key, when).is_empty(), "{when}");
        assert_eq!(repo.key_list().unwrap().len(), 1, "{when}");
    });
}

#[test]
fn a_damaged_config_opens_nothing_and_is_told() {
    let healthy = Healthy::new();
    healthy.damage_each("config", |vault, key, when| match vault.open_with(PASSWORD, "cache").err() {
        Some(RepoError::NoRepository { .. }) => assert!(when.ends_with("removed"), "{when}"),
        Some(error @ RepoError::Malformed { .. }) => assert_names(&[error], key, when),
        Some(RepoError::ConfigChanged { .. }) => {}
        other => panic!("{when}: {other:?}"),
    });
}

#[test]
fn a_damaged_lease_stops_no_writer() {
    let healthy = Healthy::new();
    healthy.damage_each("leases/", |vault, key, when| {
        let repo = vault.open();
        let bytes = noise(99, 50_000);
        let (_, stream) = common::store(&repo, Class::Fine, &bytes);
        assert_eq!(read_out(&repo, &stream).0, bytes, "{when}");
        assert!(healthy.read_all(&repo, key, when).is_empty(), "{when}");
    });
}
