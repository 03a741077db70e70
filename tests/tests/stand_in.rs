//! The stand-in for DTR is as strict as the real one is thought to be, and stricter: else tests
//! against it would show nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::Duration;

use dtrvault_tests::dtr::{Blobs, Dtr, Fault, Layout};
use dtrvault_tests::{DockerEngine, Run, digest_of, plain_layer, with_engine};
use serde_json::Value;

fn backup(dtr: &Dtr, more: &[&str]) -> Run {
    dtr.run(&[&["backup", "--existing-replica-id", dtr.replica()], more].concat(), b"")
}

fn destroy(dtr: &Dtr) -> Run {
    dtr.run(&["destroy", "--replica-id", dtr.replica()], b"")
}

fn restore(dtr: &Dtr, more: &[&str], tar: &[u8]) -> Run {
    dtr.run(&[&["restore", "--replica-id", dtr.replica()], more].concat(), tar)
}

const HERE: &str = "--dtr-use-default-storage";

fn names(tar: &[u8]) -> Vec<String> {
    let mut archive = tar::Archive::new(tar);
    let paths = archive.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().display().to_string());
    paths.collect()
}

#[test]
fn what_is_backed_up_destroyed_and_restored_has_the_same_rows() {
    with_engine("what_is_backed_up_destroyed_and_restored_has_the_same_rows", |engine| {
        for (number, version, root) in [
            (1, "2.4.0", "dtr-backup-v2.4.0/"),
            (2, "2.7.0", "dtr-backup-v2.7.0-online/"),
            (3, "2.10.0", "dtr-backup-v2.10.0-online/"),
        ] {
            let dtr = Dtr::start(&engine, version, Layout::new(number));
            assert_eq!((dtr.running().len(), dtr.volumes().len()), (9, 5), "{version}");
            let (rows, containers, volumes) = (dtr.rows(), dtr.containers(), dtr.volumes());
            let first = backup(&dtr, &[]).ok().stdout;
            let second = backup(&dtr, &["--debug"]).ok().tells("level=debug").stdout;
            assert!(names(&first)[0] == root && first.len() == second.len() && first != second);
            destroy(&dtr).ok();
            assert!(dtr.containers().is_empty() && dtr.volumes().is_empty());
            assert!(!dtr.registry_folder().exists());
            let storage: &[&str] = if version == "2.4.0" { &[] } else { &[HERE] };
            restore(&dtr, storage, &first).ok();
            assert!(dtr.rows() == rows, "{version}");
            assert_eq!((dtr.containers(), dtr.volumes()), (containers, volumes));
            assert!(dtr.registry_folder().read_dir().unwrap().next().is_none());
            let asked: Vec<_> = dtr.asked().into_iter().map(|ask| ask.command).collect();
            assert_eq!(asked, ["backup", "backup", "destroy", "restore"]);
        }
    });
}

#[test]
fn who_is_not_let_in_gets_nothing() {
    with_engine("who_is_not_let_in_gets_nothing", |engine| {
        let dtr = Dtr::start(&engine, "2.9.29", Layout::new(11));
        let with = |docker: &[&str], more: &[&str]| {
            let docker = [&["--log-driver", "none"], docker].concat();
            let command = [&["backup", "--existing-replica-id", dtr.replica()], more].concat();
            let run = dtr.run_with(&docker, &command, b"").exits(1);
            assert!(run.stdout.is_empty());
            run
        };
        with(&["--env", "UCP_PASSWORD=guess"], &[]).tells("authenticate");
        with(&["--env", "UCP_PASSWORD="], &[]).tells("--ucp-password is needed");
        with(&["--env", "UCP_CA="], &[]).tells("certificate");
        let other = dtrvault_tests::certificates::Authority::new("another").pem();
        with(&["--env", &format!("UCP_CA={other}")], &[]).tells("certificate");
        with(&["--env", "UCP_URL=http://10.0.0.1"], &[]).tells("https only");
        with(&["--env", "DTR_STORAGE_VOLUME=some"], &[]).tells("no variable");
        with(&["--env", "DTR_IGNORE_SCAN_DATA=1"], &[]).tells("no variable");
        with(&[], &["--config-only"]).tells("not defined");
        with(&[], &["--ucp-password", "Gänse, $füße & \"more\""]).tells("for all to see");
        let run = dtr.run(&["backup", "--existing-replica-id", "ffffffffffff"], b"");
        run.exits(1).tells("does not exist");
        // Whoever has no authority may still say that he does not care.
        let insecure = ["--log-driver", "none", "--env", "UCP_CA=", "--env", "UCP_INSECURE_TLS=1"];
        dtr.run_with(&insecure, &["backup", "--existing-replica-id", dtr.replica()], b"").ok();
    });
}

