//! What an operation costs, in store calls.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::sync::Arc;

use common::{PASSWORD, Vault, memory, noise, store};
use dtrvault_repo::write::Class;
use dtrvault_store::fault::{Faults, Faulty};

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
    let repo = vault.open_unread(PASSWORD, "cache").unwrap();
    store(&repo, Class::Fine, &bytes);
    let calls: Vec<String> = faulty.calls().iter().map(ToString::to_string).collect();
    assert_eq!(
        calls,
        [
            "get config",
            "list keys",
            "get keys",
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
