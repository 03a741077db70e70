//! Metadata streams of every kind, each of which must come back byte for byte.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt as _, symlink};
use std::path::Path;
use std::process::Command;

use crate::Words;
use crate::dtr_days::dtr_tar;
use crate::layers::gzip;

/// What a snapshot says of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A tar, whatever its ending.
    Tar,
    /// Kept as it is.
    Gzip,
    /// Kept as it is.
    Zstd,
    /// No tar: kept, with a warning.
    Other,
}

impl Form {
    /// The word that a snapshot has for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Tar => "tar",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Other => "other",
        }
    }
}

/// Every kind, under a name for messages.
///
/// # Panics
///
/// When GNU tar or gzip fails.
pub fn odd_tars() -> Vec<(&'static str, Form, Vec<u8>)> {
    let files = tempfile::tempdir().unwrap();
    members(files.path());
    let at = files.path();
    let whole = gnu_tar(at, &["--format=gnu"], &["small", "folder"]);
    let last_zeros = whole.len() - whole.iter().rposition(|byte| *byte != 0).unwrap() - 1;
    let without_end = whole[..(whole.len() - last_zeros).next_multiple_of(512)].to_vec();
    let one_block = [&without_end[..], &[0; 512]].concat();
    let mut words = Words::new(7);
    let v7 = gnu_tar(at, &["--format=v7"], &["small", "links"]);
    let mut found = vec![
        ("gnu", Form::Tar, gnu_tar(at, &["--format=gnu"], &["."])),
        ("pax", Form::Tar, gnu_tar(at, &["--format=pax", "--xattrs"], &["."])),
        ("ustar", Form::Tar, gnu_tar(at, &["--format=ustar"], &["small", "links"])),
        ("v7", Form::Tar, v7),
        ("old gnu", Form::Tar, gnu_tar(at, &["--format=oldgnu"], &["small", "links"])),
        ("gnu sparse", Form::Tar, gnu_tar(at, &["--format=gnu", "-S"], &["sparse", "small"])),
        ("pax sparse", Form::Tar, gnu_tar(at, &["--format=pax", "-S"], &["sparse", "small"])),
        (
            "pax sparse 0.1",
            Form::Tar,
            gnu_tar(at, &["--format=pax", "-S", "--sparse-version=0.1"], &["sparse", "small"]),
        ),
        ("incremental", Form::Tar, gnu_tar(at, &["--format=gnu", "-G"], &["folder"])),
        ("labelled", Form::Tar, gnu_tar(at, &["--format=gnu", "-V", "label"], &["small"])),
        ("one block a record", Form::Tar, gnu_tar(at, &["-b1"], &["small"])),
        ("base-256 numbers", Form::Tar, base_256()),
        ("no end blocks", Form::Tar, without_end.clone()),
        ("one end block", Form::Tar, one_block),
        ("trailing bytes", Form::Tar, [&whole[..], &words.bytes(12_345)].concat()),
        ("trailing text", Form::Tar, [&whole[..], b"-- end of backup --\n"].concat()),
        ("concatenated", Form::Tar, [&whole[..], &whole, &without_end, &whole].concat()),
        ("many zeros at the end", Form::Tar, [&whole[..], &vec![0; 3 << 20]].concat()),
        ("zeros of no whole block", Form::Tar, [&whole[..], &[0; 100]].concat()),
        ("no members", Form::Tar, vec![0; 10_240]),
        ("garbage after a member", Form::Tar, [&without_end[..], &words.bytes(2048)].concat()),
        ("device with a size", Form::Tar, device_with_size()),
        ("signed checksum", Form::Tar, signed_checksum()),
        ("dtr", Form::Tar, dtr_tar(6000, 1)),
        ("gzip", Form::Gzip, gzip(&whole, 6)),
        ("zstd", Form::Zstd, zstd::encode_all(&whole[..], 3).unwrap()),
        ("no tar: noise", Form::Other, words.bytes(3 << 20)),
        ("no tar: text", Form::Other, words.text(70_000)),
        ("no tar: one byte", Form::Other, vec![b'x']),
        ("no tar: short", Form::Other, words.bytes(511)),
    ];
    let mut sparse_only = gnu_tar(at, &["--format=gnu", "-S"], &["many holes"]);
    sparse_only.extend_from_slice(&whole);
    found.push(("sparse with extension headers", Form::Tar, sparse_only));
    found
}

