//! A folder with every kind of file that a volume can hold.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use rustix::fs::{CWD, FileType, Mode, makedev, mkfifoat, mknodat};

use crate::Words;

/// Whether this test may make devices and give files away.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Fills a folder; gives a count of entries made.
///
/// # Panics
///
/// When the file system cannot hold one of them.
pub fn fill(root: &Path) {
    names(&root.join("names"));
    contents(&root.join("contents"));
    links(&root.join("links"));
    metadata(&root.join("metadata"));
    times(root);
}

fn names(at: &Path) {
    fs::create_dir_all(at).unwrap();
    let mut words = Words::new(1);
    let long = "n".repeat(255);
    let odd: [&[u8]; 14] = [
        long.as_bytes(),
        b"not utf-8 \xff\xfe\x80",
        b"new\nline",
        b"\n",
        b" ",
        b"-rf",
        b"--help",
        b"tab\tand\x01control\x7f",
        b"back\\slash",
        b"glob*?[a]{b}",
        b"quote'\"`$(true)",
        "\u{1f433} caf\u{e9} cafe\u{301}".as_bytes(),
        b"...",
        b"a:b|c<d>e",
    ];
    for name in odd {
        fs::write(at.join(OsStr::from_bytes(name)), words.text(100)).unwrap();
    }
    // Order of paths: `a`, `a/b`, `a-b`, `a.b` sort differently by bytes and by component.
    for name in ["order/a/b", "order/a-b/c", "order/a.b/c", "order/a b/c"] {
        let path = at.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, name).unwrap();
    }
    let mut deep = at.to_path_buf();
    for level in 0..40 {
        deep.push(format!("{level:02}-{}", "d".repeat(60)));
    }
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("bottom"), "deep").unwrap();
    fs::create_dir_all(at.join("empty folder")).unwrap();
}

fn contents(at: &Path) {
    fs::create_dir_all(at).unwrap();
    let mut words = Words::new(2);
    // Around the bounds of chunks and frames.
    for len in [0usize, 1, 511, 512, 4095, 4096, 4097, 65_536, 65_537, (1 << 20) - 1, (1 << 20) + 1, 3 << 20]
    {
        fs::write(at.join(format!("noise-{len}")), words.bytes(len)).unwrap();
    }
    fs::write(at.join("text"), words.text(300_000)).unwrap();
    fs::write(at.join("zeros"), vec![0; 200_000]).unwrap();
    let sparse = File::create(at.join("sparse")).unwrap();
    sparse.set_len(64 << 20).unwrap();
    for offset in [0u64, 5 << 20, (20 << 20) + 123, (64 << 20) - 5] {
        sparse.write_all_at(b"data!", offset).unwrap();
    }
    let hole = File::create(at.join("only a hole")).unwrap();
    hole.set_len(10 << 20).unwrap();
}

fn links(at: &Path) {
    fs::create_dir_all(at.join("other")).unwrap();
    fs::write(at.join("zz first name by time"), "one inode").unwrap();
    for name in ["aa second", "other/third"] {
        fs::hard_link(at.join("zz first name by time"), at.join(name)).unwrap();
    }
    symlink("aa second", at.join("relative")).unwrap();
    symlink("/nonexistent/absolute", at.join("dangling")).unwrap();
    symlink("other", at.join("to a folder")).unwrap();
    symlink("loop", at.join("loop")).unwrap();
    symlink(OsStr::from_bytes(b"\xff\n"), at.join("odd target")).unwrap();
    symlink("t".repeat(4000), at.join("long target")).unwrap();
    let fifo = at.join("fifo");
    mkfifoat(CWD, &fifo, Mode::from_raw_mode(0o640)).unwrap();
    drop(UnixListener::bind(at.join("other/socket")));
    if is_root() {
        let mode = Mode::from_raw_mode(0o666);
        mknodat(CWD, at.join("null"), FileType::CharacterDevice, mode, makedev(1, 3)).unwrap();
        mknodat(CWD, at.join("block"), FileType::BlockDevice, mode, makedev(7, 300)).unwrap();
    }
}

fn metadata(at: &Path) {
    fs::create_dir_all(at).unwrap();
    for mode in [0o000, 0o400, 0o644, 0o777, 0o4755, 0o2755, 0o1644] {
        let path = at.join(format!("mode {mode:04o}"));
        fs::write(&path, "mode").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
    for mode in [0o700, 0o1777, 0o2775] {
        let path = at.join(format!("folder {mode:04o}"));
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let attributed = at.join("attributes");
    fs::write(&attributed, "attributes").unwrap();
    xattr::set(&attributed, "user.plain", b"value").unwrap();
    xattr::set(&attributed, "user.empty", b"").unwrap();
    xattr::set(&attributed, "user.binary", &[0, 255, 10, 61]).unwrap();
    xattr::set(at, "user.folder", b"too").unwrap();
    let done = Command::new("setfacl")
        .args(["-m", "u:1234:r--"])
        .arg(&attributed)
        .status()
        .expect("setfacl; `make packages` installs it");
    assert!(done.success());
    if is_root() {
        let given = at.join("given away");
        fs::write(&given, "owned").unwrap();
        std::os::unix::fs::chown(&given, Some(1234), Some(4_000_000_000)).unwrap();
        symlink("given away", at.join("link given away")).unwrap();
        std::os::unix::fs::lchown(at.join("link given away"), Some(99), Some(98)).unwrap();
        xattr::set(&given, "trusted.overlay.opaque", b"y").unwrap();
    }
}

/// Times last, since everything else changes them.
fn times(root: &Path) {
    let day = Duration::from_secs(86_400);
    let epoch = SystemTime::UNIX_EPOCH;
    for (name, time) in [
        ("before 1970", epoch - day * 1000 + Duration::from_nanos(5)),
        ("the epoch", epoch),
        ("in nanoseconds", epoch + day * 19_000 + Duration::new(1, 123_456_789)),
        ("after 2038", epoch + day * 40_000 + Duration::from_nanos(999_999_999)),
    ] {
        let path = root.join("metadata").join(name);
        fs::write(&path, name).unwrap();
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.set_modified(time).unwrap();
    }
    for name in ["names", "contents", "metadata"] {
        File::open(root.join(name))
            .unwrap()
            .set_modified(epoch + day * 12_345 + Duration::from_nanos(42))
            .unwrap();
    }
}
