//! The writer dies at every store call, or meets random faults: what was there stays whole, and
//! the next one goes on from what is left. `format-spec/ordering.md` says what is promised.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use common::{PASSWORD, Vault, contents, memory, noise, read_out, snapshot_of, store, store_of, write};
use dtrvault_format::names::Named;
use dtrvault_format::{BlobRecord, Digest, Recipe, Role, SnapshotId, StreamRef};
use dtrvault_repo::keys::NewSlot;
use dtrvault_repo::write::Class;
use dtrvault_repo::{RepoError, Repository, Result};
use dtrvault_store::Store;
use dtrvault_store::fault::{Faults, Faulty};

const SECOND: &[u8] = b"second";
const NEW: &[u8] = b"new";

/// What a pack costs beside its chunks, and rounding: a repeat may differ by so much, bytes.
const SLACK_BYTES: u64 = 192 << 10;

/// How it went, and what to go on with.
struct Crash {
    /// Whether the operation said that it was done, and died over the leftovers.
    done: bool,
    /// The cache of the dead one, or by turns a new one.
    either_cache: &'static str,
    other_cache: &'static str,
}

/// A repository before the operation that dies.
struct Base {
    objects: Vec<(String, Bytes)>,
    snapshots: Vec<(SnapshotId, StreamRef, Vec<u8>)>,
}

impl Base {
    /// `build` makes the repository and gives its snapshots with their bytes.
    fn new(build: impl FnOnce(&Vault, &dyn Store) -> Vec<(SnapshotId, StreamRef, Vec<u8>)>) -> Self {
        let store = memory();
        let vault = Vault::on(Arc::clone(&store));
        vault.create().unwrap();
        let snapshots = build(&vault, &*store);
        let objects = vault.runtime.block_on(contents(&*store));
        Self { objects, snapshots }
    }

    fn with_two_snapshots() -> Self {
        Self::new(|vault, _| take_snapshots(&vault.open(), 0..2))
    }

    /// Two full keys: [`PASSWORD`] and [`SECOND`].
    fn with_two_keys() -> Self {
        Self::new(|vault, _| {
            let repo = vault.open();
            repo.key_add(SECOND, &full_slot()).unwrap();
            take_snapshots(&repo, 0..1)
        })
    }

    /// Every snapshot of the base, and every other that is listed, can be read to its end.
    fn assert_whole(&self, repo: &Repository, when: &str) {
        for (id, stream, bytes) in &self.snapshots {
            assert_eq!(repo.snapshot(id).unwrap().images.unwrap().tree, *stream, "{when}");
            let (read, error) = read_out(repo, stream);
            assert!(error.is_none() && read == *bytes, "{when}: {error:?}");
        }
        let listed = repo.snapshots().unwrap();
        assert!(listed.damaged.is_empty(), "{when}: {:?}", listed.damaged);
        for (_, snapshot) in listed.sound {
            let tree = snapshot.images.unwrap().tree;
            let (read, error) = read_out(repo, &tree);
            assert!(error.is_none() && read.len() as u64 == tree.len, "{when}: {error:?}");
        }
    }

    /// Runs `operation` against copies of the repository, one for each of its store calls, where
    /// everything from that call on fails; once with the very call done and once without. Then
    /// `afterwards` with the copy, free of faults. Gives the number of calls.
    fn crash_everywhere(
        &self,
        operation: impl Fn(&Vault) -> Result<()>,
        afterwards: impl Fn(&Vault, Crash, &str),
    ) -> u64 {
        for crash_at in 1.. {
            for crash_takes_place in [false, true] {
                let vault = Vault::on(memory());
                let inner = vault.runtime.block_on(store_of(&self.objects));
                let faults = Faults { crash_at: Some(crash_at), crash_takes_place, ..Faults::default() };
                let faulty = Arc::new(Faulty::new(Arc::clone(&inner), faults));
                let vault = Vault::on(faulty.clone());
                let done = operation(&vault);
                let died_in = faulty.calls().get(crash_at as usize - 1).cloned();
                let Some(died_in) = died_in else {
                    done.unwrap();
                    return crash_at - 1;
                };
                if crash_takes_place && !died_in.verb.is_write() {
                    continue;
                }
                // Nothing of it goes on from here.
                let Vault { dir, runtime, .. } = vault;
                drop(runtime);
                let mut vault = Vault::on(inner);
                vault.dir = dir;
                let when = format!("call {crash_at}, {died_in}, done: {crash_takes_place}");
                let mut caches = ["cache", "fresh cache"];
                caches.rotate_left((crash_at % 2) as usize);
                let [either_cache, other_cache] = caches;
                afterwards(&vault, Crash { done: done.is_ok(), either_cache, other_cache }, &when);
            }
        }
        unreachable!()
    }
}

