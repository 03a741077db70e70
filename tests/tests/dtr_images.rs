//! What the metadata of a DTR names must be in the images of the same snapshot: in both layouts that
//! DTR has had.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::PathBuf;

use dtrvault_tests::{DtrTables, Run, Storage, Vault, Words, digest_of, gzip, id_path, plain_layer, shapes};
use serde_json::{Value, json};

const BOTH: [&str; 6] = ["snapshot", "--registry", "registry", "--metadata", "backup.tar", "--json"];

/// A DTR with three tags in two repositories, two of which share a layer.
struct Dtr {
    vault: Vault,
    storage: Storage,
    tables: DtrTables,
    by_id: bool,
    /// The layer of `acme/app:v1` alone, and the one that it shares with `acme/app:v2`.
    own: String,
    shared: String,
}

impl Dtr {
    fn new(by_id: bool) -> Self {
        let vault = Vault::init();
        let storage = Storage::create(vault.at("registry"));
        let layer = |n| gzip(&plain_layer(n, n), 6);
        storage.image("acme/app", "v1", &[layer(1), layer(2)]);
        storage.image("acme/app", "v2", &[layer(1), layer(3)]);
        storage.image("team/tool", "latest", &[Words::new(4).bytes(5000)]);
        let tables = if by_id { DtrTables::by_id(&storage) } else { DtrTables::of(&storage) };
        let (own, shared) = (digest_of(&layer(2)), digest_of(&layer(1)));
        Self { vault, storage, tables, by_id, own, shared }
    }

    /// Where a blob stands.
    fn path(&self, digest: &str) -> PathBuf {
        if self.by_id { id_path(&self.storage, digest) } else { self.storage.blob_path(digest) }
    }

    fn take(&self) -> Run {
        fs::write(self.vault.at("backup.tar"), self.tables.tar(200, 1)).unwrap();
        self.vault.run(BOTH)
    }

    fn check(&self) -> Run {
        self.vault.run(["check", "--json"])
    }
}

fn details(run: &Run) -> Vec<(String, String)> {
    let told = run.json();
    let text = |problem: &Value, field| shapes::text(problem, field);
    shapes::array(&told, "problems").iter().map(|p| (text(p, "kind"), text(p, "detail"))).collect()
}

fn assert_one(run: &Run, kind: &str, words: &[&str]) {
    let found = details(run);
    let [(is, detail)] = &found[..] else { panic!("{found:?}") };
    assert_eq!(is, kind);
    assert!(words.iter().all(|word| detail.contains(word)), "{words:?} in {detail:?}");
}

#[test]
fn a_whole_dtr_is_complete() {
    for by_id in [false, true] {
        let dtr = Dtr::new(by_id);
        let taken = dtr.take().ok();
        assert_eq!(details(&taken), []);
        assert!(!taken.stderr.contains("understood"), "{}", taken.stderr);
        let checked = dtr.check().ok().json();
        assert_eq!(shapes::number(&checked, "tags"), 3);
        assert_eq!(shapes::number(&checked, "proven_tags"), 3);
        // Unchanged files, whose digests are known from the evening before.
        assert_eq!(details(&dtr.take().ok()), []);
    }
}

#[test]
fn a_layer_that_is_gone_is_told_by_tag() {
    for by_id in [false, true] {
        let dtr = Dtr::new(by_id);
        fs::remove_file(dtr.path(&dtr.own)).unwrap();
        let taken = dtr.take().exits(3);
        assert_one(&taken, "missing-blob", &[&dtr.own, "acme/app:v1"]);
        let path = &shapes::problems(&taken.json())[0].1;
        assert!(dtr.path(&dtr.own).ends_with(path), "{path}");
        let checked = dtr.check().ok().json();
        assert_eq!(shapes::number(&checked, "proven_tags"), 2);
        assert_eq!(shapes::text(&checked["unresolved"][0], "needed_by"), "acme/app:v1");
        dtr.vault.run(["check"]).ok().tells("acme/app:v1").tells("2 of 3 tags");

        fs::remove_file(dtr.path(&dtr.shared)).unwrap();
        let taken = dtr.take().exits(3);
        let told = details(&taken);
        assert_eq!(told.len(), 2, "{told:?}");
        let shared = told.iter().find(|(_, detail)| detail.contains(&dtr.shared)).unwrap();
        assert!(shared.1.contains("acme/app:v1 and 1 other tag"), "{shared:?}");
    }
}

#[test]
fn wrong_bytes_under_an_id_are_told() {
    let dtr = Dtr::new(true);
    dtr.take().ok();
    fs::write(dtr.path(&dtr.own), "other bytes, and these of another length").unwrap();
    // Told every evening, not only when they are read.
    for _ in 0..2 {
        let taken = dtr.take().exits(3);
        let told = details(&taken);
        let kinds: Vec<_> = told.iter().map(|(kind, _)| kind.as_str()).collect();
        assert_eq!(kinds, ["digest-mismatch", "missing-blob"]);
        assert!(told[1].1.contains("acme/app:v1") && told[1].1.contains("other bytes"), "{told:?}");
        assert!(dtr.path(&dtr.own).ends_with(&shapes::problems(&taken.json())[0].1));
    }
    assert_eq!(shapes::number(&dtr.check().ok().json(), "proven_tags"), 2);
    // Those of another blob are as wrong, though their digest is known.
    fs::copy(dtr.path(&dtr.shared), dtr.path(&dtr.own)).unwrap();
    assert!(details(&dtr.take().exits(3)).iter().any(|(kind, _)| kind == "digest-mismatch"));
}

