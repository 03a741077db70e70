//! A reader that was written from the documents alone gives back what the binary stored: the
//! documents are enough to read a repository, and the binary writes what they say.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use dtrvault_tests::listing::{Item, assert_same, listing};
use dtrvault_tests::odd_tars::odd_tars;
use dtrvault_tests::{
    DtrTables, Run, Storage, Vault, Words, archive_layer, digest_of, flip_byte, gzip, odd_files, plain_layer,
    shapes,
};
use serde_json::Value;

const FIRST: &str = "correct horse battery staple";
const SECOND: &str = "a second way in";
const WRITER: &str = "the registry node's own";

/// The folder of the reader.
fn reader() -> PathBuf {
    dtrvault_tests::folder().join("../format-spec/reader")
}

/// A Python that has what the reader needs, installed at first use into the user's cache folder.
fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let wanted = reader().join("requirements.txt");
        let base = match std::env::var_os("XDG_CACHE_HOME") {
            Some(cache) if !cache.is_empty() => PathBuf::from(cache),
            _ => PathBuf::from(std::env::var_os("HOME").expect("HOME or XDG_CACHE_HOME")).join(".cache"),
        };
        // Other requirements are another folder: nothing is ever changed in place.
        let name = digest_of(&fs::read(&wanted).unwrap()).replace(':', "-");
        let venv = base.join("dtrvault").join(format!("reader-{}", &name[..19]));
        fs::create_dir_all(venv.parent().unwrap()).unwrap();
        let lock = File::create(venv.with_extension("lock")).unwrap();
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
        let python = venv.join("bin/python");
        let proof = venv.join("installed");
        if !proof.exists() {
            let create = ["-m", "venv", "--clear"].map(AsRef::<Path>::as_ref);
            install(Path::new("python3"), create.into_iter().chain([&*venv]));
            let pip = ["-m", "pip", "install", "--quiet", "--requirement"].map(AsRef::<Path>::as_ref);
            install(&python, pip.into_iter().chain([&*wanted]));
            fs::write(proof, "").unwrap();
        }
        python
    })
}

fn install<'a>(program: &Path, args: impl Iterator<Item = &'a Path>) {
    let mut command = Command::new(program);
    let output = command.args(args).stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| {
        panic!("{} cannot be run ({error}): `make packages` installs it", program.display())
    });
    assert!(
        output.status.success(),
        "the independent reader's libraries cannot be installed; this needs python3-venv and a way to \
         PyPI, or to the index that pip is set to.\n{command:?}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Runs the reader on the vault's repository, with the vault's password.
fn read<'a>(vault: &Vault, args: impl IntoIterator<Item = &'a str>) -> Run {
    let script = reader().join("dtrvault_reader.py");
    let mut command = vault.command_of(python(), ["-B"]);
    command.arg(script).arg(vault.repo()).args(args);
    Vault::wait(command.spawn().unwrap())
}

/// What a snapshot was taken of.
struct Taken {
    id: String,
    tree: BTreeMap<String, Item>,
    metadata: Option<Vec<u8>>,
}

/// Takes a snapshot of the folder `registry`, or of a metadata stream, or of both.
fn take(vault: &Vault, registry: bool, metadata: Option<&[u8]>) -> Taken {
    let mut args = vec!["snapshot", "--json", "--tag", "read me"];
    if registry {
        args.extend(["--registry", "registry"]);
    }
    if let Some(bytes) = metadata {
        fs::write(vault.at("metadata"), bytes).unwrap();
        args.extend(["--metadata", "metadata"]);
    }
    let done = vault.run(args).ok().json();
    let tree = if registry { listing(&vault.at("registry")) } else { BTreeMap::new() };
    let id = shapes::snapshot_id(&done);
    Taken { id, tree, metadata: metadata.map(<[u8]>::to_vec) }
}

/// Holds what the reader restores against what was taken.
fn hold(vault: &Vault, target: &str, taken: &Taken) {
    read(vault, ["restore", &taken.id, target]).ok();
    let at = vault.at(target);
    if let Some(bytes) = &taken.metadata {
        assert!(fs::read(at.join("metadata.tar")).unwrap() == *bytes, "{target}");
        fs::remove_file(at.join("metadata.tar")).unwrap();
    }
    assert_same(&taken.tree, &listing(&at));
    fs::remove_dir_all(at).unwrap();
}

