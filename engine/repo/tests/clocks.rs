//! Clocks that disagree: of two hosts, or of one host with itself a moment ago. A lease may be lost by it, a
//! snapshot never.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{PASSWORD, TestClock, Vault, noise, read_out, snapshot_of, store, write};
use dtrvault_repo::write::Class;
use dtrvault_repo::{LeaseTimes, OpenOptions, RepoError, Repository};

const YEAR: i64 = 365 * 24 * 3600;

/// The same repository by another host, whose clock is off by so much.
fn other_host(vault: &Vault, off: i64) -> Repository {
    let clock = Arc::new(TestClock::default());
    clock.advance(off);
    let options = OpenOptions { clock, host: "other".to_owned(), ..vault.options("cache-of-other") };
    Repository::open(vault.backend(), PASSWORD, options).unwrap()
}

#[test]
fn a_host_that_is_a_year_ahead_costs_a_running_writer_its_lease_and_no_more() {
    let vault = Vault::new();
    let repo = vault.open();
    let session = repo.session("test").unwrap();
    let tree = write(&session, Class::Coarse, &noise(1, 3 << 20));
    session.checkpoint().unwrap();

    let ahead = other_host(&vault, YEAR);
    let (_, theirs) = store(&ahead, Class::Fine, b"of the host ahead");
    let refused = session.commit(|_| snapshot_of(tree));
    assert!(matches!(refused, Err(RepoError::LeaseLost { .. })), "{refused:?}");

    // What was stored is found, by its own host and by the other.
    for again in [vault.open(), ahead] {
        let session = again.session("test").unwrap();
        let tree = write(&session, Class::Coarse, &noise(1, 3 << 20));
        assert_eq!(session.counters().new_chunks, 0);
        session.commit(|_| snapshot_of(tree)).unwrap();
    }
    let repo = vault.open();
    assert!(read_out(&repo, &tree).0 == noise(1, 3 << 20));
    assert_eq!(read_out(&repo, &theirs).0, b"of the host ahead");
    assert_eq!(repo.snapshots().unwrap().sound.len(), 3);
}

#[test]
fn a_host_that_is_a_year_behind_disturbs_nobody() {
    let vault = Vault::new();
    let repo = vault.open();
    let session = repo.session("test").unwrap();
    let tree = write(&session, Class::Fine, b"of the host whose clock is right");
    let behind = other_host(&vault, -YEAR);
    let theirs = behind.session("test").unwrap();
    let their_tree = write(&theirs, Class::Fine, b"of the host behind");
    session.commit(|_| snapshot_of(tree)).unwrap();
    // Its lease has run out for everybody else, and is removed by whoever comes: that is told.
    store(&repo, Class::Fine, b"another");
    let refused = theirs.commit(|_| snapshot_of(their_tree));
    assert!(matches!(refused, Err(RepoError::LeaseLost { .. })), "{refused:?}");
    // Alone, it is not in anybody's way.
    store(&behind, Class::Fine, b"of the host behind");
    assert_eq!(vault.open().snapshots().unwrap().sound.len(), 3);
}

/// A repository whose leases are renewed all the time.
fn renewing(vault: &Vault) -> Repository {
    let options = vault.options("cache");
    let lease = LeaseTimes { renewed_after: Duration::from_millis(10), ..options.lease };
    Repository::open(vault.backend(), PASSWORD, OpenOptions { lease, ..options }).unwrap()
}

#[test]
fn a_lease_that_was_removed_is_not_mended_by_its_renewal() {
    let vault = Vault::new();
    let repo = renewing(&vault);
    let session = repo.session("test").unwrap();
    let tree = write(&session, Class::Fine, b"bytes");
    // A renewal may be between two steps: until none is left.
    for quiet in 0.. {
        let leases = vault.objects("leases");
        if leases.is_empty() && quiet > 0 {
            break;
        }
        for key in leases {
            // Its writer may remove it as well.
            let _ = std::fs::remove_file(vault.store_dir().join(key));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let refused = session.commit(|_| snapshot_of(tree));
    assert!(matches!(refused, Err(RepoError::LeaseLost { .. })), "{refused:?}");
    assert!(vault.objects("snapshots").is_empty());
}

#[test]
fn a_lease_that_ran_out_is_not_mended_by_its_renewal() {
    let vault = Vault::new();
    let repo = renewing(&vault);
    let session = repo.session("test").unwrap();
    let tree = write(&session, Class::Fine, b"bytes");
    // As when the machine sleeps: the clock goes on, and nothing else.
    vault.clock.advance(3600);
    std::thread::sleep(Duration::from_millis(200));
    let refused = session.commit(|_| snapshot_of(tree));
    assert!(matches!(refused, Err(RepoError::LeaseLost { .. })), "{refused:?}");
}

#[test]
fn a_lease_that_is_renewed_is_kept() {
    let vault = Vault::new();
    let repo = renewing(&vault);
    let session = repo.session("test").unwrap();
    let tree = write(&session, Class::Fine, b"bytes");
    let first = vault.objects("leases");
    std::thread::sleep(Duration::from_millis(300));
    let later = vault.objects("leases");
    assert!(later.iter().any(|key| !first.contains(key)), "it was never renewed");
    session.commit(|_| snapshot_of(tree)).unwrap();
}

#[test]
fn a_clock_that_goes_back_while_a_writer_runs_keeps_the_lease() {
    let vault = Vault::new();
    let repo = vault.open();
    for jump in [-YEAR, 2 * YEAR] {
        let session = repo.session("test").unwrap();
        let tree = write(&session, Class::Fine, &jump.to_be_bytes());
        vault.clock.advance(jump);
        let committed = session.commit(|_| snapshot_of(tree));
        match committed {
            Ok(_) => assert!(jump < 0),
            Err(RepoError::LeaseLost { .. }) => assert!(jump > 0),
            other => panic!("{other:?}"),
        }
    }
    // A lease that ends a year from now is no obstacle for who comes after.
    store(&repo, Class::Fine, b"after");
    assert_eq!(repo.snapshots().unwrap().sound.len(), 2);
}
