//! The writer dies at every store call, or the store is full from there on, or that one call goes
//! wrong: what was there stays whole, and the next writer goes on from what is left.
//! `format-spec/ordering.md` says what is promised.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::crash::{Base, SECOND, assert_all_named, blob, full_slot, size, take_snapshots};
use common::{PASSWORD, Vault, contents, memory, noise, read_out, snapshot_of, store, store_of, write};
use dtrvault_format::names::Named;
use dtrvault_format::{Digest, Recipe};
use dtrvault_repo::write::Class;
use dtrvault_repo::{RepoError, Repository, Result};

const NEW: &[u8] = b"new";

/// What a pack costs beside its chunks, and rounding: a repeat may differ by so much, bytes.
const SLACK_BYTES: u64 = 192 << 10;

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
    let run = |vault: &Vault| big_session(&vault.open_unread(PASSWORD, "cache")?);
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
        assert_all_named(&repo, when);
        let (_, recipe) = repo.index().blob(&Digest::new([1; 32])).unwrap().unwrap();
        let Recipe::Plain(stream) = recipe else { panic!("{when}: {recipe:?}") };
        assert_eq!(read_out(&repo, &stream).0, noise(50, 1_500_000), "{when}");
    });
    assert!(calls > 15, "{calls}");
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
fn two_creations_at_once_make_one_repository() {
    for _ in 0..8 {
        let vault = Vault::on(memory());
        let barrier = std::sync::Barrier::new(2);
        let create = || {
            barrier.wait();
            vault.create()
        };
        let created = std::thread::scope(|scope| {
            let both = [scope.spawn(create), scope.spawn(create)];
            both.map(|one| one.join().unwrap())
        });
        assert_eq!(created.iter().filter(|one| one.is_ok()).count(), 1, "{created:?}");
        let made = created.into_iter().find_map(Result::ok).unwrap();
        assert_eq!(vault.open().id(), made.id);
    }
}

/// A repository with packs that a dead writer has left without a name.
fn base_left_behind() -> Base {
    Base::new(|vault, inner| {
        let repo = vault.open();
        let taken = take_snapshots(&repo, 0..1);
        let listed = || vault.runtime.block_on(contents(inner));
        let named: Vec<String> = listed().into_iter().map(|(key, _)| key).collect();
        let session = repo.session("test").unwrap();
        write(&session, Class::Fine, &noise(62, 2_500_000));
        session.checkpoint().unwrap();
        // It dies before its segment is there, and its lease stays.
        std::mem::forget(session);
        for (key, _) in listed() {
            if key.starts_with("index") && !named.contains(&key) {
                vault.runtime.block_on(inner.delete(&key)).unwrap();
            }
        }
        taken
    })
}

#[test]
fn a_writer_that_dies_while_it_takes_up_what_another_has_left_leaves_it_to_the_next() {
    let base = base_left_behind();
    let run = |vault: &Vault| {
        vault.clock.advance(16 * 60);
        vault.open_unread(PASSWORD, "cache")?.session("test").map(drop)
    };
    let calls = base.crash_everywhere(run, |vault, crash, when| {
        vault.clock.advance(32 * 60);
        let repo = vault.open_with(PASSWORD, crash.either_cache).unwrap();
        let before = size(vault);
        store(&repo, Class::Fine, &noise(62, 2_500_000));
        assert!(size(vault) - before < SLACK_BYTES, "{when}: {}", size(vault) - before);
        assert_all_named(&repo, when);
        base.assert_whole(&vault.open_with(PASSWORD, crash.other_cache).unwrap(), when);
    });
    assert!(calls > 12, "{calls}");
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
            |vault| operation(&vault.open_unread(PASSWORD, "cache")?),
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
    let run = |vault: &Vault| rebuild(&vault.open_unread(PASSWORD, "cache")?);
    let calls = base.crash_everywhere(run, |vault, crash, when| {
        let repo = vault.open_with(PASSWORD, crash.either_cache).unwrap();
        let (_, readable, bytes) = &base.snapshots[2];
        assert_eq!(read_out(&repo, readable).0, *bytes, "{when}");
        rebuild(&repo).unwrap_or_else(|error| panic!("{when}: {error:?}"));
        let repo = vault.open_with(PASSWORD, crash.other_cache).unwrap();
        base.assert_whole(&repo, when);
        assert!(repo.damaged_segments().is_empty(), "{when}");
        let known = [1, 2].map(|digest| repo.index().blob(&Digest::new([digest; 32])).unwrap().is_some());
        assert_all_named(&repo, when);
        assert_eq!(known, [false, true], "{when}: the blob that needs the lost pack, and the other");
    });
    assert!(calls > 25, "{calls}");
}