#[test]
fn wrong_bytes_of_a_blob_that_nobody_needs_leave_it_complete() {
    let mut dtr = Dtr::new(true);
    let garbage = digest_of(b"collected one day");
    dtr.tables.add("blobs", &json!({"id": "00garbage", "sha256sum": garbage.trim_start_matches("sha256:")}));
    assert_eq!(details(&dtr.take().ok()), [], "a row whose file is gone");
    let path = dtr.storage.root().join("docker/registry/v2/blobs/id/00/00garbage/data");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "other bytes").unwrap();
    assert_one(&dtr.take().ok(), "digest-mismatch", &[&digest_of(b"other bytes")]);
}

#[test]
fn a_tag_whose_manifest_is_nowhere_is_told() {
    for by_id in [false, true] {
        let mut dtr = Dtr::new(by_id);
        let nowhere = digest_of(b"no manifest");
        dtr.tables.add("tags", &json!({"pk": "team/tool:old", "digest": nowhere}));
        let taken = dtr.take().exits(3);
        assert_one(&taken, "missing-blob", &[&nowhere, "the manifest of team/tool:old"]);
    }
}

#[test]
fn layers_kept_elsewhere_are_not_missed() {
    let mut dtr = Dtr::new(true);
    let foreign = json!({"digest": digest_of(b"foreign"), "urls": ["https://example.com/layer"]});
    let digest = digest_of(b"a manifest");
    dtr.tables.add(
        "manifests",
        &json!({"pk": format!("team/win@{digest}"), "digest": digest, "layers": [foreign]}),
    );
    dtr.tables.add("tags", &json!({"pk": "team/win:v1", "digest": digest}));
    assert_eq!(details(&dtr.take().ok()), []);
}

#[test]
fn a_table_that_is_missing_stops_the_snapshot() {
    for (by_id, table) in [(true, "blobs"), (true, "tags"), (false, "manifests"), (false, "repositories")] {
        let mut dtr = Dtr::new(by_id);
        dtr.tables.rows.remove(table);
        dtr.take().exits(1).tells(table).tells("missing-tables").tells("--allow-missing-tables");
        dtr.vault.run(["snapshot", "--metadata", "backup.tar"]).exits(1).tells(table);
        assert!(dtr.vault.objects("snapshots").is_empty());
        let told = dtr.vault.run(["snapshot", "--metadata", "backup.tar", "--allow-missing-tables"]);
        told.ok().tells(table);
    }
    // Before 2.6 there was no table of blobs that restoring needs.
    let mut old = Dtr::new(false);
    old.tables.rows.remove("blobs");
    old.take().ok();
    // A table without rows is a table.
    let mut empty = Dtr::new(true);
    empty.tables.rows.values_mut().for_each(Vec::clear);
    empty.take().ok();
}

#[test]
fn rows_that_cannot_be_understood_are_no_error() {
    let mut dtr = Dtr::new(true);
    for table in ["blobs", "manifests", "tags"] {
        for row in ["garbage", "[1]", "{}", "", "{\"digest\":7,\"layers\":{},\"id\":[]}"] {
            dtr.tables.rows.get_mut(table).unwrap().push(row.to_owned());
        }
    }
    let taken = dtr.take().ok().tells("5 of 8 rows of the table 'tags'");
    assert_eq!(details(&taken), []);
    // What is understood is held against the images all the same.
    fs::remove_file(dtr.path(&dtr.own)).unwrap();
    assert_one(&dtr.take().exits(3), "missing-blob", &["acme/app:v1"]);
    // Another schema altogether proves nothing, and condemns nothing.
    dtr.tables.rows.get_mut("manifests").unwrap().iter_mut().for_each(|row| *row = "{\"v\":2}".to_owned());
    let taken = dtr.take().ok().tells("no row of the table 'manifests' could be understood");
    assert_eq!(details(&taken), []);
    dtr.vault.run(["check", "--read-data"]).ok();
}

#[test]
fn a_writer_that_reads_nothing_holds_images_against_metadata_too() {
    let mut dtr = Dtr::new(true);
    fs::write(dtr.vault.at("writer"), "the registry node's own").unwrap();
    dtr.vault.run(["key", "add", "--role", "write", "--new-password-file", "writer"]).ok();
    dtr.vault.set("DTRVAULT_PASSWORD", "the registry node's own");
    dtr.take().ok();
    fs::remove_file(dtr.path(&dtr.own)).unwrap();
    assert_one(&dtr.take().exits(3), "missing-blob", &["acme/app:v1"]);
}
