//! A writer that is killed while it takes a segment into its cache: the cache goes on from what
//! `index/` says, with whatever the kill left in its files.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::crash::assert_all_named;
use common::{PASSWORD, TestClock, Vault, noise, read_out, store};
use dtrvault_repo::write::Class;
use dtrvault_repo::{Backend, OpenOptions, Repository};
use dtrvault_store::StoreOptions;
use tokio::runtime::Runtime;

/// Says to the child which folder is its parent's.
const CHILD: &str = "DTRVAULT_TEST_KILLED_IN";

/// Kills that must have come between a segment and the cache's mark for it.
const HITS: u32 = 6;

/// Takes one snapshot after another until it is killed.
fn write_until_killed(dir: &Path) -> ! {
    let runtime = Runtime::new().unwrap();
    let url = dir.join("store");
    let options = OpenOptions {
        pack_bytes: 1 << 20,
        index_memory_bytes: 8 << 20,
        clock: std::sync::Arc::new(TestClock::default()),
        ..OpenOptions::new(dir.join("cache"), "host".to_owned())
    };
    let open = || dtrvault_store::open(url.to_str().unwrap(), &StoreOptions::default()).unwrap();
    let repo =
        Repository::open_unread(Backend::new(open(), runtime.handle().clone()), PASSWORD, options).unwrap();
    for seed in u64::from(std::process::id()) * 1000.. {
        store(&repo, Class::Fine, &noise(seed, 1_500_000));
    }
    unreachable!()
}

/// Starts the writer, and kills it `delay` after a segment of it is durable.
fn kill_after_a_segment(vault: &Vault, delay: Duration) {
    let before = vault.objects("index").len();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_cache_whose_writer_was_killed_goes_on"])
        .env(CHILD, vault.dir.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let ended = |child: &mut Child| child.try_wait().unwrap();
    while vault.objects("index").len() == before {
        assert_eq!(ended(&mut child), None, "the writer ended by itself");
        std::thread::sleep(Duration::from_micros(200));
    }
    std::thread::sleep(delay);
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success());
}

#[test]
fn a_cache_whose_writer_was_killed_goes_on() {
    if let Some(dir) = std::env::var_os(CHILD) {
        write_until_killed(Path::new(&dir));
    }
    let vault = Vault::new();
    let mut hits = 0;
    for round in 0..100 {
        kill_after_a_segment(&vault, Duration::from_millis(round % 8));
        let when = format!("round {round}");
        let repo = vault.open_unread(PASSWORD, "cache").unwrap();
        let (cached, stored) = (repo.index().segments().unwrap(), repo.segment_ids().unwrap());
        assert!(cached.iter().all(|id| stored.contains(id)), "{when}");
        hits += u32::from(cached.len() < stored.len());
        let (_, stream) = store(&repo, Class::Fine, &noise(1_000_000 + round, 20_000));
        assert_eq!(read_out(&repo, &stream).0, noise(1_000_000 + round, 20_000), "{when}");
        assert_all_named(&repo, &when);
        for cache in ["cache", "fresh cache"] {
            let repo = vault.open_with(PASSWORD, cache).unwrap();
            let listed = repo.snapshots().unwrap();
            assert!(listed.damaged.is_empty(), "{when}");
            for (id, snapshot) in listed.sound {
                let (bytes, error) = read_out(&repo, &snapshot.images.unwrap().tree);
                assert!(error.is_none() && !bytes.is_empty(), "{when}, {cache}: {id}: {error:?}");
            }
        }
        if hits == HITS {
            return;
        }
    }
    panic!("only {hits} of 100 kills came before the cache had the segment");
}