#[test]
fn a_backup_neither_passes_a_terminal_nor_a_log() {
    with_engine("a_backup_neither_passes_a_terminal_nor_a_log", |engine| {
        let dtr = Dtr::start(&engine, "2.9.29", Layout::new(21));
        let command = ["backup", "--existing-replica-id", dtr.replica()];
        let run = dtr.run_with(&[], &command, b"").exits(1).tells("log driver");
        assert!(run.stdout.is_empty());
        let mut args =
            vec!["create".to_owned(), "--tty".to_owned(), "--name".to_owned(), "at-terminal".to_owned()];
        for (name, value) in dtr.environment() {
            args.extend(["--env".to_owned(), format!("{name}={value}")]);
        }
        args.push(dtr.image().to_owned());
        args.extend(command.map(str::to_owned));
        engine.docker(&args);
        engine.try_docker(&["start", "--attach", "at-terminal"]).exits(1).tells("TTY");
        engine.docker(&["rm", "at-terminal"]);
    });
}

#[test]
fn only_a_whole_backup_of_the_same_version_is_restored() {
    with_engine("only_a_whole_backup_of_the_same_version_is_restored", |engine| {
        let dtr = Dtr::start(&engine, "2.9.29", Layout::new(31));
        let tar = backup(&dtr, &["--ignore-events-table", "--ignore-scan-data"]).ok().stdout;
        let listed = names(&tar);
        assert!(!listed.iter().any(|name| name.contains("/events/") || name.contains("/scanned_")));
        restore(&dtr, &[HERE], &tar).exits(1).tells("destroy it first");
        dtr.fails(Fault::MissingTable("tags".to_owned()));
        let lacking = backup(&dtr, &[]).ok().stdout;
        let old = Dtr::start(&engine, "2.7.0", Layout::new(32));
        let of_old = backup(&old, &[]).ok().stdout;
        dtr.destroy_all();

        restore(&dtr, &[], &tar).exits(1).tells("one of --dtr-use-default-storage");
        restore(&dtr, &[HERE], &of_old).exits(1).tells("2.7.0");
        restore(&dtr, &[HERE], b"").exits(1).tells("empty");
        restore(&dtr, &[HERE], &tar[..tar.len() - 1024]).exits(1).tells("cut");
        restore(&dtr, &[HERE], &tar[..tar.len() / 2]).exits(1).tells("archive/tar");
        restore(&dtr, &[HERE], &[&tar[..], b"junk"].concat()).exits(1).tells("cut");
        restore(&dtr, &["--dtr-storage-volume", "nowhere"], &tar).exits(1).tells("does not exist");
        restore(&dtr, &[HERE], &lacking).exits(1).tells("table tags");
        let mut other = tar::Builder::new(Vec::new());
        other.append_dir("images", "/").unwrap();
        restore(&dtr, &[HERE], &other.into_inner().unwrap()).exits(1).tells("not the root");
        assert!(dtr.containers().is_empty() && dtr.volumes().is_empty());
        restore(&dtr, &["--nfs-storage-url", "nfs://files/dtr"], &tar).ok();
        assert!(dtr.volumes().iter().any(|name| name.starts_with("dtr-nfs-registry-")));
        assert!(!dtr.rows().contains_key("events"));
        old.destroy_all();
    });
}

