//! Folders read in pieces, and in either way.
#![allow(clippy::unwrap_used, clippy::panic)]
use super::*;
use crate::source::ShortFiles;
use rustix::fs::CWD;
use std::os::unix::fs::symlink;
use std::path::Path;

fn open(path: &Path) -> Root {
    Root::new(openat(CWD, path, FOLDER, Mode::empty()).unwrap())
}

/// Everything below the root, as it is delivered.
fn all(mut reader: Reader<'_>) -> Vec<Part> {
    let mut done = Vec::new();
    let mut levels = vec![reader.read_root().parts.into_iter()];
    while let Some(parts) = levels.last_mut() {
        match parts.next() {
            Some(Part::Unread(group)) => levels.push(reader.read(&group).parts.into_iter()),
            Some(part) => done.push(part),
            None => drop(levels.pop()),
        }
    }
    done
}

pub(super) fn item(part: Part) -> Item {
    match part {
        Part::Item(item) | Part::Shared(item, _) => item,
        other => panic!("{other:?}"),
    }
}

#[test]
fn files_look_the_same_opened_and_by_name() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("a/b/c")).unwrap();
    for name in ["a/x", "a/b/x", "a/b/c/x", "z"] {
        std::fs::write(dir.path().join(name), name).unwrap();
    }
    rustix::fs::setxattr(dir.path().join("z"), "user.z", b"z", rustix::fs::XattrFlags::empty()).unwrap();
    std::fs::hard_link(dir.path().join("z"), dir.path().join("y")).unwrap();
    symlink("z", dir.path().join("link")).unwrap();
    let root = open(dir.path());
    let options =
        WalkOptions { short: Some(ShortFiles { max_bytes: 100, since: None }), ..WalkOptions::default() };
    let opened: Vec<_> = all(Reader::new(&root, &options, 1)).into_iter().map(item).collect();
    let mut reader = Reader::new(&root, &options, 1);
    reader.device = Device::unknown();
    let named: Vec<_> = all(reader).into_iter().map(item).collect();
    assert!(named.iter().all(|item| item.content.is_none()), "an open may be dear");
    let is_read = |item: &&Item| item.content.is_some();
    assert_eq!(opened.iter().filter(is_read).count(), 5, "{opened:?}");
    let without = |item: Item| Item { content: None, ..item };
    assert_eq!(opened.into_iter().map(without).collect::<Vec<_>>(), named);
}

#[test]
fn a_group_that_grows_long_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    for folder in 0..200 {
        let folder_path = dir.path().join(format!("{folder:03}"));
        std::fs::create_dir(&folder_path).unwrap();
        for file in 0..if folder == 1 { 6_000 } else { 1 } {
            std::fs::write(folder_path.join(file.to_string()), "").unwrap();
        }
    }
    let root = open(dir.path());
    let options = WalkOptions::default();
    let mut reader = Reader::new(&root, &options, 1);
    let listing = reader.read_root();
    let Some(Part::Unread(first)) = listing.parts.get(1) else { panic!("{:?}", listing.parts) };
    assert_eq!(first.names.len(), MAX_GROUP);
    let parts = reader.read(first).parts;
    assert_eq!(parts.len(), 2 + 6_001 + 1);
    let Some(Part::Unread(rest)) = parts.last() else { panic!() };
    assert_eq!(rest.names, first.names[2..]);
    let found: Vec<_> = all(Reader::new(&root, &options, 1)).into_iter().map(item).collect();
    assert_eq!(found.len(), 1 + 200 + 199 + 6_000);
    assert!(found.is_sorted_by(|a, b| dtrvault_format::tree::path_order(&a.path, &b.path).is_lt()));
}
