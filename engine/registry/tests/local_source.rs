//! Folders as sources: everything is seen, in order, and nothing is followed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::ffi::OsStr;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use common::{NEWLINE, ODD, content, everything, items, walk};
use dtrvault_format::tree::{TreeEncoder, path_order};
use dtrvault_format::{Kind, Time};
use dtrvault_registry::source::{Local, ShortFiles};
use dtrvault_registry::{Found, Item, ItemKind, Source, SourceError, WalkOptions, exclusions};
use rustix::fs::{AtFlags, CWD, Mode, Timespec, Timestamps, UTIME_OMIT, utimensat};

fn with_uploads() -> WalkOptions {
    WalkOptions { with_uploads: true, ..WalkOptions::default() }
}

fn kind_word(kind: &ItemKind) -> String {
    match kind {
        ItemKind::File(stat) => format!("file {}", stat.size),
        ItemKind::Other(Kind::Symlink { target }) => format!("-> {}", target.escape_ascii()),
        ItemKind::Other(Kind::Hardlink { target }) => format!("= {}", target.escape_ascii()),
        ItemKind::Other(Kind::CharDevice { major, minor }) => format!("c {major}:{minor}"),
        ItemKind::Other(Kind::BlockDevice { major, minor }) => format!("b {major}:{minor}"),
        ItemKind::Other(kind) => format!("{kind:?}").to_lowercase(),
    }
}

#[test]
fn every_kind_is_seen_item_by_item() {
    let dir = tempfile::tempdir().unwrap();
    everything(dir.path());
    let source = Local::new(dir.path()).unwrap();
    assert!(source.is_registry().unwrap());
    let found = items(&source, &WalkOptions::default());
    let seen: Vec<_> = found.iter().map(|item| (item.path.clone(), kind_word(&item.kind))).collect();
    let repo = "docker/registry/v2/repositories/team/app";
    let mut wanted: Vec<(Vec<u8>, String)> = [
        ("", "dir"),
        ("a", "dir"),
        ("a/b", "file 0"),
        ("a/first", "file 7"),
        ("a.b", "file 24"),
        ("dangling", "-> nowhere/at all"),
        ("disk", "b 1:3"),
        ("docker", "dir"),
        ("docker/registry", "dir"),
        ("docker/registry/v2", "dir"),
        ("docker/registry/v2/repositories", "dir"),
        ("docker/registry/v2/repositories/team", "dir"),
        (repo, "dir"),
        (&format!("{repo}/_manifests"), "dir"),
        (&format!("{repo}/_manifests/tags"), "dir"),
        (&format!("{repo}/_manifests/tags/v1"), "dir"),
        (&format!("{repo}/_manifests/tags/v1/current"), "dir"),
        (&format!("{repo}/_manifests/tags/v1/current/link"), "file 7"),
        (NEWLINE, "file 4"),
        (&"n".repeat(255), "file 4"),
        ("null", "c 1:3"),
        ("odd", "file 3"),
        ("out", "-> /etc"),
        ("pipe", "fifo"),
        ("plain", "= a/first"),
        ("socket", "socket"),
        ("sparse", "file 3145728"),
        ("zz-last", "= a/first"),
    ]
    .map(|(path, kind)| (path.as_bytes().to_vec(), kind.to_owned()))
    .into();
    for (path, _) in &mut wanted {
        if path == b"odd" {
            *path = ODD.to_vec();
        }
    }
    if !rustix::process::geteuid().is_root() {
        wanted.retain(|(path, _)| path != b"disk" && path != b"null");
    }
    assert_eq!(seen, wanted);

    let of = |path: &str| found.iter().find(|item| item.path == path.as_bytes()).unwrap();
    let names: Vec<_> = of("a/first").meta.xattrs.iter().map(|x| &x.name[..]).collect();
    assert!(names.is_sorted() && names.contains(&b"user.a".as_slice()));
    assert_eq!(of("a").meta.xattrs.len(), names.len());
    assert_eq!(of("a").meta.mode, 0o1700);
    assert_eq!(of("a.b").meta.mode, 0o4751);
    let real = std::fs::symlink_metadata(dir.path().join("dangling")).unwrap();
    assert_eq!(of("dangling").meta.uid, real.uid());
    let before_1970 = Time { secs: -5, nanos: 123_456_789 };
    assert_eq!(of("a/first").meta.mtime, before_1970);
    let sparse = |path| matches!(&of(path).kind, ItemKind::File(stat) if stat.sparse);
    assert!(sparse("sparse") && !sparse("a.b") && !sparse("a/b"));

    let mut tree = TreeEncoder::default();
    for item in &found {
        tree.encode(&common::entry(item)).unwrap();
    }
}

