//! Dialects of tar: hand-made headers, archives of the `tar` crate and of GNU tar.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::process::Command;

use common::{changed, header, padded, split, split_in};
use dtrvault_codec::{Ending, Form, sniff};

const END: [u8; 1024] = [0; 1024];

fn pax(records: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (key, value) in records {
        let body = format!(" {key}={value}\n");
        let mut length = body.len();
        while format!("{length}{body}").len() > length {
            length += 1;
        }
        bytes.extend_from_slice(format!("{length}{body}").as_bytes());
    }
    [&header("pax", b'x', bytes.len() as u64)[..], &padded(&bytes)].concat()
}

#[test]
fn a_size_of_pax_wins_over_the_header() {
    let bytes = [
        &pax(&[("mtime", "1.5"), ("size", "1000"), ("path", "root/name")])[..],
        &header("short", b'0', 0),
        &padded(&[b'c'; 1000]),
        &header("next", b'0', 3),
        &padded(b"abc"),
        &END,
    ]
    .concat();
    let (report, streams) = split(&bytes);
    assert_eq!((report.members, &report.ending), (2, &Ending::Complete));
    assert_eq!(report.root.as_deref(), Some(&b"root"[..]));
    assert_eq!(streams.payload.len(), 1003);
}

#[test]
fn a_size_of_pax_is_found_behind_a_flood_of_records() {
    let filler = "x".repeat(200_000);
    let bytes = [
        &pax(&[("comment", &filler), ("size", "1000")])[..],
        &header("short", b'0', 0),
        &padded(&[b'c'; 1000]),
        &END,
    ]
    .concat();
    let (report, streams) = split(&bytes);
    assert_eq!((report.members, &report.ending), (1, &Ending::Complete));
    // Extended headers above the longest literal run are payload.
    assert!(streams.payload.len() > 201_000);
    assert!(streams.skeleton.len() < 4000);
}

#[test]
fn sparse_maps_of_gnu_are_skeleton() {
    let sparse = changed(header("sparse", b'S', 600), |block| block[482] = 1);
    let (mut more, last) = ([3; 512], [0; 512]);
    more[504] = 1;
    let bytes = [&sparse[..], &more, &last, &padded(&[b'd'; 600]), &END].concat();
    let (report, streams) = split(&bytes);
    assert_eq!((report.members, &report.ending), (1, &Ending::Complete));
    assert_eq!(streams.payload, [b'd'; 600]);
    for cut in 513..1536 {
        assert_eq!(split(&bytes[..cut]).0.ending, Ending::CutInHeader { offset: 0 });
    }
}

#[test]
fn sizes_of_members_without_contents_are_judged_by_what_follows() {
    for flag in *b"123456V" {
        let odd = header("odd", flag, 600);
        let next = [&header("next", b'0', 3)[..], &padded(b"abc"), &END].concat();
        let (report, streams) = split(&[&odd[..], &next].concat());
        assert_eq!((&report.ending, streams.payload.as_slice()), (&Ending::Complete, &b"abc"[..]));
        let with_content = [&odd[..], &padded(&[b'e'; 600]), &next].concat();
        let expected = split(&with_content);
        assert_eq!(expected.0.ending, Ending::Complete);
        assert_eq!(expected.0.members, 1 + u64::from(flag != b'V'));
        assert_eq!(expected.1.payload, [&[b'e'; 600][..], b"abc"].concat());
        for piece in [1, 511, 512, 513, 700] {
            assert_eq!(split_in(&with_content, &[piece]), expected);
        }
        assert_eq!(split(&[&odd[..], &END].concat()).0.ending, Ending::Complete);
        assert_eq!(split(&odd).0.ending, Ending::NoEndBlocks);
    }
}

#[test]
fn members_of_several_volumes_and_dumpdirs_have_contents() {
    for flag in *b"MD7N" {
        let bytes = [&header("part", flag, 600)[..], &padded(&[b'f'; 600]), &END].concat();
        let (report, streams) = split(&bytes);
        assert_eq!((report.members, report.ending), (1, Ending::Complete));
        assert_eq!(streams.payload, [b'f'; 600]);
    }
}

#[test]
fn a_volume_label_is_no_member() {
    let bytes = [header("Label/1", b'V', 0), header("./real/x", b'0', 0)].concat();
    let (report, _) = split(&bytes);
    assert_eq!((report.members, report.root.as_deref()), (1, Some(&b"real"[..])));
}

#[test]
fn a_member_above_eight_gibibytes_is_announced_in_base_256() {
    let size = (8_u64 << 30) + 5;
    let block = header("big", b'0', size);
    assert_eq!(block[124] & 0x80, 0x80);
    let (report, _) = split(&[&block[..], b"12345"].concat());
    let name = b"big".to_vec();
    assert_eq!(report.ending, Ending::CutInMember { offset: 0, name, missing_bytes: 8 << 30 });
}

