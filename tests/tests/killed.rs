//! Killed at any moment: what was there stays whole, and the next run goes on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::time::{Duration, Instant};

use dtrvault_tests::listing::{assert_same, listing};
use dtrvault_tests::{Storage, Vault, Words};

#[test]
fn a_killed_snapshot_harms_nothing() {
    let vault = Vault::init();
    let storage = Storage::create(vault.at("registry"));
    storage.image("acme/app", "v0", &[b"small".to_vec()]);
    vault.run(["snapshot", "--registry", "registry"]).ok();
    let first = listing(storage.root());
    for n in 0..6 {
        storage.blob(&Words::new(n).bytes(16 << 20));
    }
    // How long a whole run takes is not known: kill ever later, until one gets through.
    let args = ["snapshot", "--registry", "registry"];
    let mut killed = 0;
    for moment in 1.. {
        let begun = Instant::now();
        let mut run = vault.start(args);
        let end = begun + Duration::from_millis(120 * moment);
        let done = loop {
            if let Some(done) = run.try_wait().unwrap() {
                break done;
            }
            if Instant::now() >= end {
                run.kill().unwrap();
                break run.wait().unwrap();
            }
            std::thread::sleep(Duration::from_millis(3));
        };
        if done.signal().is_none() {
            assert_eq!(done.code(), Some(0));
            break;
        }
        killed += 1;
        if killed % 4 == 0 {
            vault.run(["check", "--read-data"]).ok();
        }
    }
    assert!(killed > 0);
    vault.run(["check", "--read-data"]).ok();
    vault.run(["restore", "--snapshot", "latest", "--target", "out"]).ok();
    assert_same(&listing(storage.root()), &listing(&vault.at("out")));

    let oldest = vault.ids().remove(0);
    vault.run(["restore", "--snapshot", &oldest, "--target", "old"]).ok();
    let old = listing(&vault.at("old"));
    for (path, item) in first.iter().filter(|(_, item)| item.kind == "file") {
        assert_eq!(Some(&item.content), old.get(path).map(|i| &i.content), "{path}");
    }
}

#[test]
fn an_interrupted_run_says_so_and_leaves_no_lease() {
    let vault = Vault::init();
    fs::write(vault.at("big"), Words::new(1).bytes(160 << 20)).unwrap();
    let run = vault.start(["snapshot", "--metadata", "big"]);
    let pid = rustix::process::Pid::from_child(&run);
    // Not before it has begun to work.
    let begun = Instant::now();
    while vault.objects("leases").is_empty() && begun.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(2));
    }
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    Vault::wait(run).exits(130);
    assert!(vault.objects("leases").is_empty());
    assert!(vault.objects("snapshots").is_empty());
    vault.run(["check", "--read-data"]).ok();
    vault.run(["snapshot", "--metadata", "big"]).ok();
}