/// A tree with wide, narrow and nested folders; names that sort oddly around the slash.
fn forest(root: &Path) -> Vec<Vec<u8>> {
    let mut paths = vec![Vec::new()];
    let mut add = |path: String, is_file: bool| {
        let at = root.join(&path);
        if is_file {
            std::fs::write(at, "x").unwrap();
        } else {
            std::fs::create_dir(at).unwrap();
        }
        paths.push(path.into_bytes());
    };
    for outer in 0..24 {
        let top = format!("r{outer}");
        add(top.clone(), false);
        add(format!("{top}-x"), false);
        add(format!("{top}.file"), true);
        for inner in 0..outer * 6 {
            let folder = format!("{top}/{inner:x}");
            add(folder.clone(), false);
            add(format!("{folder}/link"), true);
        }
        let mut deep = format!("{top}-x/d");
        for _ in 0..outer {
            add(deep.clone(), false);
            deep.push_str("/d");
        }
    }
    paths.sort_by(|a, b| path_order(a, b));
    paths
}

#[test]
fn order_is_the_trees_whatever_the_threads() {
    let dir = tempfile::tempdir().unwrap();
    let wanted = forest(dir.path());
    for threads in [0, 1, 2, 8] {
        let source = Local::new(dir.path()).unwrap().with_threads(threads);
        let seen: Vec<_> =
            items(&source, &WalkOptions::default()).into_iter().map(|item| item.path).collect();
        assert!(seen == wanted, "{threads} threads");
    }
}

#[test]
fn a_sink_that_breaks_ends_the_walk() {
    let dir = tempfile::tempdir().unwrap();
    forest(dir.path());
    let source = Local::new(dir.path()).unwrap();
    let mut count = 0;
    source
        .walk(&WalkOptions::default(), &mut |_| {
            count += 1;
            if count == 100 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
    assert_eq!(count, 100);
}

#[test]
fn paths_longer_than_the_system_takes_are_walked() {
    let dir = tempfile::tempdir().unwrap();
    let name = "d".repeat(250);
    let mut fd = rustix::fs::open(dir.path(), rustix::fs::OFlags::PATH, Mode::empty()).unwrap();
    for _ in 0..40 {
        rustix::fs::mkdirat(&fd, name.as_str(), Mode::RWXU).unwrap();
        fd = rustix::fs::openat(&fd, name.as_str(), rustix::fs::OFlags::PATH, Mode::empty()).unwrap();
    }
    let found = items(&Local::new(dir.path()).unwrap(), &WalkOptions::default());
    assert_eq!(found.len(), 41);
    assert_eq!(found[40].path.len(), 40 * 251 - 1);
}

#[test]
fn exclusions_and_uploads_are_left_out_whole() {
    let dir = tempfile::tempdir().unwrap();
    everything(dir.path());
    let source = Local::new(dir.path()).unwrap();
    let has = |items: &[Item], part: &str| {
        let part = part.as_bytes();
        items.iter().any(|item| item.path.windows(part.len()).any(|window| window == part))
    };
    assert!(!has(&items(&source, &WalkOptions::default()), "_uploads"));
    assert!(has(&items(&source, &with_uploads()), "_uploads/1f/data"));

    let exclude = exclusions(&["/docker/registry/v2/repositories/team/", "a?b", "*-last", "**/b"]);
    let options = WalkOptions { exclude: exclude.unwrap(), ..WalkOptions::default() };
    let left = items(&source, &options);
    for gone in ["team", "a.b", "zz-last", "a/b"] {
        assert!(!has(&left, gone), "{gone}");
    }
    assert!(has(&left, "v2/repositories") && has(&left, "a/first"));
    let anchored = WalkOptions { exclude: exclusions(&["/first"]).unwrap(), ..WalkOptions::default() };
    assert!(has(&items(&source, &anchored), "a/first"), "it is not at the root");
    let anywhere = WalkOptions { exclude: exclusions(&["first"]).unwrap(), ..WalkOptions::default() };
    assert!(!has(&items(&source, &anywhere), "a/first"));
    let raw = WalkOptions { exclude: exclusions(&["odd-*"]).unwrap(), ..WalkOptions::default() };
    assert!(!items(&source, &raw).iter().any(|item| item.path == ODD));
}

#[test]
fn what_a_restore_left_behind_is_no_content() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join(".dtrvault-restore")).unwrap();
    std::fs::write(dir.path().join(".dtrvault-restore/0"), "x").unwrap();
    let source = Local::new(dir.path()).unwrap();
    assert_eq!(items(&source, &WalkOptions::default()).len(), 1);
}

