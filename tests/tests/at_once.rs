//! Several things at once: snapshots of two hosts, and a snapshot beside whoever reads, restores,
//! checks, or changes keys.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::io::Write as _;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use dtrvault_store::testing::Weather;
use dtrvault_tests::listing::{assert_same, listing};
use dtrvault_tests::{Cloud, MainJob, Storage, Vault, Words, gzip, plain_layer, shapes};

#[test]
fn snapshots_of_two_hosts() {
    let cloud = Cloud::s3();
    let (mut vault, _line) = cloud.operator(Weather::default());
    vault.run(["init"]).ok();
    let hosts = ["replica-1", "replica-2"].map(|host| {
        let storage = Storage::create(vault.at(host));
        let shared = gzip(&plain_layer(1, 1), 6);
        storage.image("acme/app", "v1", &[shared, Words::new(host.len() as u64).bytes(1 << 20)]);
        (host, storage)
    });
    let mut expected = Vec::new();
    for round in 0..3 {
        let runs: Vec<_> = hosts
            .iter()
            .map(|(host, storage)| {
                storage.blob(&Words::new(100 + round).bytes(1 << 20));
                storage.blob(format!("{host} {round}").as_bytes());
                let mut run = vault.command(["snapshot", "--json", "--registry", host]);
                run.env("DTRVAULT_HOST", host).env("DTRVAULT_CACHE_DIR", vault.at(format!("cache-{host}")));
                run.spawn().unwrap()
            })
            .collect();
        for (run, (host, storage)) in runs.into_iter().zip(&hosts) {
            let id = shapes::snapshot_id(&Vault::wait(run).ok().json());
            expected.push((id, *host, listing(storage.root())));
        }
    }
    // A third machine sees the work of both.
    vault.set("DTRVAULT_CACHE_DIR", vault.at("cache-3").to_str().unwrap().to_owned().as_str());
    vault.run(["check", "--read-data"]).ok();
    assert_eq!(vault.ids().len(), expected.len());
    for (host, _) in &hosts {
        let listed = vault.run(["snapshots", "--json", "--host", host]).ok().json();
        assert_eq!(shapes::snapshots(&listed).len(), 3, "{host}");
    }
    for (id, host, files) in expected.iter().skip(2) {
        let out = format!("out-{id}");
        vault.run(["restore", "--snapshot", id, "--target", &out]).ok();
        assert_same(files, &listing(&vault.at(out)));
        let _ = host;
    }
}

/// A snapshot that goes on until it is told to end: its metadata comes through a pipe.
struct Writer {
    run: Child,
    sent: Vec<u8>,
}

impl Writer {
    fn start(vault: &Vault) -> Self {
        let mut command = vault.command(["snapshot", "--registry", "registry", "--metadata", "-", "--json"]);
        let mut writer = Self { run: command.stdin(Stdio::piped()).spawn().unwrap(), sent: Vec::new() };
        writer.send(1);
        writer
    }

    /// Sends some more, of which a part stands in packs now.
    fn send(&mut self, seed: u64) {
        let bytes = Words::new(seed).bytes(6 << 20);
        self.run.stdin.as_mut().unwrap().write_all(&bytes).unwrap();
        self.sent.extend(bytes);
    }

    fn end(mut self) -> (dtrvault_tests::Run, Vec<u8>) {
        drop(self.run.stdin.take());
        (Vault::wait(self.run), self.sent)
    }
}

/// A vault with small packs and an evening behind it.
fn begun() -> (Vault, MainJob) {
    let mut vault = Vault::new();
    vault.set("DTRVAULT_PACK_SIZE", "1MiB");
    let job = MainJob::begun(&vault, 1 << 20);
    (vault, job)
}

fn wait_for_more_packs(vault: &Vault, than: usize) {
    let end = Instant::now() + Duration::from_secs(60);
    while vault.objects("packs").len() < than + 3 {
        assert!(Instant::now() < end, "no packs are written");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_snapshot_beside_a_check_a_restore_and_another_snapshot() {
    let (mut vault, mut job) = begun();
    let packs = vault.objects("packs").len();
    let mut writer = Writer::start(&vault);
    wait_for_more_packs(&vault, packs);
    // All that `hold` does, on what was there before, and on what comes meanwhile.
    job.hold(&mut vault);
    writer.send(2);
    job.evening(&vault);
    job.hold(&mut vault);
    let (run, sent) = writer.end();
    // It is dated by its beginning, so the other one is the latest.
    let id = shapes::snapshot_id(&run.ok().json());
    vault.run(["check", "--read-data"]).ok();
    assert!(vault.run(["export", "--tar", "--snapshot", &id, "--part", "metadata"]).ok().stdout == sent);
    assert_eq!(vault.ids()[1], id);
}

#[test]
fn keys_change_while_a_snapshot_runs() {
    let (mut vault, job) = begun();
    let packs = vault.objects("packs").len();
    let mut writer = Writer::start(&vault);
    wait_for_more_packs(&vault, packs);
    fs::write(vault.at("new"), "a better one").unwrap();
    vault.run(["key", "change-password", "--new-password-file", "new"]).ok();
    vault.run(["snapshots"]).exits(12);
    vault.set("DTRVAULT_PASSWORD", "a better one");
    fs::write(vault.at("node"), "of the node").unwrap();
    vault.run(["key", "add", "--role", "write", "--new-password-file", "node"]).ok();
    writer.send(2);
    let (run, sent) = writer.end();
    // Who was let in stays in until he is done: keys are asked for once.
    run.ok();
    assert!(vault.run(["export", "--tar", "--part", "metadata"]).ok().stdout == sent);
    vault.run(["restore", "--snapshot", "latest", "--target", "out", "--part", "images"]).ok();
    assert_same(&listing(job.storage().root()), &listing(&vault.at("out")));
    vault.run(["check", "--read-data"]).ok();
}

#[test]
fn a_lease_that_is_taken_away_commits_nothing() {
    let (mut vault, job) = begun();
    let packs = vault.objects("packs").len();
    let mut writer = Writer::start(&vault);
    wait_for_more_packs(&vault, packs);
    let leases = vault.objects("leases");
    assert_eq!(leases.len(), 1);
    fs::remove_file(&leases[0]).unwrap();
    writer.send(2);
    let (run, sent) = writer.end();
    let run = run.exits(11).tells("lease").tells("nothing was committed").tells("run it again");
    assert_eq!(shapes::text(&run.json(), "error.kind"), "lease-lost");
    job.hold(&mut vault);

    let again = vault.feed(["snapshot", "--metadata", "-", "--json"], &sent).ok();
    assert!(vault.run(["export", "--tar"]).ok().stdout == sent);
    let new = shapes::number(&again.json(), "stats.new_bytes");
    assert!(new < sent.len() as u64 / 2, "{new} of {} bytes were stored again", sent.len());
}