#[test]
fn rows_are_true_to_what_is_on_the_volume() {
    with_engine("rows_are_true_to_what_is_on_the_volume", |engine| {
        for (number, version) in [(81, "2.4.0"), (82, "2.9.29")] {
            let dtr = Dtr::start(&engine, version, Layout::new(number));
            dtr.push_by(Blobs::ByDigest, &[("acme/old", "1", vec![plain_layer(5, 0)])]);
            dtr.push(&[("acme/app", "3", vec![plain_layer(1, 0), plain_layer(2, 3)])]);
            let rows = dtr.rows();
            let of = |table: &str| -> Vec<Value> {
                rows.get(table).into_iter().flatten().map(|row| serde_json::from_str(row).unwrap()).collect()
            };
            let blobs = dtr.registry_folder().join("docker/registry/v2/blobs");
            let mut known = BTreeSet::new();
            for row in of("blobs") {
                let id = row["id"].as_str().unwrap();
                let bytes = std::fs::read(blobs.join(format!("id/{}/{id}/data", &id[..2]))).unwrap();
                assert_eq!(digest_of(&bytes), format!("sha256:{}", row["sha256sum"].as_str().unwrap()));
                known.insert(digest_of(&bytes));
            }
            assert_eq!(known.is_empty(), version == "2.4.0");
            let there = |digest: &str| {
                let hex = digest.trim_start_matches("sha256:");
                known.contains(digest) || blobs.join(format!("sha256/{}/{hex}/data", &hex[..2])).exists()
            };
            let manifests = of("manifests");
            for row in &manifests {
                assert_eq!(row["digest"], digest_of(row["payload"].as_str().unwrap().as_bytes()));
                let layers = row["layers"].as_array().unwrap().iter().map(|layer| &layer["digest"]);
                assert!(layers.chain([&row["configDigest"]]).all(|digest| there(digest.as_str().unwrap())));
            }
            let tags = of("tags");
            assert_eq!((tags.len(), manifests.len()), (5, 5));
            assert!(tags.iter().all(|tag| manifests.iter().any(|row| row["pk"] == tag["digestPK"])));
        }
    });
}

#[test]
fn it_fails_as_it_is_told_to() {
    with_engine("it_fails_as_it_is_told_to", |engine| {
        let dtr = Dtr::start(&engine, "2.9.29", Layout::new(41));
        let whole = backup(&dtr, &[]).ok().stdout.len();
        dtr.fails(Fault::Exit { after: 5000, code: 7 });
        assert_eq!(backup(&dtr, &[]).exits(7).stdout.len(), 5000);
        dtr.fails(Fault::Cut { after: 5000 });
        assert_eq!(backup(&dtr, &[]).ok().stdout.len(), 5000);
        dtr.fails(Fault::NoEndBlocks);
        assert_eq!(backup(&dtr, &[]).ok().stdout.len(), whole - 1024);
        dtr.fails(Fault::Garbage(b"Unable to find image\n".to_vec()));
        assert!(backup(&dtr, &[]).ok().stdout.starts_with(b"Unable"));
        dtr.fails(Fault::Chatter { bytes: 2 << 20 });
        let run = backup(&dtr, &[]).ok();
        assert!(run.stdout.len() == whole && run.stderr.len() > 2 << 20);
        dtr.fails(Fault::MissingTable("tags".to_owned()));
        assert!(!names(&backup(&dtr, &[]).ok().stdout).iter().any(|name| name.contains("/tags/")));
        dtr.fails(Fault::Killed { after: 5000 });
        backup(&dtr, &[]).exits(137);
        dtr.fails(Fault::Slow(Duration::from_millis(1)));
        assert_eq!(backup(&dtr, &[]).ok().stdout.len(), whole);
        stalls(&engine, &dtr);

        dtr.fails(None);
        let tar = backup(&dtr, &["--offline-backup"]).ok().stdout;
        assert_eq!((names(&tar)[0].as_str(), dtr.running().len()), ("dtr-backup-v2.9.29-offline/", 9));
        dtr.fails(Fault::DestroyBreaks);
        destroy(&dtr).exits(1);
        assert!(dtr.containers().is_empty() && dtr.volumes().len() == 5);
        dtr.fails(Fault::RestoreBreaks);
        destroy(&dtr).ok();
        restore(&dtr, &[HERE], &tar).exits(1).tells("lost contact with primary replica");
        assert!(dtr.containers().is_empty() && dtr.volumes().len() == 5);
    });
}

fn stalls(engine: &DockerEngine, dtr: &Dtr) {
    dtr.fails(Fault::Stall { after: 5000 });
    let mut command = engine.command();
    command.args(["run", "-i", "--rm", "--log-driver", "none", "--name", "stalled"]);
    for (name, value) in dtr.environment() {
        command.arg("--env").arg(format!("{name}={value}"));
    }
    command.args([dtr.image(), "backup", "--existing-replica-id", dtr.replica()]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(2));
    assert!(child.try_wait().unwrap().is_none());
    engine.docker(&["kill", "stalled"]);
    child.wait().unwrap();
}