#[test]
fn a_root_that_is_none_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let none = Local::new(&dir.path().join("none"));
    assert!(matches!(none, Err(SourceError::NoRoot { .. })));
    std::fs::write(dir.path().join("file"), "").unwrap();
    let file = Local::new(&dir.path().join("file"));
    assert!(matches!(file, Err(SourceError::NotAFolder { .. })));
    std::fs::create_dir(dir.path().join("real")).unwrap();
    std::fs::write(dir.path().join("real/x"), "").unwrap();
    symlink("real", dir.path().join("link")).unwrap();
    let source = Local::new(&dir.path().join("link")).unwrap();
    assert_eq!(items(&source, &WalkOptions::default()).len(), 2);
    assert!(!source.is_registry().unwrap());
}

#[test]
fn changes_while_reading_are_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("link");
    std::fs::write(&path, "before").unwrap();
    let source = Local::new(dir.path()).unwrap();
    let item = items(&source, &WalkOptions::default()).remove(1);
    let ItemKind::File(stat) = item.kind.clone() else { panic!() };
    let mut file = source.open(&item).unwrap();
    assert!(file.still(&stat).unwrap());
    assert_eq!(content(&source, &item), b"before");
    std::thread::sleep(std::time::Duration::from_millis(20));
    std::fs::write(&path, "AFTER!").unwrap();
    assert!(!file.still(&stat).unwrap());
    let (_, now) = file.stat().unwrap();
    assert_eq!(now.size, 6);
    assert!(file.still(&now).is_ok_and(|same| !same), "the item's mtime is another");

    // Another file under the same name is none that was walked, even if it looks alike.
    let mut file = source.open(&item).unwrap();
    std::fs::write(dir.path().join("new"), "before").unwrap();
    std::fs::rename(dir.path().join("new"), &path).unwrap();
    assert!(!file.still(&stat).unwrap());
    assert!(!source.open(&item).unwrap().still(&stat).unwrap());
}

#[test]
fn short_files_that_changed_come_with_their_content() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(dir.path().join(name), bytes).unwrap();
    write("empty", b"");
    write("link", b"sha256:");
    write("long", &[b'x'; 101]);
    write("old", b"known");
    std::fs::hard_link(dir.path().join("link"), dir.path().join("second")).unwrap();
    let source = Local::new(dir.path()).unwrap();
    let read = |since| {
        let short = Some(ShortFiles { max_bytes: 100, since });
        let found = items(&source, &WalkOptions { short, ..WalkOptions::default() });
        let read = found.into_iter().filter_map(|item| Some((item.path, item.content?)));
        read.map(|(path, content)| (String::from_utf8(path).unwrap(), content)).collect::<Vec<_>>()
    };
    let of = |name: &str, bytes: &[u8]| (name.to_owned(), bytes.to_vec());
    // The second name of a file is a link to the first.
    assert_eq!(read(None), [of("empty", b""), of("link", b"sha256:"), of("old", b"known")]);
    let known = std::fs::metadata(dir.path().join("old")).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(20));
    write("link", b"sha256:1");
    write("new", b"new");
    let after = Time { secs: known.ctime(), nanos: known.ctime_nsec() as u32 + 1 };
    assert_eq!(read(Some(after)), [of("link", b"sha256:1"), of("new", b"new")]);
    assert!(items(&source, &WalkOptions::default()).iter().all(|item| item.content.is_none()));
}

