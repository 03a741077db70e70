//! What the tests of sources and targets share: a tree with everything in it, and a restore.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use dtrvault_format::{Content, Digest, Entry, File, Identity, Kind, Time};
use dtrvault_registry::{Found, Item, ItemKind, Source, Target, WalkOptions};
use rustix::fs::{AtFlags, CWD, FileType, Mode, Timespec, Timestamps, XattrFlags};

/// Two odd names: no UTF-8, and with a newline.
pub const ODD: &[u8] = b"odd-\xff\xfe";
pub const NEWLINE: &str = "new\nline";

/// One of everything that a file system can hold; devices only with privilege.
pub fn everything(root: &Path) {
    let repo = root.join("docker/registry/v2/repositories/team/app");
    std::fs::create_dir_all(repo.join("_manifests/tags/v1/current")).unwrap();
    std::fs::create_dir_all(repo.join("_uploads/1f")).unwrap();
    std::fs::write(repo.join("_uploads/1f/data"), "half").unwrap();
    std::fs::write(repo.join("_manifests/tags/v1/current/link"), "sha256:").unwrap();
    std::fs::write(root.join("plain"), "content").unwrap();
    std::fs::write(root.join("a.b"), "sorts after what is in a").unwrap();
    std::fs::create_dir(root.join("a")).unwrap();
    std::fs::write(root.join("a/b"), "").unwrap();
    std::fs::hard_link(root.join("plain"), root.join("a/first")).unwrap();
    std::fs::hard_link(root.join("plain"), root.join("zz-last")).unwrap();
    std::fs::write(root.join(OsStr::from_bytes(ODD)), "odd").unwrap();
    std::fs::write(root.join(NEWLINE), "line").unwrap();
    std::fs::write(root.join("n".repeat(255)), "long").unwrap();
    symlink("nowhere/at all", root.join("dangling")).unwrap();
    symlink("/etc", root.join("out")).unwrap();
    rustix::fs::mkfifoat(CWD, root.join("pipe"), Mode::from_raw_mode(0o620)).unwrap();
    drop(std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap());
    if rustix::process::geteuid().is_root() {
        let device = rustix::fs::makedev(1, 3);
        let mode = Mode::from_raw_mode(0o666);
        rustix::fs::mknodat(CWD, root.join("null"), FileType::CharacterDevice, mode, device).unwrap();
        rustix::fs::mknodat(CWD, root.join("disk"), FileType::BlockDevice, mode, device).unwrap();
        std::os::unix::fs::chown(root.join("a.b"), Some(12), Some(34)).unwrap();
        std::os::unix::fs::lchown(root.join("dangling"), Some(5), Some(6)).unwrap();
    }
    let mut sparse = std::fs::File::create(root.join("sparse")).unwrap();
    sparse.write_all(&[7; 5000]).unwrap();
    sparse.set_len(3 << 20).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&sparse, b"in the middle", 1 << 20).unwrap();
    std::fs::set_permissions(root.join("a.b"), PermissionsExt::from_mode(0o4751)).unwrap();
    std::fs::set_permissions(root.join("a"), PermissionsExt::from_mode(0o1700)).unwrap();
    for (name, value) in [("user.b", "two"), ("user.a", "one")] {
        let flags = XattrFlags::empty();
        rustix::fs::setxattr(root.join("plain"), name, value.as_bytes(), flags).unwrap();
        rustix::fs::setxattr(root.join("a"), name, value.as_bytes(), flags).unwrap();
    }
    for (path, secs) in [("plain", -5), ("dangling", 1_000), ("a", 2_000), ("", 3_000)] {
        set_mtime(&root.join(path), secs);
    }
}

pub fn set_mtime(path: &Path, secs: i64) {
    let time = Timespec { tv_sec: secs, tv_nsec: 123_456_789 };
    let times = Timestamps { last_access: time, last_modification: time };
    rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

pub fn walk(source: &dyn Source, options: &WalkOptions) -> Vec<Found> {
    let mut found = Vec::new();
    source
        .walk(options, &mut |step| {
            found.push(step);
            ControlFlow::Continue(())
        })
        .unwrap();
    found
}

/// The items of a walk that has no problems.
pub fn items(source: &dyn Source, options: &WalkOptions) -> Vec<Item> {
    let item = |found| match found {
        Found::Item(item) => item,
        Found::Problem(problem) => panic!("{problem:?}"),
    };
    walk(source, options).into_iter().map(item).collect()
}

/// Items without what a restore cannot keep: inode numbers and the time an inode changed.
pub fn comparable(source: &dyn Source) -> Vec<Item> {
    let options = WalkOptions { with_uploads: true, ..WalkOptions::default() };
    let mut items = items(source, &options);
    for item in &mut items {
        if let ItemKind::File(stat) = &mut item.kind {
            stat.identity = Identity::Unknown;
        }
    }
    items
}

pub fn content(source: &dyn Source, item: &Item) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut file = source.open(item).unwrap();
    file.read_to_end(&mut bytes).unwrap();
    bytes
}

/// The entry that a snapshot would hold.
pub fn entry(item: &Item) -> Entry {
    let kind = match &item.kind {
        ItemKind::Other(kind) => kind.clone(),
        ItemKind::File(stat) => Kind::File(File {
            size: stat.size,
            content: Content::Blob(Digest::new([0; 32])),
            identity: stat.identity.clone(),
            sparse: stat.sparse,
            mismatch: false,
        }),
    };
    Entry { path: item.path.clone(), meta: item.meta.clone(), kind }
}

/// An entry of a file that there is no source for.
pub fn file_entry(path: &[u8], size: u64, sparse: bool) -> Entry {
    let mut meta = dtrvault_format::Meta { mode: 0o644, mtime: Time::from_secs(77), ..Default::default() };
    meta.uid = rustix::process::geteuid().as_raw();
    meta.gid = rustix::process::getegid().as_raw();
    let kind = Kind::File(File {
        size,
        content: Content::Inline(Vec::new()),
        identity: Identity::Unknown,
        sparse,
        mismatch: false,
    });
    Entry { path: path.to_vec(), meta, kind }
}

/// Writes every item of `source` to a target that was begun, and ends it.
pub fn copy(source: &dyn Source, target: &dyn Target) {
    let options = WalkOptions { with_uploads: true, ..WalkOptions::default() };
    let items = items(source, &options);
    for item in &items {
        let entry = entry(item);
        match &entry.kind {
            Kind::Dir => target.dir(&entry).unwrap(),
            Kind::File(_) => {
                let mut writer = target.file(&entry).unwrap();
                // An odd size of pieces, so that blocks of zeros are cut.
                for piece in content(source, item).chunks(10_007) {
                    writer.write_all(piece).unwrap();
                }
                writer.commit().unwrap();
            }
            _ => target.other(&entry).unwrap(),
        }
    }
    for item in items.iter().filter(|item| item.kind == ItemKind::Other(Kind::Dir)) {
        target.finish_dir(&entry(item)).unwrap();
    }
    target.end().unwrap();
}
