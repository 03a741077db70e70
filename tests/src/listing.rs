//! A folder as a value: everything about every file that a backup must keep.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use crate::bytes::digest_of;

/// What there is to know of one file; times of access and change of the inode left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// `file`, `dir`, `symlink`, …
    pub kind: &'static str,
    /// Twelve bits.
    pub mode: u32,
    /// Owner and group.
    pub owner: (u32, u32),
    /// Seconds and nanoseconds.
    pub mtime: (i64, i64),
    /// Digest of a file's content, target of a symlink, numbers of a device.
    pub content: String,
    /// Extended attributes, sorted, as text.
    pub xattrs: Vec<String>,
    /// First name of the same inode, in the order of paths, when that is another.
    pub linked_to: Option<String>,
    /// Blocks of 512 bytes that it takes; asked for only when it has holes.
    pub sparse: bool,
}

/// Everything below a folder, by path; the folder itself is not in it.
///
/// # Panics
///
/// When something cannot be read.
pub fn listing(root: &Path) -> BTreeMap<String, Item> {
    let mut items = BTreeMap::new();
    walk(root, root, &mut items);
    let mut first = BTreeMap::new();
    for (path, (inode, item)) in &mut items {
        if item.kind != "dir" {
            let name = first.entry(*inode).or_insert_with(|| path.clone());
            item.linked_to = (name != path).then(|| name.clone());
        }
    }
    items.into_iter().map(|(path, (_, item))| (path, item)).collect()
}

/// Asserts that two folders hold the same; tells the first differences.
///
/// # Panics
///
/// When they differ.
#[track_caller]
pub fn assert_same(left: &BTreeMap<String, Item>, right: &BTreeMap<String, Item>) {
    let mut lines = Vec::new();
    for (path, item) in left {
        match right.get(path) {
            None => lines.push(format!("- {path:?}")),
            Some(other) if other != item => {
                lines.push(format!("! {path:?}\n    {item:?}\n    {other:?}"));
            }
            Some(_) => {}
        }
    }
    lines.extend(right.keys().filter(|path| !left.contains_key(*path)).map(|path| format!("+ {path:?}")));
    let shown = lines.iter().take(10).cloned().collect::<Vec<_>>().join("\n");
    assert!(lines.is_empty(), "{} differences:\n{shown}", lines.len());
}

fn walk(root: &Path, folder: &Path, items: &mut BTreeMap<String, ((u64, u64), Item)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let meta = fs::symlink_metadata(&path).unwrap();
        let kind = meta.file_type();
        let (kind, content) = if kind.is_dir() {
            ("dir", String::new())
        } else if kind.is_symlink() {
            ("symlink", escaped(fs::read_link(&path).unwrap().as_path()))
        } else if kind.is_fifo() {
            ("fifo", String::new())
        } else if kind.is_socket() {
            ("socket", String::new())
        } else if kind.is_file() {
            ("file", digest_of(&fs::read(&path).unwrap()))
        } else {
            ("device", meta.rdev().to_string())
        };
        let item = Item {
            kind,
            mode: meta.mode() & 0o7777,
            owner: (meta.uid(), meta.gid()),
            mtime: (meta.mtime(), meta.mtime_nsec()),
            content,
            xattrs: xattrs(&path, kind),
            linked_to: None,
            sparse: kind == "file" && meta.blocks() * 512 < meta.size(),
        };
        let name = escaped(path.strip_prefix(root).unwrap());
        items.insert(name, ((meta.dev(), meta.ino()), item));
        if kind == "dir" {
            walk(root, &path, items);
        }
    }
}

fn xattrs(path: &Path, kind: &str) -> Vec<String> {
    if kind == "socket" {
        return Vec::new();
    }
    let mut found: Vec<String> = xattr::list(path)
        .unwrap()
        .map(|name| {
            let value = xattr::get(path, &name).unwrap().unwrap_or_default();
            format!("{}={}", name.display(), value.escape_ascii())
        })
        .collect();
    found.sort();
    found
}

/// A path as text that tells every byte.
fn escaped(path: &Path) -> String {
    path.as_os_str().as_bytes().escape_ascii().to_string()
}
