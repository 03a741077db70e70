//! What is written comes back, once stored however often it is written.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::io::Read;

use common::{PASSWORD, Vault, WRITE_PASSWORD, noise, store, write};
use dtrvault_format::names::Named;
use dtrvault_format::{BlobRecord, Digest, Recipe, Role};
use dtrvault_repo::keys::NewSlot;
use dtrvault_repo::read::Reader;
use dtrvault_repo::write::Class;
use dtrvault_repo::{RepoError, Repository};

fn read(repo: &Repository, stream: &dtrvault_format::StreamRef) -> Vec<u8> {
    let mut bytes = Vec::new();
    Reader::new(repo).unwrap().stream(stream).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn streams_of_every_depth_come_back() {
    let vault = Vault::new();
    let repo = vault.open();
    for (len, class, depth) in [
        (0, Class::Fine, 0),
        (1, Class::Fine, 0),
        (100_000, Class::Fine, 1),
        (6_000_000, Class::Coarse, 1),
        (60_000_000, Class::Fine, 2),
    ] {
        let bytes = noise(len as u64 + 1, len);
        let (id, stream) = store(&repo, class, &bytes);
        assert_eq!(stream.depth, depth, "{len}");
        assert_eq!(read(&repo, &stream), bytes, "{len}");
        assert_eq!(repo.find_snapshot(&id.to_string()[..12]).unwrap().0, id);
    }
}

#[test]
fn what_is_known_writes_one_snapshot_and_nothing_else() {
    let vault = Vault::new();
    let bytes = noise(7, 3_000_000);
    store(&vault.open(), Class::Fine, &bytes);
    let before = (vault.objects("packs"), vault.objects("index"), vault.objects("snapshots").len());
    // Another process with a cache of its own finds the same.
    let repo = vault.open_with(PASSWORD, "other cache").unwrap();
    store(&repo, Class::Fine, &bytes);
    assert_eq!(
        (vault.objects("packs"), vault.objects("index"), vault.objects("snapshots").len()),
        (before.0, before.1, before.2 + 1)
    );
    assert!(vault.objects("leases").is_empty());
}

#[test]
fn packs_of_a_dead_writer_are_used_again() {
    let vault = Vault::new();
    let bytes = noise(9, 4_000_000);
    let repo = vault.open();
    let session = repo.session("snapshot").unwrap();
    write(&session, Class::Coarse, &bytes);
    session.checkpoint().unwrap();
    // As if it had died between the packs and the segment, its lease still there.
    std::mem::forget(session);
    let packs = vault.objects("packs");
    for key in vault.objects("index") {
        std::fs::remove_file(vault.store_dir().join(key)).unwrap();
    }
    let repo = vault.open_with(PASSWORD, "other cache").unwrap();
    let (_, stream) = store(&repo, Class::Coarse, &bytes);
    assert_eq!(vault.objects("packs"), packs, "nothing is stored twice");
    assert_eq!(read(&repo, &stream), bytes);
}

#[test]
fn a_write_key_adds_and_finds_but_never_reads() {
    let vault = Vault::new();
    let repo = vault.open();
    let bytes = noise(3, 500_000);
    let (id, stream) = store(&repo, Class::Fine, &bytes);
    let new = NewSlot { role: Role::Write, label: "node".to_owned(), argon2: dtrvault_crypto::floor() };
    let slot = repo.key_add(WRITE_PASSWORD, &new).unwrap();

    let node = vault.open_with(WRITE_PASSWORD, "node cache").unwrap();
    let packs = vault.objects("packs");
    let (second, _) = store(&node, Class::Fine, &bytes);
    assert_eq!(vault.objects("packs"), packs, "it finds duplicates");
    assert!(matches!(node.snapshot(&id), Err(RepoError::NeedsFullKey)));
    assert!(matches!(Reader::new(&node).err(), Some(RepoError::NeedsFullKey)));
    assert!(matches!(node.key_list(), Err(RepoError::NeedsFullKey)));
    assert_eq!(repo.snapshot(&second).unwrap().images.unwrap().tree, stream);

    let full = repo.slot().to_string();
    assert!(matches!(repo.key_remove(&full), Err(RepoError::LastFullKey)));
    repo.key_remove(&slot.to_string()[..16]).unwrap();
    assert!(matches!(
        vault.open_with(WRITE_PASSWORD, "node cache").err(),
        Some(RepoError::WrongPassword { slots: 1, .. })
    ));
}

#[test]
fn a_changed_password_is_the_only_one_that_opens() {
    let vault = Vault::new();
    vault.open().key_change_password(b"new", dtrvault_crypto::floor()).unwrap();
    assert!(matches!(vault.open_with(PASSWORD, "cache").err(), Some(RepoError::WrongPassword { .. })));
    assert_eq!(vault.open_with(b"new", "cache").unwrap().role(), Role::Full);
}

#[test]
fn a_lost_index_is_rebuilt_with_its_blobs() {
    let vault = Vault::new();
    let repo = vault.open();
    let bytes = noise(5, 2_000_000);
    let session = repo.session("test").unwrap();
    let stream = write(&session, Class::Fine, &bytes);
    let blob = BlobRecord { digest: Digest::new([1; 32]), size: stream.len, recipe: Recipe::Plain(stream) };
    session.record_blob(blob.clone());
    session.commit(|_| common::snapshot_of(stream)).unwrap();
    for key in vault.objects("index") {
        std::fs::remove_file(vault.store_dir().join(key)).unwrap();
    }
    let repo = vault.open_with(PASSWORD, "cache").unwrap();
    assert_eq!(repo.index().blob(&blob.digest).unwrap(), None, "the cache follows the store");
    let rebuilt = repo.rebuild_index(|_| {}).unwrap();
    assert_eq!((rebuilt.blobs, rebuilt.incomplete_blobs), (1, 0));
    let repo = vault.open_with(PASSWORD, "new cache").unwrap();
    assert_eq!(repo.index().blob(&blob.digest).unwrap(), Some((blob.size, blob.recipe)));
    assert_eq!(read(&repo, &stream), bytes);
}

#[test]
fn a_lost_lease_commits_nothing() {
    let vault = Vault::new();
    let repo = vault.open();
    for lose in [(|vault: &Vault| vault.clock.advance(365 * 24 * 3600)) as fn(&Vault), |vault| {
        for key in vault.objects("leases") {
            std::fs::remove_file(vault.store_dir().join(key)).unwrap();
        }
    }] {
        let session = repo.session("test").unwrap();
        let tree = write(&session, Class::Fine, b"bytes");
        lose(&vault);
        let committed = session.commit(|_| common::snapshot_of(tree));
        assert!(matches!(committed, Err(RepoError::LeaseLost { .. })));
        assert!(vault.objects("snapshots").is_empty());
    }
}

#[test]
fn damage_names_its_object_and_leaves_the_rest() {
    let vault = Vault::new();
    let repo = vault.open();
    let (_, first) = store(&repo, Class::Fine, &noise(1, 300_000));
    let packs = vault.objects("packs");
    let (_, second) = store(&repo, Class::Fine, &noise(2, 300_000));
    let path = vault.store_dir().join(&packs[0]);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[5_000] ^= 1;
    std::fs::write(&path, bytes).unwrap();

    let reader = Reader::new(&repo).unwrap();
    let mut out = Vec::new();
    let error = reader.stream(&first).unwrap().read_to_end(&mut out).unwrap_err();
    let error = error.downcast::<RepoError>().unwrap();
    let RepoError::DamagedFrame { pack, .. } = error else { panic!("{error:?}") };
    assert_eq!(pack.key(), packs[0]);
    assert_eq!(read(&repo, &second), noise(2, 300_000));
}

#[test]
fn a_damaged_segment_hides_only_what_it_names() {
    let vault = Vault::new();
    let repo = vault.open();
    let (_, first) = store(&repo, Class::Fine, &noise(1, 300_000));
    let segments = vault.objects("index");
    let (_, second) = store(&repo, Class::Fine, &noise(2, 300_000));
    std::fs::write(vault.store_dir().join(&segments[0]), b"garbage").unwrap();
    let repo = vault.open_with(PASSWORD, "new cache").unwrap();
    assert_eq!(repo.damaged_segments().len(), 1);
    assert_eq!(read(&repo, &second), noise(2, 300_000));
    let mut out = Vec::new();
    let error = Reader::new(&repo).unwrap().stream(&first).unwrap().read_to_end(&mut out).unwrap_err();
    assert!(matches!(error.downcast::<RepoError>(), Ok(RepoError::MissingChunk { .. })));
}

#[test]
fn a_damaged_cache_is_built_anew() {
    let vault = Vault::new();
    let (_, stream) = store(&vault.open(), Class::Fine, &noise(4, 300_000));
    let mut folders = vec![vault.dir.path().join("cache")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                std::fs::write(path, b"garbage").unwrap();
            }
        }
    }
    assert_eq!(read(&vault.open(), &stream), noise(4, 300_000));
}

