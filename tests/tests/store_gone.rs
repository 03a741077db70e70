//! The store goes away in the middle of a snapshot: for a while, for longer than anybody waits,
//! behind a line that lets nothing through; and so does the registry.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::process::Child;
use std::time::{Duration, Instant};

use dtrvault_store::testing::{Ending, Proxy, Weather};
use dtrvault_tests::{Cloud, MainJob, Vault, Words};

/// So slow that a snapshot of some MiB takes seconds.
const SLOW: Weather =
    Weather { seed: 0, cut_percent: 0, cut_within_bytes: 0, endings: &[], bytes_per_second: Some(1 << 20) };

/// An operator with one evening behind him.
fn begun(cloud: &Cloud) -> (Vault, Proxy, MainJob) {
    let (vault, line) = cloud.operator(Weather::default());
    let job = MainJob::begun(&vault, 300_000);
    (vault, line, job)
}

/// Starts a run, and waits until it is in the middle of what it sends or fetches.
fn in_the_middle(vault: &Vault, line: &Proxy, args: &[&str]) -> Child {
    line.set(SLOW);
    let before = line.bytes();
    let run = vault.start(args);
    let end = Instant::now() + Duration::from_secs(60);
    while line.bytes() < before + (2 << 20) {
        assert!(Instant::now() < end, "it sends nothing");
        std::thread::sleep(Duration::from_millis(5));
    }
    run
}

#[test]
fn a_store_that_comes_back_in_time_was_never_away() {
    let cloud = Cloud::s3();
    let (mut vault, line, mut job) = begun(&cloud);
    let tar = job.change(&vault);
    job.storage().blob(&Words::new(9).bytes(5 << 20));
    let run = in_the_middle(&vault, &line, &MainJob::SNAPSHOT);
    line.take_down();
    // Longer than ten hasty tries take.
    std::thread::sleep(Duration::from_secs(4));
    line.set(Weather::default());
    line.bring_up();
    job.taken(&Vault::wait(run).ok().json(), tar);
    job.hold(&mut vault);
}

#[test]
fn a_store_that_stays_away_is_told_and_nothing_is_lost() {
    let cloud = Cloud::s3();
    let (mut vault, line, mut job) = begun(&cloud);
    vault.set("DTRVAULT_RETRY_TIME", "1s");
    let tar = job.change(&vault);
    job.storage().blob(&Words::new(9).bytes(5 << 20));
    let run = in_the_middle(&vault, &line, &MainJob::SNAPSHOT);
    line.take_down();
    Vault::wait(run).exits(1).tells("s3://backups/of/the/registry does not answer").tells("run it again");
    vault.run(["snapshots"]).exits(1).tells("does not answer");
    line.set(Weather::default());
    line.bring_up();
    job.hold(&mut vault);
    job.taken(&MainJob::snapshot(&vault).ok().json(), tar);
    job.hold(&mut vault);
}

#[test]
fn a_line_that_lets_nothing_through_is_told_and_nothing_is_lost() {
    let cloud = Cloud::azure();
    let (mut vault, line, mut job) = begun(&cloud);
    vault.set("DTRVAULT_RETRY_TIME", "2s");
    vault.set("DTRVAULT_TIMEOUT", "1s");
    let tar = job.change(&vault);
    for endings in [Ending::NOTICED, &[Ending::Stalled], &[Ending::HalfOpen]] {
        line.set(Weather {
            seed: 1,
            cut_percent: 100,
            cut_within_bytes: 200,
            endings,
            bytes_per_second: None,
        });
        // Those that are open are of better days.
        line.take_down();
        line.bring_up();
        MainJob::snapshot(&vault).exits(1).tells("az://backups/of/the/registry");
    }
    line.set(Weather::default());
    job.taken(&MainJob::snapshot(&vault).ok().json(), tar);
    job.hold(&mut vault);
}

#[test]
fn a_registry_that_goes_away_is_no_empty_one() {
    let cloud = Cloud::s3();
    let (mut vault, line, job) = begun(&cloud);
    job.storage().blob(&Words::new(9).bytes(5 << 20));
    let bucket = "s3://registry/storage";
    vault.run(["snapshot", "--registry", "registry"]).ok();
    vault.run(["restore", "--snapshot", "latest", "--target", bucket]).ok();

    let local = vault.repo();
    vault.set("DTRVAULT_REPO", local.to_str().unwrap());
    vault.set("DTRVAULT_RETRY_TIME", "1s");
    vault.run(["init"]).ok();
    let run = in_the_middle(&vault, &line, &["snapshot", "--registry", bucket]);
    line.take_down();
    Vault::wait(run).exits(1).tells(bucket).tells("does not answer");
    assert!(vault.ids().is_empty());
    line.set(Weather::default());
    line.bring_up();
    vault.run(["snapshot", "--registry", bucket]).ok();
    vault.run(["check", "--read-data"]).ok();
}