fn take_snapshots(repo: &Repository, seeds: std::ops::Range<u64>) -> Vec<(SnapshotId, StreamRef, Vec<u8>)> {
    seeds
        .map(|seed| {
            let bytes = noise(seed, 150_000);
            let (id, stream) = store(repo, Class::Fine, &bytes);
            (id, stream, bytes)
        })
        .collect()
}

fn full_slot() -> NewSlot {
    NewSlot { role: Role::Full, label: String::new(), argon2: dtrvault_crypto::floor() }
}

fn blob(digest: u8, stream: StreamRef) -> BlobRecord {
    BlobRecord { digest: Digest::new([digest; 32]), size: stream.len, recipe: Recipe::Plain(stream) }
}

/// Bytes of all packs.
fn size(vault: &Vault) -> u64 {
    let objects = vault.contents();
    objects.iter().filter(|(key, _)| key.starts_with("packs/")).map(|(_, bytes)| bytes.len() as u64).sum()
}

/// Several packs, two checkpoints, a blob, and a snapshot.
fn big_session(repo: &Repository) -> Result<()> {
    let session = repo.session("snapshot")?;
    let mut first = session.stream(Class::Coarse);
    first.write(&noise(50, 1_500_000))?;
    session.record_blob(blob(1, first.finish()?));
    session.checkpoint().map_err(|error| session.explain(error))?;
    let mut second = session.stream(Class::Fine);
    second.write(&noise(51, 1_500_000))?;
    let tree = second.finish()?;
    session.commit(|_| snapshot_of(tree)).map(|_| ())
}

#[test]
fn a_session_that_dies_anywhere_harms_nothing_and_its_packs_are_used_again() {
    let base = Base::with_two_snapshots();
    let whole = Vault::on(memory());
    let (before, cost) = {
        let vault = Vault::on(whole.runtime.block_on(store_of(&base.objects)));
        let before = size(&vault);
        big_session(&vault.open()).unwrap();
        (before, size(&vault) - before)
    };
    assert!(cost > 3_000_000 && cost < 3_600_000, "{cost}");
    let run = |vault: &Vault| big_session(&vault.open_with(PASSWORD, "cache")?);
    let calls = base.crash_everywhere(run, |vault, crash, when| {
        let left = size(vault) - before;
        let repo = vault.open_with(PASSWORD, crash.either_cache).unwrap();
        base.assert_whole(&repo, when);
        big_session(&repo).unwrap_or_else(|error| panic!("{when}: {error:?}"));
        let repeated = size(vault) - before - left;
        assert!(repeated <= cost.saturating_sub(left) + SLACK_BYTES, "{when}: {left} {repeated}");
        assert!(left < SLACK_BYTES || repeated < cost, "{when}: {left} {repeated}");
        let repo = vault.open_with(PASSWORD, crash.other_cache).unwrap();
        base.assert_whole(&repo, when);
        let (_, recipe) = repo.index().blob(&Digest::new([1; 32])).unwrap().unwrap();
        let Recipe::Plain(stream) = recipe else { panic!("{when}: {recipe:?}") };
        assert_eq!(read_out(&repo, &stream).0, noise(50, 1_500_000), "{when}");
    });
    assert!(calls > 15, "{calls}");
}

#[test]
fn packs_of_a_session_that_was_given_up_are_used_again() {
    let vault = Vault::on(memory());
    vault.create().unwrap();
    let repo = vault.open();
    let bytes = noise(52, 6_000_000);
    let session = repo.session("test").unwrap();
    write(&session, Class::Fine, &bytes);
    let begun = Instant::now();
    while session.counters().written_bytes < 2_000_000 {
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(5));
    }
    // The bytes are counted right before the pack is noted.
    std::thread::sleep(Duration::from_millis(50));
    drop(session);
    assert!(!vault.contents().iter().any(|(key, _)| key.starts_with("leases/")));
    let left = size(&vault);
    let repo = vault.open_with(PASSWORD, "fresh cache").unwrap();
    let (_, stream) = store(&repo, Class::Fine, &bytes);
    assert_eq!(read_out(&repo, &stream).0, bytes);
    let repeated = size(&vault) - left;
    assert!(repeated < 6_000_000 - 1_500_000, "{repeated}");
}