#[test]
fn many_writers_share_one_cache_and_one_repository() {
    let vault = Vault::new();
    let common = noise(100, 2_000_000);
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let (vault, common) = (&vault, &common);
            scope.spawn(move || {
                let repo = vault.open();
                let own = noise(writer, 1_000_000);
                let both = [common.as_slice(), &own].concat();
                let (_, stream) = store(&repo, Class::Fine, &both);
                assert_eq!(read(&repo, &stream), both);
            });
        }
    });
    assert_eq!(vault.open().snapshots().unwrap().sound.len(), 4);
    assert!(vault.objects("leases").is_empty());
}

#[test]
fn a_failed_upload_is_told_as_it_was() {
    use std::os::unix::fs::PermissionsExt;
    let vault = Vault::new();
    let repo = vault.open();
    let session = repo.session("test").unwrap();
    let tree = write(&session, Class::Fine, b"bytes");
    // A file stands where the folder of packs belongs.
    std::fs::write(vault.store_dir().join("packs"), b"").unwrap();
    std::fs::set_permissions(vault.store_dir().join("packs"), PermissionsExt::from_mode(0o000)).unwrap();
    let error = session.commit(|_| common::snapshot_of(tree)).unwrap_err();
    assert!(matches!(error, RepoError::Store { .. }), "{error:?}");
    assert!(vault.objects("snapshots").is_empty() && vault.objects("index").is_empty());
}

