//! Folders as targets: what is restored equals what was walked, and nothing outside is touched.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use common::{comparable, copy, everything, file_entry, set_mtime};
use dtrvault_format::{Entry, Kind};
use dtrvault_registry::{Existing, Notes, Target, TargetError, TargetPlan, source, target};
use proptest::prelude::*;

const PLAN: TargetPlan = TargetPlan { bytes_needed: 0, allow_existing: false, dry_run: false };
const ALLOW: TargetPlan = TargetPlan { allow_existing: true, ..PLAN };

fn begun(path: &Path, plan: &TargetPlan) -> target::Local {
    let target = target::Local::new(path);
    target.begin(plan).unwrap();
    target
}

fn other(path: &[u8], kind: Kind) -> Entry {
    let mut entry = file_entry(path, 0, false);
    entry.meta.mode = 0o755;
    entry.kind = kind;
    entry
}

fn put(target: &dyn Target, path: &[u8], bytes: &[u8]) -> Result<(), TargetError> {
    let mut writer = target.file(&file_entry(path, bytes.len() as u64, false))?;
    writer.write_all(bytes).unwrap();
    writer.commit()
}

#[test]
fn a_restored_tree_is_the_tree() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("from"), dir.path().join("to/deeper"));
    std::fs::create_dir(&from).unwrap();
    everything(&from);
    let from = source::Local::new(&from).unwrap();
    let target = begun(&to, &PLAN);
    copy(&from, &target);
    assert_eq!(target.notes(), Notes::default());
    let restored = source::Local::new(&to).unwrap();
    assert_eq!(comparable(&restored), comparable(&from));
    let sparse = std::fs::metadata(to.join("sparse")).unwrap();
    assert!(sparse.blocks() * 512 < 64 * 1024, "{} blocks", sparse.blocks());
    assert!(!to.join(".dtrvault-restore").exists());

    // Once more over itself: everything is found as it is.
    let again = begun(&to, &ALLOW);
    for item in comparable(&from) {
        let entry = common::entry(&item);
        let existing = again.existing(&entry).unwrap();
        match entry.kind {
            Kind::File(file) => assert_eq!(existing, Existing::File { size: file.size }),
            _ => assert_eq!(existing, Existing::SameOther, "{entry:?}"),
        }
    }
    copy(&from, &again);
    assert_eq!(comparable(&restored), comparable(&from));
}

#[test]
fn metadata_alone_is_set_right() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    std::fs::create_dir(&from).unwrap();
    everything(&from);
    let from = source::Local::new(&from).unwrap();
    copy(&from, &begun(&to, &PLAN));
    for name in ["plain", "a", "pipe", "a.b", "dangling"] {
        set_mtime(&to.join(name), 9);
    }
    std::fs::set_permissions(to.join("pipe"), PermissionsExt::from_mode(0o000)).unwrap();
    rustix::fs::removexattr(to.join("plain"), "user.a").unwrap();
    let flags = rustix::fs::XattrFlags::empty();
    rustix::fs::setxattr(to.join("a.b"), "user.extra", b"x", flags).unwrap();
    std::fs::set_permissions(to.join("a.b"), PermissionsExt::from_mode(0o000)).unwrap();
    let target = begun(&to, &ALLOW);
    let items = comparable(&from);
    for item in items.iter().rev() {
        target.touch(&common::entry(item)).unwrap();
    }
    target.finish_dir(&common::entry(&items[0])).unwrap();
    target.end().unwrap();
    assert_eq!(target.notes(), Notes::default());
    assert_eq!(comparable(&source::Local::new(&to).unwrap()), items);
}

#[test]
fn a_target_with_content_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("lost+found")).unwrap();
    target::Local::new(dir.path()).begin(&TargetPlan { dry_run: true, ..PLAN }).unwrap();
    std::fs::write(dir.path().join("mine"), "x").unwrap();
    let refused = target::Local::new(dir.path()).begin(&PLAN);
    assert!(matches!(refused, Err(TargetError::NotEmpty { .. })));
    assert!(!dir.path().join(".dtrvault-restore").exists());
    let file = target::Local::new(&dir.path().join("mine")).begin(&PLAN);
    assert!(matches!(file, Err(TargetError::NotAFolder { .. })));
    begun(dir.path(), &ALLOW).end().unwrap();
    assert_eq!(std::fs::read(dir.path().join("mine")).unwrap(), b"x");
}

#[test]
fn a_disk_that_is_too_small_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("none/yet");
    for dry_run in [true, false] {
        let plan = TargetPlan { bytes_needed: u64::MAX, dry_run, ..PLAN };
        let refused = target::Local::new(&path).begin(&plan);
        assert!(matches!(refused, Err(TargetError::NoSpace { needed: u64::MAX, .. })));
        assert!(!dir.path().join("none").exists());
    }
}

