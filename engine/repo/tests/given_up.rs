//! Sessions that end without a snapshot: none of their packs stays without a name for longer than
//! until the next writer.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use common::crash::{Base, assert_all_named, size};
use common::{PASSWORD, Vault, memory, noise, read_out, snapshot_of, store, store_of, write};
use dtrvault_repo::RepoError;
use dtrvault_repo::write::{Class, Session};
use dtrvault_store::fault::{Faults, Reach, Verb};

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what} never came");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn leases(vault: &Vault) -> usize {
    vault.contents().iter().filter(|(key, _)| key.starts_with("leases/")).count()
}

/// Writes these bytes, and waits until some packs are durable.
fn store_some(session: &Session, bytes: &[u8]) {
    write(session, Class::Fine, bytes);
    wait_until("a second pack", || session.counters().written_bytes > 1_500_000);
}

/// The next snapshot of the same bytes stores little again, and leaves nothing without a name.
fn assert_reused(vault: &Vault, bytes: &[u8], when: &str) {
    let left = size(vault);
    let repo = vault.open_with(PASSWORD, "fresh cache").unwrap();
    let (_, stream) = store(&repo, Class::Fine, bytes);
    assert_eq!(read_out(&repo, &stream).0, bytes, "{when}");
    assert_all_named(&repo, when);
    let repeated = size(vault) - left;
    assert!(repeated < bytes.len() as u64 - 1_500_000, "{when}: {left} left, {repeated} repeated");
}

#[test]
fn packs_of_a_session_that_was_given_up_are_used_again() {
    let vault = Vault::on(memory());
    vault.create().unwrap();
    let bytes = noise(52, 6_000_000);
    let session = vault.open().session("test").unwrap();
    store_some(&session, &bytes);
    drop(session);
    assert_reused(&vault, &bytes, "given up");
}

#[test]
fn a_session_that_has_named_everything_leaves_no_lease() {
    let vault = Vault::on(memory());
    vault.create().unwrap();
    let session = vault.open().session("test").unwrap();
    write(&session, Class::Fine, &noise(53, 3_000_000));
    session.checkpoint().unwrap();
    drop(session);
    assert_eq!(leases(&vault), 0);
}

#[test]
fn a_lease_stays_while_a_pack_is_on_its_way() {
    let base = Base::with_two_snapshots();
    // Every pack takes its time.
    let stall = Duration::from_secs(1);
    let faults = Faults { only: Some("packs"), stall_probability: 1.0, stall, ..Faults::default() };
    let (vault, inner, faulty) = base.vault_with(faults);
    let bytes = noise(54, 6_000_000);
    let session = vault.open().session("test").unwrap();
    write(&session, Class::Fine, &bytes);
    wait_until("an upload", || faulty.calls().iter().any(|call| call.to_string() == "put packs"));
    drop(session);
    let before = size(&Vault::on(Arc::clone(&inner)));
    // What was on its way arrives when the session is long gone.
    wait_until("a pack", || size(&Vault::on(Arc::clone(&inner))) > before);
    let vault = vault.after_its_end(inner);
    let repo = vault.open_with(PASSWORD, "fresh cache").unwrap();
    store(&repo, Class::Fine, &bytes);
    assert_all_named(&repo, "a pack that arrived late");
}

#[test]
fn a_segment_that_cannot_be_written_is_written_again() {
    let base = Base::with_two_snapshots();
    let bytes = noise(55, 2_500_000);
    for reach in [Reach::OneCall, Reach::Space] {
        // Counted among the calls of its folder: how many packs there are depends on which frame comes first.
        let only = Some("index");
        let first_put = {
            let (vault, _, faulty) = base.vault_with(Faults::default());
            let session = vault.open().session("test").unwrap();
            write(&session, Class::Fine, &bytes);
            session.checkpoint().unwrap();
            let calls = faulty.calls();
            let of_index = calls.iter().filter(|call| call.folder == "index");
            of_index.take_while(|call| call.verb != Verb::PutNew).count() as u64 + 1
        };
        let faults = Faults { only, crash_at: Some(first_put), crash_reach: reach, ..Faults::default() };
        let (vault, inner, _) = base.vault_with(faults);
        let session = vault.open().session("test").unwrap();
        let tree = write(&session, Class::Fine, &bytes);
        session.checkpoint().unwrap_err();
        let committed = session.commit(|_| snapshot_of(tree));
        assert_eq!(committed.is_ok(), reach == Reach::OneCall, "{reach:?}: {committed:?}");
        let vault = vault.after_its_end(inner);
        let fresh = vault.open_with(PASSWORD, "fresh cache").unwrap();
        base.assert_whole(&fresh, "after a segment that failed");
        // The disk that is full takes no segment, so the lease must say what is left.
        assert_eq!(leases(&vault), usize::from(reach == Reach::Space), "{reach:?}");
        assert_reused(&vault, &bytes, &format!("{reach:?}"));
    }
}

