//! Every object of a small repository, damaged in every way, through the verbs: nothing panics, no
//! wrong byte is given out, the damage is told by the object's name, and what does not need the
//! object comes back whole.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use bytes::Bytes;
use common::evening::take;
use common::forge::{Forge, PASSWORD, WRITE_PASSWORD, noise};
use common::victim::{Outcome, Victim, files_below, words};
use dtrvault_crypto::SharedKind;
use dtrvault_format::cbor::Object;
use dtrvault_format::names::Named;
use dtrvault_format::{Config, Doomed, DoomedId, Lease, LeaseId, PackId, RepoId, SnapshotId, Time};
use dtrvault_repo::RepoError;

/// One evening: its snapshot, what it holds, and the objects that it alone has made.
struct Evening {
    id: String,
    files: BTreeMap<PathBuf, Vec<u8>>,
    objects: BTreeSet<String>,
}

struct Healthy {
    forge: Forge,
    objects: Vec<(String, Bytes)>,
    evenings: [Evening; 2],
    /// Bytes that stood under a key in another repository of the same owner.
    older: BTreeMap<String, Bytes>,
}

/// A metadata tar of some rows; no two share a header, or evenings would share chunks.
fn metadata(seed: u64) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for row in 0..40_u64 {
        let content = noise(seed * 1000 + row, 700);
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        tar.append_data(&mut header, format!("dtr-backup-{seed}/rethink/{row}"), content.as_slice()).unwrap();
    }
    tar.into_inner().unwrap()
}

impl Healthy {
    fn new() -> Self {
        let forge = Forge::new();
        let evenings = [1, 2].map(|number| evening(&forge, number));
        let doomed = |packs: Vec<PackId>| Doomed { marked: Time::from_secs(1_600_000_000), packs }.to_bytes();
        for packs in [vec![PackId::new([1; 32])], vec![PackId::new([2; 32])]] {
            let sealed = forge.ring.seal_shared(SharedKind::Doomed, &doomed(packs)).unwrap();
            forge.put_hashed(DoomedId::new, sealed);
        }
        for run in [1, 2] {
            let lease = Lease {
                run: [run; 16].into(),
                operation: "snapshot".to_owned(),
                host: "elsewhere".to_owned(),
                pid: 1,
                boot: String::new(),
                started: Time::from_secs(1_600_000_000),
                expires: Time::from_secs(i64::MAX / 2),
            };
            let sealed = forge.ring.seal_shared(SharedKind::Lease, &lease.to_bytes()).unwrap();
            forge.put_hashed(LeaseId::new, sealed);
        }
        let config = Config::new(RepoId::new([9; 16]), forge.config().chunker).to_bytes();
        let older = BTreeMap::from([("config".to_owned(), config.into())]);
        Self { objects: forge.objects(), forge, evenings, older }
    }