#[test]
fn a_dry_run_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("target");
    let target = target::Local::new(&path);
    target.begin(&TargetPlan { dry_run: true, ..PLAN }).unwrap();
    assert!(!path.exists());
    let entry = file_entry(b"x", 1, false);
    assert_eq!(target.existing(&entry).unwrap(), Existing::Absent);
    assert!(matches!(target.file(&entry), Err(TargetError::NotBegun)));
    assert!(matches!(target.end(), Err(TargetError::NotBegun)));
    let unbegun = target::Local::new(dir.path());
    assert!(matches!(unbegun.existing(&entry), Err(TargetError::NotBegun)));
}

#[test]
fn an_interrupted_restore_is_taken_up() {
    let dir = tempfile::tempdir().unwrap();
    let target = begun(dir.path(), &PLAN);
    put(&target, b"d/done", b"done").unwrap();
    let mut half = target.file(&file_entry(b"d/half", 10, false)).unwrap();
    half.write_all(b"half").unwrap();
    let second = target::Local::new(dir.path()).begin(&PLAN);
    assert!(matches!(second, Err(TargetError::Busy { .. })), "{second:?}");
    // As if the process had died: nothing is cleaned up.
    std::mem::forget(half);
    drop(target);
    std::fs::write(dir.path().join(".dtrvault-restore/77"), "left").unwrap();

    // What was forgotten still holds its lock, as no dead process would.
    std::fs::rename(dir.path().join(".dtrvault-restore"), dir.path().join("old")).unwrap();
    std::fs::create_dir(dir.path().join(".dtrvault-restore")).unwrap();
    std::fs::rename(dir.path().join("old/77"), dir.path().join(".dtrvault-restore/77")).unwrap();
    let again = begun(dir.path(), &PLAN);
    assert!(!dir.path().join(".dtrvault-restore/77").exists());
    let done = file_entry(b"d/done", 4, false);
    assert_eq!(again.existing(&done).unwrap(), Existing::File { size: 4 });
    let mut bytes = Vec::new();
    again.read(b"d/done").unwrap().read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, b"done");
    let half = file_entry(b"d/half", 10, false);
    assert_eq!(again.existing(&half).unwrap(), Existing::Absent);
    again.end().unwrap();
    assert!(!dir.path().join(".dtrvault-restore").exists());
}

#[test]
fn a_file_is_whole_or_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let target = begun(dir.path(), &PLAN);
    let entry = file_entry(b"x", 4, false);
    drop(target.file(&entry).unwrap());
    let mut short = target.file(&entry).unwrap();
    short.write_all(b"abc").unwrap();
    assert!(matches!(short.commit(), Err(TargetError::WrongSize { expected: 4, written: 3, .. })));
    let mut long = target.file(&entry).unwrap();
    assert!(long.write_all(b"abcde").is_err());
    drop(long);
    assert!(!dir.path().join("x").exists());
    let left = std::fs::read_dir(dir.path().join(".dtrvault-restore")).unwrap();
    assert_eq!(left.count(), 0);
    put(&target, b"x", b"abcd").unwrap();
    put(&target, b"x", b"other").unwrap();
    assert_eq!(std::fs::read(dir.path().join("x")).unwrap(), b"other");
}