#[test]
fn what_is_no_slot_of_ours_keeps_nobody_out() {
    let vault = Vault::new();
    let keys = vault.store_dir().join("keys");
    std::fs::write(keys.join("ab".repeat(32)), b"garbage").unwrap();
    std::fs::write(keys.join("README"), b"not a slot").unwrap();
    // The slot of another repository, as a crashed `init` leaves it.
    let other = Vault::new();
    for key in other.objects("keys") {
        std::fs::copy(other.store_dir().join(&key), vault.store_dir().join(&key)).unwrap();
    }
    assert_eq!(vault.open().key_list().unwrap().len(), 1);
    let wrong = || vault.open_with(b"wrong", "cache").err().unwrap();
    assert!(matches!(wrong(), RepoError::DamagedSlots { slots: 1, damaged: 1, .. }));
    std::fs::remove_file(keys.join("ab".repeat(32))).unwrap();
    assert!(matches!(wrong(), RepoError::WrongPassword { slots: 1, .. }));
}

#[test]
fn a_repository_is_created_once_and_a_crashed_creation_can_be_repeated() {
    let vault = Vault::new();
    let options = dtrvault_repo::CreateOptions {
        argon2: Some(dtrvault_crypto::floor()),
        ..dtrvault_repo::CreateOptions::default()
    };
    let again = || Repository::create(&vault.backend(), b"second", &options);
    assert!(matches!(again().err(), Some(RepoError::Exists { .. })));
    std::fs::remove_file(vault.store_dir().join("config")).unwrap();
    again().unwrap();
    assert!(vault.open_with(b"second", "cache").is_ok());
}

#[test]
fn a_changed_config_is_noticed() {
    let vault = Vault::new();
    let path = vault.store_dir().join("config");
    let bytes = std::fs::read(&path).unwrap();
    let mut config: dtrvault_format::Config = dtrvault_format::cbor::decode(&bytes, "config").unwrap();
    config.chunker.fine.avg = 8192;
    std::fs::write(path, dtrvault_format::cbor::encode(&config)).unwrap();
    assert!(matches!(vault.open_with(PASSWORD, "cache").err(), Some(RepoError::ConfigChanged { .. })));
}

#[test]
fn a_reader_survives_a_cache_that_another_process_builds_anew() {
    let vault = Vault::new();
    let repo = vault.open();
    let streams: Vec<_> = (0..4).map(|seed| store(&repo, Class::Fine, &noise(seed, 200_000)).1).collect();
    let reader = Reader::new(&repo).unwrap();
    let read = |at: usize| {
        let mut bytes = Vec::new();
        reader.stream(&streams[at]).unwrap().read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, noise(at as u64, 200_000), "{at}");
    };
    (0..4).for_each(read);
    // One segment less: the other process starts the cache anew, with other pack numbers.
    let gone = vault.objects("index").remove(0);
    let bytes = std::fs::read(vault.store_dir().join(&gone)).unwrap();
    std::fs::remove_file(vault.store_dir().join(&gone)).unwrap();
    drop(vault.open());
    std::fs::write(vault.store_dir().join(&gone), bytes).unwrap();
    drop(vault.open());
    // This one takes over the new database with its next segment.
    store(&repo, Class::Fine, &noise(9, 200_000));
    (0..4).for_each(read);
}
