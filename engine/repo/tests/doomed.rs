//! Packs that a program is about to delete: a writer neither counts on them nor takes them in.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::crash::{blob, size};
use common::{PASSWORD, Vault, memory, noise, read_out, snapshot_of, store, write};
use dtrvault_crypto::SharedKind;
use dtrvault_format::cbor::Object;
use dtrvault_format::names::Named;
use dtrvault_format::{Digest, Doomed, DoomedId, KeySlot, PackId, SegmentId, Time};
use dtrvault_repo::write::Class;

fn put(vault: &Vault, key: &str, bytes: Vec<u8>) {
    vault.runtime.block_on(vault.backend_store().put(key, bytes.into())).unwrap();
}

fn delete(vault: &Vault, key: &str) {
    vault.runtime.block_on(vault.backend_store().delete(key)).unwrap();
}

fn packs(vault: &Vault) -> Vec<PackId> {
    vault.contents().iter().filter_map(|(key, _)| PackId::from_key(key)).collect()
}

fn segments(vault: &Vault) -> Vec<SegmentId> {
    vault.contents().iter().filter_map(|(key, _)| SegmentId::from_key(key)).collect()
}

/// Marks every pack that is there, as a program does that wants to delete them.
fn doom_all(vault: &Vault) -> Vec<PackId> {
    let objects = vault.contents();
    let (_, slot) = objects.iter().find(|(key, _)| key.starts_with("keys/")).unwrap();
    let (ring, _) = dtrvault_crypto::open_slot(&KeySlot::from_bytes(slot).unwrap(), PASSWORD).unwrap();
    let mut packs = packs(vault);
    packs.sort_unstable();
    let list = Doomed { marked: Time::from_secs(1_700_000_000), packs: packs.clone() };
    let sealed = ring.seal_shared(SharedKind::Doomed, &list.to_bytes()).unwrap();
    put(vault, &DoomedId::new(blake3::hash(&sealed).into()).key(), sealed);
    packs
}

#[test]
fn what_stands_in_a_doomed_pack_alone_is_stored_again() {
    let vault = Vault::on(memory());
    vault.create().unwrap();
    let bytes = noise(1, 1_500_000);
    let session = vault.open().session("test").unwrap();
    let stream = write(&session, Class::Fine, &bytes);
    session.record_blob(blob(1, stream));
    session.commit(|_| snapshot_of(stream)).unwrap();
    let (doomed, old_segments, before) = (doom_all(&vault), segments(&vault), size(&vault));

    let repo = vault.open();
    let session = repo.session("test").unwrap();
    assert_eq!(session.known_blob(&Digest::new([1; 32])).unwrap(), None, "its chunks are about to go");
    let again = write(&session, Class::Fine, &bytes);
    session.commit(|_| snapshot_of(again)).unwrap();
    assert!(size(&vault) - before > 1_500_000);

    // The deletion: every segment that names the packs, then the packs.
    for id in old_segments {
        delete(&vault, &id.key());
    }
    for id in doomed {
        delete(&vault, &id.key());
    }
    for cache in ["cache", "fresh cache"] {
        let repo = vault.open_with(PASSWORD, cache).unwrap();
        assert_eq!(read_out(&repo, &again).0, bytes, "{cache}");
    }
}

#[test]
fn a_doomed_pack_without_a_name_gets_none() {
    let vault = Vault::on(memory());
    vault.create().unwrap();
    let session = vault.open().session("test").unwrap();
    write(&session, Class::Fine, &noise(2, 1_500_000));
    session.checkpoint().unwrap();
    // As if it had died before the segment, its lease still there.
    std::mem::forget(session);
    for id in segments(&vault) {
        delete(&vault, &id.key());
    }
    let doomed = doom_all(&vault);
    let repo = vault.open_with(PASSWORD, "fresh cache").unwrap();
    store(&repo, Class::Fine, b"something else");
    for id in doomed {
        assert!(repo.index().pack_number(&id).unwrap().is_none(), "{id}");
    }
}