/// A tar cut in the middle of a member's contents.
pub fn cut_tar() -> Vec<u8> {
    let mut tar = dtr_tar(600, 1);
    let content = tar.windows(5).rposition(|bytes| bytes == b"{\"id\"").expect("a row");
    tar.truncate(content + 20);
    tar
}

fn members(at: &Path) {
    let mut words = Words::new(3);
    fs::write(at.join("small"), words.text(5000)).unwrap();
    fs::create_dir_all(at.join("folder/sub")).unwrap();
    for n in 0..30 {
        let len = words.below(2000) as usize;
        fs::write(at.join(format!("folder/sub/{n}")), words.text(len)).unwrap();
    }
    fs::write(at.join("folder/big"), words.bytes(2_500_000)).unwrap();
    fs::write(at.join("folder/empty"), "").unwrap();
    fs::create_dir(at.join("links")).unwrap();
    fs::write(at.join("links/one"), "linked").unwrap();
    fs::hard_link(at.join("links/one"), at.join("links/two")).unwrap();
    symlink("one", at.join("links/symbolic")).unwrap();
    let long = format!("{}/{}", "p".repeat(200), "q".repeat(250));
    fs::create_dir(at.join(&long[..200])).unwrap();
    fs::write(at.join(&long), "long").unwrap();
    symlink("x".repeat(300), at.join("long target")).unwrap();
    xattr::set(at.join("small"), "user.colour", b"blue").unwrap();
    let sparse = File::create(at.join("sparse")).unwrap();
    sparse.set_len(30 << 20).unwrap();
    sparse.write_all_at(b"island", 10 << 20).unwrap();
    // More than the 4 pieces of a header and the 21 of an extension header.
    let holes = File::create(at.join("many holes")).unwrap();
    for n in 0..60 {
        holes.write_all_at(&words.bytes(4096), n << 16).unwrap();
    }
}

fn gnu_tar(at: &Path, options: &[&str], members: &[&str]) -> Vec<u8> {
    let output = Command::new("tar")
        .args(["--create", "--file=-", "--warning=none"])
        .args(options)
        .arg("-C")
        .arg(at)
        .args(members)
        .output()
        .expect("GNU tar");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "tar {options:?}: {error}");
    output.stdout
}

/// Size, owner and time as base-256 numbers, the time before 1970.
fn base_256() -> Vec<u8> {
    let content = Words::new(8).bytes(1500);
    let mut header = tar::Header::new_gnu();
    header.set_path("base-256").unwrap();
    header.set_mode(0o644);
    let bytes = header.as_mut_bytes();
    number(&mut bytes[124..136], content.len() as i64);
    number(&mut bytes[108..116], 4_000_000_000);
    number(&mut bytes[116..124], 4_000_000_001);
    number(&mut bytes[136..148], -86_400);
    header.set_cksum();
    archive(&header, &content)
}

fn number(field: &mut [u8], value: i64) {
    let fill = if value < 0 { 0xff } else { 0 };
    field.fill(fill);
    let at = field.len() - 8;
    field[at..].copy_from_slice(&value.to_be_bytes());
    field[0] |= 0x80;
}

/// A character device whose size field is not zero, though no contents follow.
fn device_with_size() -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.set_path("device").unwrap();
    header.set_entry_type(tar::EntryType::Char);
    header.set_size(4096);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    let mut next = tar::Header::new_ustar();
    next.set_path("next").unwrap();
    next.set_size(3);
    next.set_cksum();
    bytes.extend(archive(&next, b"yes"));
    bytes
}

/// A header summed up as signed bytes, as some old tars did.
fn signed_checksum() -> Vec<u8> {
    let mut header = tar::Header::new_old();
    header.as_mut_bytes()[..8].copy_from_slice(b"caf\xe9.txt");
    header.set_mode(0o644);
    header.set_size(4);
    let bytes = header.as_mut_bytes();
    bytes[148..156].fill(b' ');
    let sum: i64 = bytes.iter().map(|byte| i64::from(*byte as i8)).sum();
    bytes[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    archive(&header, b"text")
}

fn archive(header: &tar::Header, content: &[u8]) -> Vec<u8> {
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(512) + 1024, 0);
    bytes
}