#[test]
fn secrets_are_told_when_it_is_told_to() {
    with_engine("secrets_are_told_when_it_is_told_to", |engine| {
        let dtr = Dtr::start(&engine, "2.9.29", Layout::new(51));
        assert!(!backup(&dtr, &["--debug"]).ok().stderr.contains("füße"));
        dtr.tells_secrets();
        backup(&dtr, &["--debug"]).ok().tells("füße");
    });
}

#[test]
fn the_database_needs_a_majority_of_replicas() {
    with_engine("the_database_needs_a_majority_of_replicas", |engine| {
        let layout = Layout { nfs: true, ..Layout::new(61) };
        let dtr = Dtr::start(&engine, "2.9.29", layout);
        let second = "0000000000aa";
        let port =
            std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
        let existing = ["--existing-replica-id", dtr.replica()];
        let join =
            [&["join"], &existing[..], &["--replica-id", second, "--replica-https-port", &port]].concat();
        dtr.run(&join, b"").ok();
        backup(&dtr, &[]).ok();
        let containers = engine.docker(&["ps", "--format", "{{.Names}}"]);
        assert!(containers.lines().filter(|name| name.ends_with(second)).count() == 9, "{containers}");
        engine.docker(&["stop", &format!("dtr-rethinkdb-{second}")]);
        backup(&dtr, &[]).exits(1).tells("quorum");
        dtr.run(&[&["emergency-repair"], &existing[..]].concat(), b"").ok();
        backup(&dtr, &[]).ok();
        dtr.run(&[&["remove"], &existing[..], &["--replica-ids", second]].concat(), b"")
            .exits(1)
            .tells("not exist");
    });
}

#[test]
fn both_web_servers_give_the_authority_they_are_known_by() {
    with_engine("both_web_servers_give_the_authority_they_are_known_by", |engine| {
        let dtr = Dtr::start(&engine, "2.9.29", Layout::new(91));
        let place = tempfile::tempdir().unwrap();
        let fetch = |url: &str, trust: &[&str]| {
            let output =
                std::process::Command::new("curl").args(["--silent", "--fail", url]).args(trust).output();
            output
                .ok()
                .filter(|done| done.status.success())
                .map(|done| String::from_utf8(done.stdout).unwrap())
        };
        for url in [dtr.url(), dtr.ucp_url()].map(|url| format!("{url}/ca")) {
            assert_eq!(fetch(&url, &[]), None);
            let pem = fetch(&url, &["--insecure"]).unwrap();
            let path = place.path().join("ca.pem");
            std::fs::write(&path, &pem).unwrap();
            assert_eq!(fetch(&url, &["--cacert", path.to_str().unwrap()]).as_ref(), Some(&pem));
            assert_eq!(url.starts_with(&dtr.ucp_url()), pem == dtr.ucp_ca());
        }
    });
}

#[test]
fn the_registry_is_made_read_only_and_a_backup_keeps_that() {
    with_engine("the_registry_is_made_read_only_and_a_backup_keeps_that", |engine| {
        let dtr = Dtr::start(&engine, "2.9.29", Layout::new(71));
        let url = format!("{}/api/v0/meta/settings", dtr.url());
        let user = "admin:Gänse, $füße & \"more\"";
        let curl = |args: &[&str]| {
            let common = ["--silent", "--insecure", "--write-out", " %{http_code}"];
            let output = std::process::Command::new("curl").args(common).args(args).output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        assert_eq!(curl(&["--user", user, &url]), "{\"readOnlyRegistry\":false} 200");
        assert!(curl(&["--user", "admin:guess", &url]).ends_with("401"));
        assert!(curl(&["--user", user, "--data", "{\"readOnly\":true}", &url]).ends_with("400"));
        assert!(!dtr.is_read_only());
        assert!(curl(&["--user", user, "--data", "{\"readOnlyRegistry\":true}", &url]).ends_with("202"));
        assert!(dtr.is_read_only());
        let tar = backup(&dtr, &[]).ok().stdout;
        dtr.destroy_all();
        restore(&dtr, &[HERE], &tar).ok();
        assert!(dtr.is_read_only());
        let parts: BTreeSet<_> = dtr.containers();
        assert!(parts.contains(&format!("dtr-registry-{}", dtr.replica())));
    });
}