/// A blob big enough for frames and packs of its own, so that damage hits one thing of many.
fn noise(storage: &Storage, seed: u64) {
    storage.blob(&Words::new(seed).bytes(3 << 20));
}

#[test]
fn every_snapshot_is_restored_by_the_documents() {
    let mut vault = Vault::init();
    let storage = Storage::create(vault.at("registry"));
    let layer = plain_layer(1, 1);
    storage.image("acme/app", "v1", &[gzip(&layer, 6), layer.clone(), gzip(&archive_layer(1, 1), 6)]);
    odd_files::fill(&vault.at("registry"));
    let mut all = vec![take(&vault, true, Some(&DtrTables::of(&storage).tar(600, 1)))];

    // Another evening: new layers in other forms, something gone, other rows in another order.
    let squeezed = zstd::encode_all(&plain_layer(1, 2)[..], 3).unwrap();
    storage.image("acme/app", "v2", &[squeezed, gzip(&plain_layer(2, 2), 1)]);
    noise(&storage, 1);
    let big = [&Words::new(5).text(20 << 20)[..], &vec![0; 9 << 20]].concat();
    storage.image("acme/app", "v3", &[big, b"no layer at all".to_vec()]);
    fs::remove_dir_all(vault.at("registry/names/order")).unwrap();
    all.push(take(&vault, true, Some(&DtrTables::of(&storage).tar(600, 2))));
    all.push(take(&vault, true, None));
    all.extend(odd_tars().iter().map(|(_, _, bytes)| take(&vault, false, Some(bytes))));

    // One more key, one that only writes, and the first one gone.
    for (role, password) in [("full", SECOND), ("write", WRITER)] {
        fs::write(vault.at("new-password"), password).unwrap();
        vault.run(["key", "add", "--role", role, "--new-password-file", "new-password"]).ok();
    }
    let listed = vault.run(["key", "list", "--json"]).ok().json();
    let used = shapes::array(&listed, "keys").iter().find(|key| key["current"] == true).unwrap();
    let used = shapes::text(used, "id");
    vault.set("DTRVAULT_PASSWORD", SECOND);
    vault.run(["key", "remove", &used]).ok();
    for (password, code) in [(FIRST, 12), (WRITER, 12), ("", 12), (SECOND, 0)] {
        vault.set("DTRVAULT_PASSWORD", password);
        read(&vault, ["snapshots"]).exits(code);
    }

    let told = read(&vault, ["snapshots"]).ok().json();
    let ids: Vec<&str> = told.as_array().unwrap().iter().filter_map(|one| one["id"].as_str()).collect();
    assert_eq!(ids, all.iter().map(|taken| &taken.id[..]).collect::<Vec<_>>());
    assert_eq!(told[0]["tags"], Value::from(vec!["read me"]));
    for (at, taken) in all.iter().enumerate() {
        hold(&vault, &format!("out-{at}"), taken);
    }

    // The index is a convenience: the packs say all that it says.
    fs::remove_dir_all(vault.repo().join("index")).unwrap();
    for taken in [&all[0], &all[1]] {
        hold(&vault, "without-index", taken);
    }
}

#[test]
fn the_reader_never_gives_wrong_bytes() {
    let vault = Vault::init();
    let storage = Storage::create(vault.at("registry"));
    storage.image("acme/app", "v1", &[gzip(&plain_layer(1, 1), 6), plain_layer(1, 1)]);
    noise(&storage, 2);
    let taken = take(&vault, true, Some(&DtrTables::of(&storage).tar(60, 1)));
    let mut spared = 0;
    for pack in vault.objects("packs") {
        let len = fs::metadata(&pack).unwrap().len();
        for offset in [0, 50, 100, 120, 200, len / 3, len / 2, len - 30, len - 1] {
            flip_byte(&pack, offset);
            read(&vault, ["restore", &taken.id, "out"]).exits(13).tells("does not have its name");
            for (path, item) in listing(&vault.at("out")) {
                if path == "metadata.tar" {
                    let bytes = fs::read(vault.at("out/metadata.tar")).unwrap();
                    assert!(Some(bytes) == taken.metadata, "{}, {offset}", pack.display());
                } else {
                    assert_eq!(
                        taken.tree.get(&path).map(|item| &item.content),
                        Some(&item.content),
                        "{path}"
                    );
                    spared += 1;
                }
            }
            fs::remove_dir_all(vault.at("out")).unwrap();
            flip_byte(&pack, offset);
        }
    }
    assert!(spared > 0, "one byte costs no more than its frame");
    for folder in ["snapshots", "keys"] {
        let object = vault.objects(folder).remove(0);
        flip_byte(&object, 40);
        let done = read(&vault, ["restore", &taken.id, "out"]);
        assert!(matches!(done.code, Some(12 | 13)), "{folder}: {:?} {}", done.code, done.stderr);
        assert!(!vault.at("out").exists());
        flip_byte(&object, 40);
    }
    fs::remove_file(&vault.objects("packs")[0]).unwrap();
    read(&vault, ["restore", &taken.id, "out"]).exits(13).tells("missing");
}