#[test]
fn a_creation_that_dies_anywhere_can_be_repeated() {
    let base = Base { objects: Vec::new(), snapshots: Vec::new() };
    let calls = base.crash_everywhere(
        |vault| vault.create().map(|_| ()),
        |vault, crash, when| {
            match vault.create() {
                Ok(_) => assert!(!crash.done, "{when}"),
                Err(error) => assert!(matches!(error, RepoError::Exists { .. }), "{when}: {error:?}"),
            }
            let repo = vault.open();
            let taken = take_snapshots(&repo, 0..1);
            Base { objects: Vec::new(), snapshots: taken }.assert_whole(&repo, when);
        },
    );
    assert_eq!(calls, 6);
}

#[test]
fn a_key_change_that_dies_anywhere_leaves_a_password_that_opens() {
    type Operation = fn(&Repository) -> Result<()>;
    let cases: [(Operation, &[&[u8]]); 4] = [
        (|repo| repo.key_add(NEW, &full_slot()).map(|_| ()), &[PASSWORD, SECOND]),
        (|repo| repo.key_change_password(NEW, dtrvault_crypto::floor()).map(|_| ()), &[SECOND]),
        (|repo| repo.key_remove(&repo.slot().to_string()).map(|_| ()), &[SECOND]),
        (
            |repo| {
                let slots = repo.key_list()?;
                let other = slots.iter().find(|(id, _)| *id != repo.slot());
                other.map_or(Ok(()), |(id, _)| repo.key_remove(&id.to_string()).map(|_| ()))
            },
            &[PASSWORD],
        ),
    ];
    let base = Base::with_two_keys();
    for (number, (operation, always)) in cases.into_iter().enumerate() {
        base.crash_everywhere(
            |vault| operation(&vault.open_with(PASSWORD, "cache")?),
            |vault, crash, when| {
                let when = format!("case {number}, {when}");
                let opens = |password| vault.open_with(password, "cache").ok();
                let mut repo = None;
                for password in always {
                    repo = opens(password);
                    assert!(repo.is_some(), "{when}");
                }
                let repo = repo.unwrap();
                if number == 1 {
                    let old_opens = opens(PASSWORD).is_some();
                    assert!(old_opens || opens(NEW).is_some(), "{when}: neither old nor new");
                    assert!(!(crash.done && old_opens), "{when}");
                } else if number == 0 && crash.done {
                    assert!(opens(NEW).is_some(), "{when}");
                }
                base.assert_whole(&repo, &when);
                store(&repo, Class::Fine, b"and goes on");
            },
        );
    }
}

/// A repository whose index lacks one segment, has a damaged one, and names a pack that is gone.
fn base_to_rebuild() -> Base {
    Base::new(|vault, store| {
        let listed = |folder: &str| -> Vec<String> {
            let objects = vault.runtime.block_on(contents(store));
            objects.into_iter().map(|(key, _)| key).filter(|key| key.starts_with(folder)).collect()
        };
        let repo = vault.open();
        let mut taken = take_snapshots(&repo, 0..1);
        let missing = listed("index");
        taken.extend(take_snapshots(&repo, 1..2));
        let damaged: Vec<String> = listed("index").into_iter().filter(|key| !missing.contains(key)).collect();
        let before = listed("packs");

        let session = repo.session("test").unwrap();
        let large = write(&session, Class::Coarse, &noise(60, 2_500_000));
        let small = write(&session, Class::Fine, &noise(61, 5_000));
        session.record_blob(blob(1, large));
        session.record_blob(blob(2, small));
        taken.push((session.commit(|_| snapshot_of(small)).unwrap(), small, noise(61, 5_000)));
        let at = repo.index().locate(&small.root.unwrap()).unwrap().unwrap();
        let needed = repo.index().pack(at.pack).unwrap().unwrap().id.key();
        let lost = listed("packs").into_iter().find(|key| !before.contains(key) && *key != needed);

        let gone = [lost.unwrap(), missing[0].clone()];
        for key in gone {
            vault.runtime.block_on(store.delete(&key)).unwrap();
        }
        vault.runtime.block_on(store.put(&damaged[0], "garbage".into())).unwrap();
        taken
    })
}

