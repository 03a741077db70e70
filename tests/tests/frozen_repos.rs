//! Repositories that earlier binaries wrote are read by this one, and damage in them is told
//! as it was: each folder of `format-spec/repos` says what is right in its `expected.json`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use dtrvault_tests::listing::{Item, listing};
use dtrvault_tests::{Vault, digest_of, shapes};
use serde_json::{Value, json};

/// What every release keeps; a release adds folders and takes none away.
const KEPT: [&str; 8] = [
    "damaged-pack",
    "damaged-segment",
    "damaged-snapshot",
    "foreign-objects",
    "missing-pack",
    "newer-version",
    "plain",
    "rows",
];

#[test]
fn every_frozen_repository_holds_what_it_held() {
    let root = dtrvault_tests::folder().join("../format-spec/repos");
    let mut seen = BTreeSet::new();
    for entry in fs::read_dir(root).unwrap() {
        let folder = entry.unwrap().path();
        if folder.is_dir() {
            let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
            hold(&name, &folder);
            seen.insert(name);
        }
    }
    let lost: Vec<&str> = KEPT.into_iter().filter(|name| !seen.contains(*name)).collect();
    assert!(lost.is_empty(), "{lost:?} are gone");
}

/// Holds one repository against its `expected.json`.
fn hold(name: &str, folder: &Path) {
    let file = folder.join("expected.json");
    let expected = fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let expected: Value = serde_json::from_slice(&expected).unwrap();
    let mut vault = Vault::new();
    copy(&folder.join("repository"), &vault.repo());
    for (password, role) in shapes::field(&expected, "passwords").as_object().unwrap() {
        vault.set("DTRVAULT_PASSWORD", password.as_str());
        roles(&vault, role.as_str().unwrap(), code(&expected, "snapshots_code"));
    }
    vault.set("DTRVAULT_PASSWORD", "frozen");
    exits(&vault, name, &["check"], code(&expected, "check_code"));
    let read = vault.run(["check", "--read-data"]).exits(code(&expected, "check_read_data_code"));
    if let Some(word) = shapes::field(&expected, "tells").as_str() {
        read.tells(word);
    }
    let snapshots = shapes::array(&expected, "snapshots");
    if code(&expected, "snapshots_code") == 0 {
        listed(&vault, snapshots);
    }
    for (at, snapshot) in snapshots.iter().enumerate() {
        restored(&vault, &format!("{name}-{at}"), snapshot);
    }
    exits(&vault, name, &["rebuild-index"], code(&expected, "rebuild_code"));
    exits(&vault, name, &["check"], code(&expected, "check_after_rebuild_code"));
}

/// A key may do what its role says; every one opens the repository.
fn roles(vault: &Vault, role: &str, listing_code: i32) {
    match role {
        "full" => drop(vault.run(["snapshots"]).exits(listing_code)),
        "write" => drop(vault.run(["ls", "latest"]).exits(12).tells("write")),
        other => panic!("no role {other}"),
    }
}

/// The snapshots are those that were taken, with their tags, the incomplete ones marked.
fn listed(vault: &Vault, expected: &[Value]) {
    let told = shapes::snapshots(&vault.run(["snapshots", "--json"]).ok().json());
    let short = |snapshots: &[Value]| -> Vec<Value> {
        let one = |s: &Value| json!({"id": s["id"], "tags": s["tags"], "complete": s["complete"]});
        snapshots.iter().map(one).collect()
    };
    assert_eq!(short(&told), short(expected));
}

/// A restore exits as it should, gives back what it should, and nothing beside.
fn restored(vault: &Vault, target: &str, expected: &Value) {
    let id = shapes::text(expected, "id");
    let done = vault.run(["restore", "--snapshot", &id, "--target", target]);
    assert_eq!(done.code, Some(code(expected, "restore_code")), "{target}: {}", done.stderr);
    let at = vault.at(target);
    let metadata = fs::read(at.join("metadata.tar")).ok().map(|bytes| digest_of(&bytes));
    assert_eq!(metadata.as_deref(), shapes::field(expected, "metadata").as_str(), "{target}");
    let found: BTreeMap<String, Value> = match at.exists() {
        true => listing(&at).iter().map(|(path, item)| (path.clone(), shown(item))).collect(),
        false => BTreeMap::new(),
    };
    let wanted = shapes::field(expected, "tree").as_object().unwrap();
    for (path, item) in wanted {
        assert_eq!(found.get(path), Some(item), "{target}: {path}");
    }
    let beside = found.keys().filter(|path| *path != "metadata.tar" && !wanted.contains_key(*path));
    assert_eq!(beside.collect::<Vec<_>>(), Vec::<&String>::new(), "{target}");
}

/// An item without what depends on the user and the file system of the restore.
fn shown(item: &Item) -> Value {
    let xattrs: Vec<&String> = item.xattrs.iter().filter(|name| name.starts_with("user.")).collect();
    json!({
        "kind": item.kind,
        "content": item.content,
        "mode": format!("{:04o}", item.mode),
        "mtime": [item.mtime.0, item.mtime.1],
        "xattrs": xattrs,
        "linked_to": item.linked_to,
    })
}

fn exits(vault: &Vault, name: &str, verb: &[&str], wanted: i32) {
    let done = vault.run(verb);
    assert_eq!(done.code, Some(wanted), "{name}: {verb:?}: {}{}", done.stderr, done.text());
}

fn code(expected: &Value, name: &str) -> i32 {
    shapes::number(expected, name).try_into().unwrap()
}

/// Copies a folder of plain files, so that nothing is written where the sources are.
fn copy(from: &Path, to: &PathBuf) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
