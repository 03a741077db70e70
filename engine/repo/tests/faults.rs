//! Faults by chance: errors, writes that took place unacknowledged, stale listings, torn writes,
//! stalls. What was there stays whole, and once the faults are gone, work goes on.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::crash::{Base, assert_all_named, full_slot};
use common::{PASSWORD, noise, snapshot_of, store};
use dtrvault_repo::write::Class;
use dtrvault_repo::{Repository, Result};
use dtrvault_store::fault::Faults;

const SEEDS: u64 = 40;

/// Takes snapshots, rebuilds and adds keys under `faults`, for many seeds, then once more without.
/// `reused`: whether every pack must have a name in the end.
fn survive(faults: &Faults, torn: bool, reused: bool) {
    let base = Base::with_two_snapshots();
    let (mut done, mut failed) = (0, 0);
    for seed in 0..SEEDS {
        let (vault, inner, _) = base.vault_with(Faults { seed, ..faults.clone() });
        for number in [70, 70, 71] {
            let Ok(repo) = vault.open_with(PASSWORD, "cache") else { continue };
            let rebuild = repo.rebuild_index(|_| {}).map(|_| ());
            for result in [snapshot(&repo, number), rebuild, repo.key_add(b"new", &full_slot()).map(|_| ())] {
                match result {
                    Ok(()) => done += 1,
                    Err(_) => failed += 1,
                }
            }
        }
        let vault = vault.after_its_end(inner);
        let cache = if seed % 2 == 0 { "cache" } else { "fresh cache" };
        let when = format!("seed {seed}, {cache}, {faults:?}");
        let repo = vault.open_with(PASSWORD, cache).unwrap();
        if torn {
            base.assert_own_whole(&repo, &when);
        } else {
            base.assert_whole(&repo, &when);
        }
        store(&repo, Class::Fine, &noise(71, 1_200_000));
        base.assert_own_whole(&repo, &when);
        if reused {
            assert_all_named(&repo, &when);
        }
    }
    assert!(done > SEEDS && failed > SEEDS / 2, "{done} done, {failed} failed");
}

fn snapshot(repo: &Repository, number: u64) -> Result<()> {
    let session = repo.session("test")?;
    let mut stream = session.stream(Class::Fine);
    stream.write(&noise(number, 1_200_000))?;
    let tree = stream.finish()?;
    session.commit(|_| snapshot_of(tree)).map(|_| ())
}

#[test]
fn errors_and_lost_acknowledgements_leave_no_pack_without_a_name() {
    survive(
        &Faults { error_probability: 0.03, lost_acknowledgement_probability: 0.05, ..Faults::default() },
        false,
        true,
    );
}

#[test]
fn stale_listings_never_leave_a_snapshot_that_cannot_be_read() {
    // A listing may lack a pack as well, so one may stay without a name.
    let faults = Faults {
        error_probability: 0.03,
        lost_acknowledgement_probability: 0.05,
        stale_listing_probability: 0.2,
        ..Faults::default()
    };
    survive(&faults, false, false);
}

#[test]
fn torn_writes_harm_no_earlier_snapshot() {
    let faults = Faults {
        torn_write_probability: 0.05,
        stall_probability: 0.05,
        stall: std::time::Duration::from_millis(3),
        ..Faults::default()
    };
    survive(&faults, true, false);
}