    fn keys_in(&self, folder: &str) -> Vec<String> {
        self.objects.iter().map(|(key, _)| key.clone()).filter(|key| key.starts_with(folder)).collect()
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
            ("cut by a byte".to_owned(), Some(bytes.slice(..bytes.len() - 1))),
            ("longer by a byte".to_owned(), Some([bytes, &b"\0"[..]].concat().into())),
            ("zeros".to_owned(), Some(vec![0; bytes.len()].into())),
        ];
        for region in 0..8 {
            let mut flipped = bytes.to_vec();
            let at = (bytes.len() * region / 8 + region * 5 + 1).min(bytes.len() - 1);
            flipped[at] ^= 1 << region;
            damages.push((format!("flipped at {at}"), Some(flipped.into())));
        }
        let folder = key.split('/').next().unwrap();
        let others = self.keys_in(folder);
        let another = others.iter().find(|other| *other != key);
        damages
            .extend(another.map(|other| (format!("replaced by {other}"), Some(self.bytes(other).clone()))));
        damages.extend(
            self.older.get(key).map(|older| ("replaced by an older one".to_owned(), Some(older.clone()))),
        );
        damages
    }

    /// Calls `check` after each damage to each object of a folder.
    fn damage_each(&self, folder: &str, check: impl Fn(&Forge, &str, &str)) {
        let keys = self.keys_in(folder);
        assert!(!keys.is_empty(), "{folder}");
        for key in keys {
            for (what, instead) in self.damages(&key) {
                self.forge.reset(&self.objects);
                match instead {
                    Some(bytes) => self.forge.put(&key, bytes),
                    None => self.forge.delete(&key),
                }
                check(&self.forge, &key, &format!("{key} {what}"));
            }
        }
    }

    /// Runs every verb on both evenings. The one that has not made `damaged` comes back whole; of
    /// the other comes what is right, and the rest is reported.
    fn run_all(&self, forge: &Forge, damaged: &str, when: &str) -> Vec<(bool, Outcome)> {
        let run = |evening: &Evening| {
            let outcome = Victim::new(forge).run(&evening.id);
            let touched = evening.objects.contains(damaged);
            for (restored, files) in [(&outcome.folder, &outcome.files), (&outcome.bucket, &outcome.objects)]
            {
                let mut missing = evening.files.clone();
                for (path, bytes) in files {
                    if !path.starts_with(".dtrvault-restore") {
                        assert!(
                            missing.remove(path).as_ref() == Some(bytes),
                            "{when}: {} is wrong",
                            path.display()
                        );
                    }
                }
                let Ok(report) = restored else {
                    assert!(touched, "{when}: {restored:?}");
                    continue;
                };
                assert!(touched || missing.is_empty(), "{when}: {:?}", missing.keys());
                let reported: BTreeSet<Vec<u8>> =
                    report.failed.listed().iter().map(|failed| failed.path.clone()).collect();
                let missing: BTreeSet<Vec<u8>> =
                    missing.into_keys().map(|path| path.into_os_string().into_encoded_bytes()).collect();
                assert_eq!(reported, missing, "{when}: what did not come back is not what was reported");
            }
            if !touched {
                assert!(
                    outcome.ls.is_ok() && outcome.export.is_ok() && outcome.diff.is_ok(),
                    "{when}: {outcome:?}"
                );
            }
            (touched, outcome)
        };
        self.evenings.iter().map(run).collect()
    }
}

fn evening(forge: &Forge, number: u64) -> Evening {
    // Names that differ in more than a number, or evenings would share the table of their rows.
    let root = forge.dir.path().join(if number == 1 { "the-first" } else { "the-second" });
    let at = root.join("docker/registry/v2");
    fs::create_dir_all(at.join("folder")).unwrap();
    fs::write(at.join("folder/large"), noise(number, 200_000)).unwrap();
    fs::write(at.join("folder/larger"), noise(number + 10, 400_000)).unwrap();
    fs::write(at.join("small"), number.to_string()).unwrap();
    let before: BTreeSet<String> = forge.objects().into_iter().map(|(key, _)| key).collect();
    let report = take(&forge.open(), &root, Some(metadata(number)));
    assert!(report.snapshot.complete, "{:?}", report.snapshot.problems);
    let mut files = files_below(&root);
    files.insert("metadata.tar".into(), metadata(number));
    let objects =
        forge.objects().into_iter().map(|(key, _)| key).filter(|key| !before.contains(key)).collect();
    Evening { id: report.id.to_string(), files, objects }
}

fn assert_told(outcome: &Outcome, key: &str, when: &str) {
    let id = key.rsplit('/').next().unwrap();
    let told = serde_json::to_string(&outcome.check.damage).unwrap();
    assert!(told.contains(id), "{when}: check does not name it: {told}");
}

#[test]
fn packs() {
    let healthy = Healthy::new();
    healthy.damage_each("packs/", |forge, key, when| {
        for (touched, outcome) in healthy.run_all(forge, key, when) {
            assert_told(&outcome, key, when);
            for error in
                [outcome.ls.as_ref().err(), outcome.export.as_ref().err(), outcome.diff.as_ref().err()]
            {
                let Some(error) = error else { continue };
                let words = words(error);
                let id = key.rsplit('/').next().unwrap();
                assert!(touched && error.is_damage() && words.contains(id), "{when}: {words}");
            }
        }
    });
}