#[test]
fn small_files_cost_one_record_each() {
    let files: Vec<u8> =
        (0..100).flat_map(|_| [&header("file", b'0', 3)[..], &padded(b"abc")].concat()).chain(END).collect();
    let (_, streams) = split(&files);
    assert_eq!(streams.payload.len(), 300);
    // Padding of one file and header of the next are one run: two bytes of length, one of payload.
    assert_eq!(streams.skeleton.len(), files.len() - 300 + 101 * 3);
}

#[test]
fn archives_of_the_tar_crate() {
    let long = format!("deep/{}/file", "d".repeat(300));
    let mut builder = tar::Builder::new(Vec::new());
    for (name, size) in [("deep/a", 0), ("deep/b", 511), (long.as_str(), 512), ("deep/c", 513)] {
        let mut header = tar::Header::new_gnu();
        header.set_size(size);
        header.set_mode(0o644);
        let content = vec![b'x'; usize::try_from(size).unwrap()];
        builder.append_data(&mut header, name, &content[..]).unwrap();
    }
    let bytes = builder.into_inner().unwrap();
    let (report, streams) = split(&bytes);
    assert_eq!((report.members, &report.ending), (4, &Ending::Complete));
    assert_eq!(report.root.as_deref(), Some(&b"deep"[..]));
    assert_eq!(streams.payload, vec![b'x'; 511 + 512 + 513]);
}

/// A folder with what makes tars differ; its files hold this many bytes apart from holes.
fn folder(at: &Path, with_long_names: bool) -> u64 {
    let top = at.join("top");
    fs::create_dir_all(top.join("empty")).unwrap();
    let mut total = 0;
    for size in [0_usize, 1, 511, 512, 513, 100_000] {
        fs::write(top.join(format!("f{size}")), vec![b'y'; size]).unwrap();
        total += size as u64;
    }
    std::os::unix::fs::symlink("f1", top.join("link")).unwrap();
    fs::hard_link(top.join("f513"), top.join("hard")).unwrap();
    if with_long_names {
        let deep = top.join("n".repeat(200)).join("m".repeat(200));
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("long"), b"long").unwrap();
        std::os::unix::fs::symlink("t".repeat(300), deep.join("longlink")).unwrap();
        total += 4;
    }
    total
}

fn gnu_tar(at: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("tar")
        .args(["-C", at.to_str().unwrap(), "-cf", "-"])
        .args(arguments)
        .arg("top")
        .output()
        .expect("GNU tar must be installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn archives_of_gnu_tar() {
    for (format, long) in [("gnu", true), ("oldgnu", true), ("posix", true), ("ustar", false), ("v7", false)]
    {
        let at = tempfile::tempdir().unwrap();
        let total = folder(at.path(), long);
        let bytes = gnu_tar(at.path(), &[&format!("--format={format}")]);
        assert_eq!(sniff(&bytes[..512], false), Form::Tar);
        let (report, streams) = split(&bytes);
        let members = tar::Archive::new(&bytes[..]).entries().unwrap().count();
        assert_eq!(report.members, members as u64, "{format}");
        assert_eq!(report.ending, Ending::Complete, "{format}");
        assert_eq!(report.root.as_deref(), Some(&b"top"[..]));
        assert_eq!(streams.payload.len() as u64, total, "{format}");
    }
}

#[test]
fn sparse_archives_of_gnu_tar() {
    for arguments in [
        &["--format=gnu", "-S"][..],
        &["--format=posix", "-S", "--sparse-version=0.0"],
        &["--format=posix", "-S", "--sparse-version=0.1"],
        &["--format=posix", "-S", "--sparse-version=1.0"],
    ] {
        let at = tempfile::tempdir().unwrap();
        let total = folder(at.path(), true);
        // Far more data regions than fit in a header, so that maps go on in further blocks.
        let mut file = File::create(at.path().join("top/sparse")).unwrap();
        for region in 0..60 {
            file.seek(SeekFrom::Start(region * 1_000_000)).unwrap();
            file.write_all(&[b'z'; 5000]).unwrap();
        }
        file.set_len(9 << 30).unwrap();
        let bytes = gnu_tar(at.path(), arguments);
        assert!(bytes.len() < 10_000_000, "the file system keeps no holes");
        let (report, streams) = split(&bytes);
        let members = tar::Archive::new(&bytes[..]).entries().unwrap().count();
        assert_eq!((report.members, report.ending), (members as u64, Ending::Complete));
        assert_eq!(report.root.as_deref(), Some(&b"top"[..]));
        let payload = streams.payload.len() as u64;
        assert!((total + 300_000..total + 1_000_000).contains(&payload), "{arguments:?} {payload}");
    }
}

#[test]
fn incremental_archives_of_gnu_tar() {
    let at = tempfile::tempdir().unwrap();
    let total = folder(at.path(), true);
    let bytes = gnu_tar(at.path(), &["--format=gnu", "-G", "--label=weekly"]);
    let (report, streams) = split(&bytes);
    assert_eq!(report.ending, Ending::Complete);
    assert!(streams.payload.len() as u64 > total);
}
