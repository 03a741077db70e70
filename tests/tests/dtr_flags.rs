//! What an operator may say of a DTR's backup, version by version, and what comes of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use dtrvault_tests::dtr::{Blobs, Dtr, Fault, Layout};
use dtrvault_tests::{Run, Vault, with_engine};

fn snapshot(vault: &Vault, dtr: &Dtr, more: &[&str]) -> Run {
    vault.run([&["snapshot", "--json", "--replica-id", dtr.replica()], more].concat())
}

#[test]
fn a_version_is_given_the_flags_that_it_has() {
    with_engine("a_version_is_given_the_flags_that_it_has", |engine| {
        let new = Dtr::start(&engine, "2.9.29", Layout::new(1));
        let old = Dtr::start(&engine, "2.4.0", Layout::new(2));
        let (of_new, of_old) = (new.vault(), old.vault());
        let all = snapshot(&of_new, &new, &[]).ok().json();
        let less = ["--ignore-events-table", "--ignore-scan-data"];
        let less = snapshot(&of_new, &new, &less).ok().json();
        let members = |json: &serde_json::Value| json["metadata"]["members"].as_u64().unwrap();
        assert!(members(&less) < members(&all));
        snapshot(&of_new, &new, &["--offline-backup"]).exits(2).tells("load balancer").tells("--yes");
        let offline = snapshot(&of_new, &new, &["--offline-backup", "--yes"]).ok().json();
        assert!(offline["metadata"]["root"].as_str().unwrap().ends_with("-offline"));
        for flag in ["--ignore-events-table", "--ignore-scan-data"] {
            snapshot(&of_old, &old, &[flag]).exits(2).tells("DTR 2.4.0 has no flag").tells(flag);
        }
        snapshot(&of_old, &old, &["--offline-backup", "--yes"]).exits(2).tells("has no flag");
        assert!(old.asked().is_empty(), "DTR was not even asked");
        snapshot(&of_new, &new, &["--backup-arg", "--of-tomorrow"]).exits(1).tells("of-tomorrow");
        snapshot(&of_new, &new, &["--image", "mirantis/dtr:9.9.9"]).exits(1).tells("docker pull");
        of_new.run(["snapshot", "--replica-id", "ffffffffffff"]).exits(2).tells("knows no replica");
        of_new.run(["snapshot", "--replica-id", "xyz"]).exits(2).tells("12 hexadecimal digits");
    });
}

#[test]
fn a_table_that_must_be_there_is_missed() {
    with_engine("a_table_that_must_be_there_is_missed", |engine| {
        let dtr = Dtr::start(&engine, "2.9.29", Layout::new(11));
        let vault = dtr.vault();
        dtr.fails(Fault::MissingTable("manifests".into()));
        snapshot(&vault, &dtr, &[]).exits(1).tells("lacks tables").tells("manifests");
        assert_eq!(vault.run(["snapshots", "--json"]).ok().json()["snapshots"].as_array().unwrap().len(), 0);
    });
}

#[test]
fn image_content_is_read_where_it_is() {
    with_engine("image_content_is_read_where_it_is", |engine| {
        let dtr = Dtr::start(&engine, "2.9.29", Layout { nfs: true, ..Layout::new(21) });
        let vault = dtr.vault();
        let seen = snapshot(&vault, &dtr, &[]).ok().json();
        assert_eq!(seen["dtr"]["storage"], "nfs");
        // An object store is named; here by a folder.
        let place = dtr.registry_folder().display().to_string();
        let named = snapshot(&vault, &dtr, &["--dtr", "--registry", &place]).ok().json();
        assert_eq!(
            (named["images"]["location"].as_str(), &named["complete"]),
            (Some(place.as_str()), &true.into())
        );
        snapshot(&vault, &dtr, &["--dry-run"]).exits(2).tells("--registry");
    });
}

#[test]
fn what_metadata_names_must_be_among_the_images() {
    with_engine("what_metadata_names_must_be_among_the_images", |engine| {
        for (number, blobs) in [(31, Blobs::ByDigest), (32, Blobs::ById)] {
            let dtr = Dtr::start(&engine, "2.9.29", Layout { blobs: Some(blobs), ..Layout::new(number) });
            let vault = dtr.vault();
            let largest = walk(&dtr.registry_folder().join("docker/registry/v2/blobs"));
            std::fs::remove_file(largest).unwrap();
            let run = snapshot(&vault, &dtr, &[]).exits(3).tells("acme/");
            assert_eq!(run.json()["complete"], false);
            let run = vault.run(["restore", "--snapshot", "latest", "--yes", "--destroy"]);
            run.exits(1).tells("--allow-incomplete");
        }
    });
}

/// The largest file below a folder.
fn walk(folder: &std::path::Path) -> std::path::PathBuf {
    let mut folders = vec![folder.to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else {
                files.push((entry.metadata().unwrap().len(), entry.path()));
            }
        }
    }
    files.into_iter().max().unwrap().1
}

#[test]
fn without_a_dtr_or_an_engine_it_is_said_what_to_do() {
    with_engine("without_a_dtr_or_an_engine_it_is_said_what_to_do", |engine| {
        let mut vault = Vault::init();
        vault.set("DOCKER_HOST", "unix:///nowhere/docker.sock");
        vault.run(["snapshot"]).exits(1).tells("does not answer").tells("--docker-host");
        vault.set("DOCKER_HOST", "ssh://host");
        vault.run(["snapshot"]).exits(2).tells("SSH");
        vault.set("DOCKER_HOST", engine.host().as_str());
        vault.run(["snapshot"]).exits(2).tells("--ucp-url");
        vault.set("UCP_URL", "127.0.0.1:1");
        vault.set("UCP_USERNAME", "admin");
        vault.run(["snapshot"]).exits(2).tells("UCP_PASSWORD");
    });
}