#[test]
fn packs_of_a_session_that_lost_its_lease_are_found_all_the_same() {
    let vault = Vault::on(memory());
    vault.create().unwrap();
    let bytes = noise(56, 6_000_000);
    let repo = vault.open();
    let session = repo.session("test").unwrap();
    vault.clock.advance(16 * 60);
    // Another writer finds a lease that ran out, and nothing to be named yet.
    store(&vault.open_with(PASSWORD, "other cache").unwrap(), Class::Fine, b"another");
    assert_eq!(leases(&vault), 0);
    store_some(&session, &bytes);
    let refused = session.checkpoint().unwrap_err();
    assert!(matches!(refused, RepoError::LeaseLost { .. }), "{refused:?}");
    let named = vault.contents().iter().filter(|(key, _)| key.starts_with("index/")).count();
    drop(session);
    let now = vault.contents().iter().filter(|(key, _)| key.starts_with("index/")).count();
    assert_eq!(now, named, "a session without a lease names nothing");
    assert_reused(&vault, &bytes, "a lost lease");
}

#[test]
fn nothing_is_sent_after_a_session_has_ended() {
    let vault = Vault::on(memory());
    vault.create().unwrap();
    let session = vault.open().session("test").unwrap();
    let mut stream = session.stream(Class::Fine);
    drop(session);
    let refused = noise(57, 40_000_000).chunks(1 << 20).find_map(|piece| stream.write(piece).err());
    assert!(matches!(refused, Some(RepoError::Aborted)), "{refused:?}");
    assert_eq!((size(&vault), leases(&vault)), (0, 0));
}

#[test]
fn a_writer_that_lives_keeps_its_lease_and_uses_what_others_have_added() {
    let vault = Vault::on(memory());
    vault.create().unwrap();
    let (bytes, early, late) = (noise(58, 1_500_000), vault.open(), vault.open());
    let session = early.session("test").unwrap();
    store(&late, Class::Fine, &bytes);
    assert_eq!(leases(&vault), 1);
    session.commit(|_| snapshot_of(dtrvault_format::StreamRef::EMPTY)).unwrap();
    let before = size(&vault);
    // It was opened before the other one wrote.
    store(&early, Class::Fine, &bytes);
    assert_eq!(size(&vault), before);
}

#[test]
fn a_lease_that_rotted_is_cleared_when_it_is_old() {
    let vault = Vault::on(memory());
    vault.create().unwrap();
    let session = vault.open().session("test").unwrap();
    let (key, _) = vault.contents().into_iter().find(|(key, _)| key.starts_with("leases/")).unwrap();
    std::mem::forget(session);
    let objects: Vec<(String, Bytes)> = vault
        .contents()
        .into_iter()
        .map(|(name, bytes)| if name == key { (name, bytes.slice(..bytes.len() / 2)) } else { (name, bytes) })
        .collect();
    let inner = vault.runtime.block_on(store_of(&objects));
    let vault = vault.after_its_end(inner);
    store(&vault.open(), Class::Fine, b"while it may be somebody's");
    assert_eq!(leases(&vault), 1);
    // The store in memory has the time of the system, far ahead of the test's.
    vault.clock.advance(100 * 365 * 86_400);
    store(&vault.open(), Class::Fine, b"long after");
    assert_eq!(leases(&vault), 0);
}