#[test]
fn links_in_the_target_lead_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let (outside, root) = (dir.path().join("outside"), dir.path().join("root"));
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("secret"), "secret").unwrap();
    let before = std::fs::metadata(outside.join("secret")).unwrap();
    std::fs::create_dir(&root).unwrap();
    symlink(&outside, root.join("way")).unwrap();
    symlink("../outside/secret", root.join("end")).unwrap();
    symlink("../outside/new", root.join("fresh")).unwrap();
    let target = begun(&root, &ALLOW);

    for path in [b"way/secret".as_slice(), b"way/new", b"way/a/b/new"] {
        let conflict = |result: Result<(), TargetError>| {
            assert!(matches!(result, Err(TargetError::Conflict { .. })), "{result:?}");
        };
        let entry = file_entry(path, 3, false);
        conflict(put(&target, path, b"new"));
        conflict(target.touch(&entry));
        conflict(target.read(path).map(drop));
        conflict(target.dir(&other(path, Kind::Dir)));
        conflict(target.other(&other(path, Kind::Fifo)));
        conflict(target.finish_dir(&other(path, Kind::Dir)));
        let existing = target.existing(&entry).unwrap();
        assert!(matches!(existing, Existing::Conflict { .. }));
        let link = Kind::Hardlink { target: path.to_vec() };
        conflict(target.other(&other(b"zz", link)));
    }
    let entry = file_entry(b"end", 3, false);
    assert!(matches!(target.touch(&entry), Err(TargetError::Conflict { .. })));
    assert!(matches!(target.read(b"end"), Err(TargetError::Conflict { .. })));
    let conflict = Existing::Conflict { found: "a symbolic link" };
    assert_eq!(target.existing(&entry).unwrap(), conflict);
    let dir_conflict = target.dir(&other(b"way", Kind::Dir));
    assert!(matches!(dir_conflict, Err(TargetError::Conflict { .. })));
    let link = Kind::Hardlink { target: b"end".to_vec() };
    assert!(target.other(&other(b"zz", link)).is_err());
    // A link in a file's place is replaced, not followed.
    put(&target, b"end", b"mine").unwrap();
    put(&target, b"fresh", b"mine").unwrap();
    assert_eq!(std::fs::read(root.join("end")).unwrap(), b"mine");
    target.end().unwrap();

    assert!(!root.join("zz").exists());
    let after = std::fs::metadata(outside.join("secret")).unwrap();
    assert_eq!(std::fs::read(outside.join("secret")).unwrap(), b"secret");
    assert_eq!(
        (before.mode(), before.ctime_nsec(), before.nlink()),
        (after.mode(), after.ctime_nsec(), after.nlink())
    );
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 1);
}

#[test]
fn a_scratch_folder_that_is_a_link_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (outside, root) = (dir.path().join("outside"), dir.path().join("root"));
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("precious"), "x").unwrap();
    std::fs::create_dir(&root).unwrap();
    symlink(&outside, root.join(".dtrvault-restore")).unwrap();
    for plan in [PLAN, ALLOW] {
        let refused = target::Local::new(&root).begin(&plan);
        assert!(matches!(refused, Err(TargetError::Conflict { .. })), "{refused:?}");
    }
    assert!(outside.join("precious").exists());
}

#[test]
fn paths_that_climb_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let target = begun(dir.path(), &PLAN);
    for path in [
        b"../x".as_slice(),
        b"/x",
        b"a/../x",
        b"a//x",
        b".",
        b"a\0b",
        b".dtrvault-restore",
        b".dtrvault-restore/x",
    ] {
        let bad = |result: Result<(), TargetError>| {
            assert!(matches!(result, Err(TargetError::BadPath { .. })), "{result:?}");
        };
        bad(put(&target, path, b"x"));
        bad(target.dir(&other(path, Kind::Dir)));
        bad(target.other(&other(path, Kind::Fifo)));
        bad(target.touch(&other(path, Kind::Dir)));
        bad(target.finish_dir(&other(path, Kind::Dir)));
        bad(target.existing(&other(path, Kind::Dir)).map(drop));
        bad(target.read(path).map(drop));
        let link = Kind::Hardlink { target: path.to_vec() };
        bad(target.other(&other(b"link", link)));
    }
}

#[test]
fn folders_are_never_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let target = begun(dir.path(), &PLAN);
    put(&target, b"folder/file", b"x").unwrap();
    let result = put(&target, b"folder", b"x");
    assert!(matches!(result, Err(TargetError::Conflict { .. })), "{result:?}");
    let result = target.other(&other(b"folder", Kind::Fifo));
    assert!(matches!(result, Err(TargetError::Conflict { .. })), "{result:?}");
    let result = put(&target, b"folder/file/below", b"x");
    assert!(matches!(result, Err(TargetError::Conflict { .. })), "{result:?}");
    target.end().unwrap();
    assert_eq!(std::fs::read(dir.path().join("folder/file")).unwrap(), b"x");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn holes_change_no_byte(
        parts in proptest::collection::vec((any::<bool>(), 1usize..20_000), 0..8),
        piece in 1usize..30_000,
    ) {
        let bytes: Vec<u8> = parts
            .iter()
            .flat_map(|(zero, len)| vec![u8::from(!zero); *len])
            .collect();
        let dir = tempfile::tempdir().unwrap();
        let target = begun(dir.path(), &PLAN);
        let mut writer = target.file(&file_entry(b"x", bytes.len() as u64, true)).unwrap();
        for piece in bytes.chunks(piece) {
            writer.write_all(piece).unwrap();
        }
        writer.commit().unwrap();
        prop_assert!(std::fs::read(dir.path().join("x")).unwrap() == bytes);
        let stored = std::fs::metadata(dir.path().join("x")).unwrap().blocks() * 512;
        let full = bytes.chunks(4096).filter(|b| b.iter().any(|b| *b != 0)).count() as u64;
        prop_assert!(stored <= full * 4096, "{stored} bytes stored, {full} blocks of data");
    }
}