#[test]
fn a_restore_stays_below_its_target() {
    let vault = Vault::init();
    let storage = Storage::create(vault.at("registry"));
    storage.image("acme/app", "v1", &[b"layer".to_vec()]);
    let taken = take(&vault, true, None);
    fs::create_dir(vault.at("out")).unwrap();
    fs::write(vault.at("out/theirs"), "stays").unwrap();
    read(&vault, ["restore", &taken.id, "out"]).exits(1).tells("not empty");
    assert_eq!(fs::read_dir(vault.at("out")).unwrap().count(), 1);

    // Names that no honest writer stores, given to the rules that stand before every restore.
    let hostile = r#"
import dtrvault_reader as reader
for path in (b"..", b"a/../b", b"/a", b"a/", b"a//b", b".", b"a\0b", b"c" * 1025, b""):
    try:
        reader.check_path(path, reader.FILE)
    except reader.Damaged:
        continue
    raise SystemExit(f"{path} is taken")
entry = lambda path, kind: bytes([0x84, 0, 0x40 + len(path)]) + path + b"\x85\0\0\0\x82\0\0\x80" + kind
link, folder = b"\x82\2\x81\x41/", b"\x82\0\x80"
for first, second in (((b"a", link), (b"a/b", folder)), ((b"b", folder), (b"a", folder)), ((b"a", folder), (b"a", folder))):
    reader.stream = lambda *_: iter([entry(*first) + entry(*second)])
    try:
        list(reader.tree(None, None))
    except reader.Damaged:
        continue
    raise SystemExit(f"{first} and {second} are taken")
reader.stream = lambda *_: iter([entry(b"a", link) + entry(b"a-b", folder)])
assert len(list(reader.tree(None, None))) == 2
"#;
    let mut command = vault.command_of(python(), ["-B", "-c", hostile]);
    command.env("PYTHONPATH", reader());
    Vault::wait(command.spawn().unwrap()).ok();
}

/// The vectors of snapshots, which hold what no snapshot of this binary has yet: the reader takes what it must and
/// refuses the rest, and a log is restored beside its metadata.
#[test]
fn the_reader_follows_the_vectors_of_snapshots() {
    let vault = Vault::new();
    let script = r#"
import json, os, sys
import dtrvault_reader as reader
with open(sys.argv[1]) as file:
    vectors = json.load(file)
taken = {name: reader.snapshot_of(name, bytes.fromhex(vectors[name]["plain"])) for name in ("least", "before")}
whole = reader.snapshot_of("whole", bytes.fromhex(vectors["plain"]))
assert [total.kind for total in whole.layers.deep] == ["GNU gzip 6", "Go 6"]
assert whole.dtr.image == "mirantis/dtr:2.9.4" and whole.dtr.storage == "nfs"
assert taken["least"].layers is None and taken["before"].metadata.log is None
for case in vectors["refused"]:
    try:
        reader.snapshot_of(case["why"], bytes.fromhex(case["hex"]))
    except (reader.Damaged, reader.Refused):
        continue
    raise SystemExit(f"{case['why']} is taken")
reader.blob = lambda *_: iter([b"metadata"])
reader.stream = lambda _, reference: iter([b"INFO ", b"%d" % reference[0]])
whole.images = None
reader.Restore(None, "out").run(whole)
assert open("out/metadata.log").read() == "INFO 15" and open("out/metadata.tar").read() == "metadata"
"#;
    let mut command = vault.command_of(python(), ["-B", "-c", script]);
    command.arg(reader().join("../vectors/snapshot.json")).env("PYTHONPATH", reader());
    Vault::wait(command.spawn().unwrap()).ok();
}