#[test]
fn segments() {
    let healthy = Healthy::new();
    healthy.damage_each("index/", |forge, key, when| {
        for (_, outcome) in healthy.run_all(forge, key, when) {
            if when.ends_with("removed") {
                // Nobody knows that it was there; what only it named is told by its snapshot.
                let hit = healthy.evenings.iter().find(|evening| evening.objects.contains(key)).unwrap();
                outcome.assert_check_names(&hit.id);
            } else {
                assert_told(&outcome, key, when);
            }
        }
    });
}

#[test]
fn snapshots() {
    let healthy = Healthy::new();
    healthy.damage_each("snapshots/", |forge, key, when| {
        let id = SnapshotId::from_key(key).unwrap().to_string();
        for evening in &healthy.evenings {
            let victim = Victim::new(forge);
            let outcome = victim.run(&evening.id);
            if evening.id != id {
                outcome.folder.unwrap();
                assert_eq!(victim.check().is_sound(), when.ends_with("removed"), "{when}");
                continue;
            }
            for error in
                [outcome.ls.as_ref().err(), outcome.export.as_ref().err(), outcome.folder.as_ref().err()]
            {
                let words = words(error.unwrap_or_else(|| panic!("{when}: taken")));
                assert!(words.contains(&id), "{when}: {words}");
            }
            assert!(outcome.files.is_empty() && outcome.objects.is_empty(), "{when}");
            if !when.ends_with("removed") {
                assert_told(&outcome, key, when);
                assert!(matches!(
                    victim.repo.find_snapshot("latest"),
                    Err(RepoError::UnreadableLatest { key: named }) if named == key
                ));
            }
        }
    });
}

#[test]
fn slots() {
    let healthy = Healthy::new();
    let full = healthy.forge.open().slot().key();
    healthy.damage_each("keys/", |forge, key, when| {
        let (lost, kept) = if key == full { (PASSWORD, WRITE_PASSWORD) } else { (WRITE_PASSWORD, PASSWORD) };
        match forge.open_with(lost, "lost").err() {
            Some(RepoError::WrongPassword { slots: 1, .. }) => {}
            Some(RepoError::DamagedSlots { key: named, .. }) if named == key => {}
            other => panic!("{when}: {other:?}"),
        }
        forge.open_with(kept, "kept").unwrap();
        if kept == PASSWORD {
            for (_, outcome) in healthy.run_all(forge, key, when) {
                let others =
                    outcome.check.damage.iter().filter(|damage| damage.object.as_deref() != Some(key));
                assert_eq!(others.count(), 0, "{when}: {:?}", outcome.check.damage);
            }
        }
    });
}

#[test]
fn config() {
    let healthy = Healthy::new();
    healthy.damage_each("config", |forge, key, when| {
        match forge.open_with(PASSWORD, "cache").err() {
            Some(RepoError::NoRepository { .. }) => assert!(when.ends_with("removed"), "{when}"),
            Some(error @ (RepoError::Malformed { .. } | RepoError::ConfigChanged { .. })) => {
                assert!(words(&error).contains(key), "{when}: {error:?}");
            }
            // Its repository id was hit, or it is another's: no slot is one of that repository.
            Some(RepoError::WrongPassword { slots: 0, .. }) => {}
            other => panic!("{when}: {other:?}"),
        }
    });
}

#[test]
fn leases_and_doomed_lists() {
    let healthy = Healthy::new();
    for folder in ["leases/", "doomed/"] {
        healthy.damage_each(folder, |forge, key, when| {
            for (_, outcome) in healthy.run_all(forge, key, when) {
                assert!(outcome.check.is_sound(), "{when}: {:?}", outcome.check.damage);
            }
            let session = forge.open().session("test");
            if folder == "leases/" || when.ends_with("removed") {
                session.unwrap();
            } else {
                let error = session.err().unwrap();
                assert!(error.is_damage() && error.object().as_deref() == Some(key), "{when}: {error:?}");
            }
        });
    }
}