#[test]
fn a_rebuild_that_dies_anywhere_loses_nothing_and_can_be_repeated() {
    let base = base_to_rebuild();
    let rebuild = |repo: &Repository| repo.rebuild_index(|_| {}).map(|_| ());
    let run = |vault: &Vault| rebuild(&vault.open_with(PASSWORD, "cache")?);
    let calls = base.crash_everywhere(run, |vault, crash, when| {
        let repo = vault.open_with(PASSWORD, crash.either_cache).unwrap();
        let (_, readable, bytes) = &base.snapshots[2];
        assert_eq!(read_out(&repo, readable).0, *bytes, "{when}");
        rebuild(&repo).unwrap_or_else(|error| panic!("{when}: {error:?}"));
        let repo = vault.open_with(PASSWORD, crash.other_cache).unwrap();
        base.assert_whole(&repo, when);
        assert!(repo.damaged_segments().is_empty(), "{when}");
        let known = [1, 2].map(|digest| repo.index().blob(&Digest::new([digest; 32])).unwrap().is_some());
        assert_eq!(known, [false, true], "{when}: the blob that needs the lost pack, and the other");
    });
    assert!(calls > 25, "{calls}");
}

#[test]
fn random_faults_never_leave_a_snapshot_that_cannot_be_read() {
    let base = Base::with_two_snapshots();
    let (mut done, mut failed) = (0, 0);
    for seed in 0..50 {
        let vault = Vault::on(memory());
        let inner = vault.runtime.block_on(store_of(&base.objects));
        let faults = Faults {
            seed,
            error_probability: 0.03,
            lost_acknowledgement_probability: 0.05,
            stale_listing_probability: 0.2,
            ..Faults::default()
        };
        let vault = Vault::on(Arc::new(Faulty::new(Arc::clone(&inner), faults)));
        let snapshot = |repo: &Repository, number: u64| {
            let session = repo.session("test")?;
            let mut stream = session.stream(Class::Fine);
            stream.write(&noise(number, 1_200_000))?;
            let tree = stream.finish()?;
            session.commit(|_| snapshot_of(tree)).map(|_| ())
        };
        let rebuild = |repo: &Repository| repo.rebuild_index(|_| {}).map(|_| ());
        for number in [70, 70, 71] {
            let Ok(repo) = vault.open_with(PASSWORD, "cache") else { continue };
            for result in
                [snapshot(&repo, number), rebuild(&repo), repo.key_add(NEW, &full_slot()).map(|_| ())]
            {
                match result {
                    Ok(()) => done += 1,
                    Err(_) => failed += 1,
                }
            }
        }
        let Vault { dir, runtime, .. } = vault;
        drop(runtime);
        let mut vault = Vault::on(inner);
        vault.dir = dir;
        let cache = if seed % 2 == 0 { "cache" } else { "fresh cache" };
        let repo = vault.open_with(PASSWORD, cache).unwrap();
        base.assert_whole(&repo, &format!("seed {seed}, {cache}"));
    }
    assert!(done > 50 && failed > 50, "{done} done, {failed} failed");
}

#[test]
fn an_unchanged_snapshot_costs_these_calls() {
    let inner = memory();
    let vault = Vault::on(Arc::clone(&inner));
    vault.create().unwrap();
    let bytes = noise(1, 1_500_000);
    store(&vault.open(), Class::Fine, &bytes);
    let dir = vault.dir;

    let faulty = Arc::new(Faulty::new(inner, Faults::default()));
    let mut vault = Vault::on(faulty.clone());
    vault.dir = dir;
    store(&vault.open(), Class::Fine, &bytes);
    let calls: Vec<String> = faulty.calls().iter().map(ToString::to_string).collect();
    assert_eq!(
        calls,
        [
            "get config",
            "list keys",
            "get keys",
            "list index",
            // The session.
            "list leases",
            "put_new leases",
            "list index",
            "list doomed",
            // The commit: is the lease there still?
            "size leases",
            "put_new snapshots",
            "delete leases",
        ]
    );
}
