//! The main job with the repository, the registry and the restored files in buckets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;

use dtrvault_store::testing::S3Server;
use dtrvault_tests::listing::{assert_same, listing};
use dtrvault_tests::{DtrTables, Storage, Vault, Words, gzip, plain_layer, shapes};

/// An operator with a bucket.
fn in_a_bucket() -> (S3Server, Vault) {
    let server = S3Server::start().expect("an S3 server; `make packages` installs what it needs");
    server.create_bucket("backups").unwrap();
    server.create_bucket("registry").unwrap();
    let mut vault = Vault::new();
    for (name, value) in server.environment() {
        vault.set(&name, value.as_str());
    }
    vault.set("DTRVAULT_REPO", "s3://backups/of/the/registry");
    (server, vault)
}

#[test]
fn a_repository_in_a_bucket_does_the_main_job() {
    let (_server, mut vault) = in_a_bucket();
    vault.run(["snapshots"]).exits(10);
    vault.run(["init"]).ok();
    vault.run(["init"]).exits(1);
    let storage = Storage::create(vault.at("registry"));
    let mut tar = Vec::new();
    for n in 0..2 {
        let layers = [gzip(&plain_layer(1, 1), 6), Words::new(n).bytes(5 << 20)];
        storage.image("acme/app", &format!("v{n}"), &layers);
        tar = DtrTables::of(&storage).tar(600, 1);
        fs::write(vault.at("m.tar"), &tar).unwrap();
        vault.run(["snapshot", "--registry", "registry", "--metadata", "m.tar"]).ok();
    }
    let again = vault.run(["snapshot", "--registry", "registry", "--json"]);
    assert_eq!(shapes::number(&again.ok().json(), "stats.new_chunks"), 0);

    // Another machine: no cache.
    vault.set("DTRVAULT_CACHE_DIR", vault.at("cache-2").to_str().unwrap().to_owned().as_str());
    vault.run(["check", "--read-data"]).ok();
    let metadata = ["export", "--tar", "--part", "metadata"];
    let second = vault.ids().remove(1);
    let done = vault.run(metadata.iter().chain(&["--snapshot", &second]));
    assert!(done.ok().stdout == tar);
    vault.run(["restore", "--snapshot", "latest", "--target", "out"]).ok();
    assert_same(&listing(storage.root()), &listing(&vault.at("out")));
}

#[test]
fn a_registry_in_a_bucket_is_stored_and_restored() {
    let (_server, mut vault) = in_a_bucket();
    let repo = vault.repo();
    vault.set("DTRVAULT_REPO", repo.to_str().unwrap());
    vault.run(["init"]).ok();
    let storage = Storage::create(vault.at("registry"));
    let layers = [gzip(&plain_layer(1, 1), 6), Words::new(1).bytes(300_000)];
    storage.image("acme/app", "v1", &layers);
    vault.run(["snapshot", "--registry", "registry"]).ok();
    // Into a bucket, out of the bucket, back to files: the same bytes under the same names.
    let bucket = "s3://registry/storage";
    vault.run(["restore", "--snapshot", "latest", "--target", bucket]).ok();
    let summary = vault.run(["snapshot", "--registry", bucket, "--json"]);
    let summary = summary.ok().json();
    // A listing of its own, since a bucket has no modes and owners; no content.
    assert!(shapes::number(&summary, "stats.new_bytes") < 8192, "{summary:#}");
    vault.run(["restore", "--snapshot", "latest", "--target", "out"]).ok();
    let (before, after) = (listing(storage.root()), listing(&vault.at("out")));
    for (path, item) in &before {
        if item.kind == "file" {
            assert_eq!(after.get(path).map(|i| &i.content), Some(&item.content), "{path}");
        }
    }
}

#[test]
fn a_server_that_is_not_there_is_a_failure_and_no_empty_repository() {
    let mut vault = Vault::new();
    for (name, value) in [
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("AWS_ALLOW_HTTP", "true"),
        ("AWS_ACCESS_KEY_ID", "x"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
        ("AWS_REGION", "us-east-1"),
        ("DTRVAULT_REPO", "s3://backups/x"),
    ] {
        vault.set(name, value);
    }
    let done = vault.run(["snapshots"]).exits(1);
    assert!(!done.stderr.contains("SECRET"), "{}", done.stderr);
}