#[test]
fn times_of_access_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let repo = dir.path().join("docker/registry/v2/repositories/app/_manifests/tags/v1/current");
    std::fs::create_dir_all(&repo).unwrap();
    std::fs::write(repo.join("link"), "sha256:").unwrap();
    for number in 0..100 {
        std::fs::create_dir(dir.path().join(number.to_string())).unwrap();
    }
    let source = Local::new(dir.path()).unwrap();
    let options =
        || WalkOptions { short: Some(ShortFiles { max_bytes: 100, since: None }), ..WalkOptions::default() };
    let found = items(&source, &options());
    let paths: Vec<_> = found.iter().map(|item| dir.path().join(OsStr::from_bytes(&item.path))).collect();
    // Long before the last change: the system would set it at any access.
    for path in &paths {
        let old = Timespec { tv_sec: 1_000, tv_nsec: 5 };
        let keep = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
        let times = Timestamps { last_access: old, last_modification: keep };
        utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
    }
    let file = items(&source, &options()).into_iter().find(|item| item.path.ends_with(b"link")).unwrap();
    assert_eq!(file.content.as_deref(), Some(b"sha256:".as_slice()));
    assert_eq!(content(&source, &file), b"sha256:");
    for path in paths {
        let stat = std::fs::symlink_metadata(&path).unwrap();
        assert_eq!((stat.atime(), stat.atime_nsec()), (1_000, 5), "{}", path.display());
    }
}

#[test]
fn what_was_exchanged_for_something_else_has_vanished() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("d/file");
    std::fs::create_dir(dir.path().join("d")).unwrap();
    std::fs::write(&path, "x").unwrap();
    let source = Local::new(dir.path()).unwrap();
    let item = items(&source, &WalkOptions::default()).remove(2);
    let vanished = || matches!(source.open(&item), Err(SourceError::Vanished { .. }));
    assert!(!vanished());
    std::fs::remove_file(&path).unwrap();
    assert!(vanished());
    // A pipe without a writer would hold a reader for ever.
    rustix::fs::mkfifoat(CWD, &path, Mode::RWXU).unwrap();
    assert!(vanished());
    std::fs::remove_file(&path).unwrap();
    symlink("/etc/passwd", &path).unwrap();
    assert!(vanished());
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert!(vanished());
    std::fs::remove_dir_all(dir.path().join("d")).unwrap();
    symlink("/etc", dir.path().join("d")).unwrap();
    let item = Item { path: b"d/passwd".to_vec(), ..item };
    assert!(matches!(source.open(&item), Err(SourceError::Vanished { .. })));
}

#[test]
fn a_walk_while_everything_changes_ends_and_keeps_order() {
    let dir = tempfile::tempdir().unwrap();
    forest(dir.path());
    let source = Local::new(dir.path()).unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    // Outlives a failed assertion, which would else wait for the other thread for ever.
    struct Stop<'a>(&'a std::sync::atomic::AtomicBool);
    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    }
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0.. {
                let victim = dir.path().join(format!("r{}", round % 24));
                let _ = std::fs::remove_dir_all(&victim);
                let _ = std::fs::create_dir(&victim);
                let _ = symlink("/", victim.join("0"));
                if stop.load(std::sync::atomic::Ordering::Relaxed) {
                    break;
                }
            }
        });
        let _stop = Stop(&stop);
        for _ in 0..5 {
            let mut last: Option<Vec<u8>> = None;
            for found in walk(&source, &WalkOptions::default()) {
                if let Found::Item(item) = found {
                    if let Some(last) = &last {
                        let (a, b) = (last.escape_ascii(), item.path.escape_ascii());
                        assert!(path_order(last, &item.path).is_lt(), "{a} before {b}");
                    }
                    let name = item.path.split(|byte| *byte == b'/').nth(2);
                    assert!(name.is_none_or(|name| name == b"link" || name == b"d"));
                    last = Some(item.path);
                }
            }
        }
    });
}

#[test]
fn file_names_are_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let name = std::ffi::OsStr::from_bytes(ODD);
    std::fs::write(dir.path().join(name), "odd").unwrap();
    let source = Local::new(dir.path()).unwrap();
    let item = items(&source, &WalkOptions::default()).remove(1);
    assert_eq!(item.path, ODD);
    assert_eq!(content(&source, &item), b"odd");
}
