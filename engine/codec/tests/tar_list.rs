//! Tars are listed as they are, whether their contents are read or passed over.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::io::{self, Cursor, Read};

use common::zip::{How, archive, text};
use dtrvault_codec::{
    Ending, MemberSink, ReadThrough, SkipRead, TarEntry, TarJoin, TarKind, TarReport, TarSplitter,
    TarStreams, list_tar,
};
use dtrvault_format::Time;

/// What was listed: each member, what its contents are made of, and whether they were read.
#[derive(Default)]
struct Listed {
    members: Vec<(TarEntry, blake3::Hasher, u64)>,
    reads: bool,
}

impl MemberSink for Listed {
    type Error = io::Error;

    fn member(&mut self, entry: TarEntry) -> io::Result<bool> {
        self.members.push((entry, blake3::Hasher::new(), 0));
        Ok(self.reads)
    }

    fn content(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (_, sum, read) = self.members.last_mut().unwrap();
        sum.update(bytes);
        *read += bytes.len() as u64;
        Ok(())
    }

    fn passed(&mut self) -> &mut blake3::Hasher {
        &mut self.members.last_mut().unwrap().1
    }
}

/// Bytes that can be passed over, and that count what is read of them.
struct Skipped {
    bytes: Cursor<Vec<u8>>,
    read: u64,
}

impl Skipped {
    fn new(bytes: &[u8]) -> Self {
        Self { bytes: Cursor::new(bytes.to_vec()), read: 0 }
    }
}

impl Read for Skipped {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.bytes.read(out)?;
        self.read += count as u64;
        Ok(count)
    }
}

impl SkipRead for Skipped {
    fn skip(&mut self, count: u64, sum: &mut blake3::Hasher) -> io::Result<u64> {
        let left = self.bytes.get_ref().len() as u64 - self.bytes.position();
        sum.update(b"passed").update(&count.to_le_bytes());
        self.bytes.set_position(self.bytes.position() + count.min(left));
        Ok(count.min(left))
    }
}

fn listed(source: &mut dyn SkipRead, reads: bool) -> (Listed, TarReport) {
    let mut listed = Listed { reads, ..Listed::default() };
    let report = list_tar(source, &mut listed).unwrap();
    (listed, report)
}

fn header(kind: tar::EntryType, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o4755);
    header.set_uid(7);
    header.set_gid(8);
    header.set_mtime(1_700_000_000);
    header
}

/// One of everything.
fn sample() -> Vec<u8> {
    use tar::EntryType::{Directory, Fifo, Link, Regular, Symlink};
    let mut builder = tar::Builder::new(Vec::new());
    let long = format!("deep/{}", "x".repeat(300));
    builder.append_data(&mut header(Directory, 0), "usr/", io::empty()).unwrap();
    builder.append_data(&mut header(Regular, 3000), "usr/file", &[7; 3000][..]).unwrap();
    builder.append_data(&mut header(Regular, 5), "usr/.wh.gone", &b"12345"[..]).unwrap();
    builder.append_link(&mut header(Symlink, 0), "usr/link", &long).unwrap();
    builder.append_link(&mut header(Link, 0), "usr/hard", "usr/file").unwrap();
    builder.append_data(&mut header(Fifo, 0), "usr/fifo", io::empty()).unwrap();
    let mut device = header(tar::EntryType::Char, 0);
    device.set_device_major(5).unwrap();
    device.set_device_minor(1).unwrap();
    builder.append_data(&mut device, "dev/console", io::empty()).unwrap();
    builder.append_data(&mut header(Regular, 1), &long, &b"1"[..]).unwrap();
    let xattr =
        [("SCHILY.xattr.security.capability", &b"\0cap\n"[..]), ("mtime", b"5.5"), ("uid", b"3000000")];
    builder.append_pax_extensions(xattr).unwrap();
    builder.append_data(&mut header(Regular, 70_000), "usr/big", &[9; 70_000][..]).unwrap();
    builder.into_inner().unwrap()
}

#[test]
fn members_are_told_as_their_headers_say() {
    let (listed, report) = listed(&mut ReadThrough::new(&sample()[..]), false);
    assert_eq!((report.members, report.ending), (9, Ending::Complete));
    let entry = |at: usize| &listed.members[at].0;
    assert_eq!(entry(0).kind, TarKind::Dir);
    let TarEntry { mode, uid, gid, mtime, kind, .. } = entry(1).clone();
    assert_eq!((mode, uid, gid, mtime), (0o4755, 7, 8, Time::from_secs(1_700_000_000)));
    assert_eq!(kind, TarKind::File { size: 3000 });
    assert_eq!(entry(2).path, b"usr/.wh.gone");
    let long = [&b"deep/"[..], &[b'x'; 300]].concat();
    assert_eq!(entry(3).kind, TarKind::Symlink { target: long.clone() });
    assert_eq!(entry(4).kind, TarKind::Hardlink { target: b"usr/file".to_vec() });
    assert_eq!(entry(5).kind, TarKind::Fifo);
    assert_eq!(entry(6).kind, TarKind::CharDevice { major: 5, minor: 1 });
    assert_eq!(entry(7).path, long);
    assert_eq!((entry(8).uid, entry(8).mtime), (3_000_000, Time { secs: 5, nanos: 500_000_000 }));
    assert_eq!(entry(8).xattrs, [b"security.capability"]);
}

#[test]
fn contents_are_passed_over_or_read_as_is_asked_for() {
    let tar = sample();
    let (read, _) = listed(&mut ReadThrough::new(&tar[..]), true);
    let (through, _) = listed(&mut ReadThrough::new(&tar[..]), false);
    for ((one, one_sum, bytes), (other, other_sum, _)) in read.members.iter().zip(&through.members) {
        assert_eq!((one, one_sum.finalize()), (other, other_sum.finalize()));
        assert!(matches!(one.kind, TarKind::File { size } if size == *bytes) || *bytes == 0);
    }
    let mut plain = Skipped::new(&tar);
    let (passed, _) = listed(&mut plain, false);
    assert_eq!(passed.members.len(), 9);
    assert!(passed.members.iter().all(|(_, _, read)| *read == 0));
    assert!(plain.read < 20_000, "{}", plain.read);
}

#[test]
fn a_skeleton_tells_all_without_the_payload() {
    let tar = sample();
    let (mut splitter, mut streams) = (TarSplitter::new(), TarStreams::default());
    splitter.push(&tar, &mut streams).unwrap();
    splitter.finish(&mut streams).unwrap();
    let join = || TarJoin::new(Cursor::new(streams.skeleton.clone()), Skipped::new(&streams.payload));
    let (passed, report) = listed(&mut join(), false);
    let (read, _) = listed(&mut join(), true);
    let (plain, _) = listed(&mut ReadThrough::new(&tar[..]), true);
    assert_eq!(report.ending, Ending::Complete);
    assert!(passed.members.iter().all(|(_, _, read)| *read == 0));
    let entries =
        |listed: &Listed| listed.members.iter().map(|(entry, ..)| entry.clone()).collect::<Vec<_>>();
    assert_eq!(entries(&passed), entries(&plain));
    for ((_, one, _), (_, other, _)) in read.members.iter().zip(&plain.members) {
        assert_eq!(one.finalize(), other.finalize());
    }
    // A payload that ends early is an error, passed over or not.
    let cut = streams.payload[..1000].to_vec();
    for reads in [true, false] {
        let mut join = TarJoin::new(Cursor::new(streams.skeleton.clone()), Skipped::new(&cut));
        assert!(list_tar(&mut join, &mut Listed { reads, ..Listed::default() }).is_err());
    }
}

#[test]
fn archives_are_passed_over_without_their_content() {
    let jar = |level| {
        let texts = [1, 2].map(|seed| text(seed, 90_000));
        archive(&[("a", &texts[0], How::Deflated(level)), ("b", &texts[1], How::Deflated(9))], 1)
    };
    let streams_of = |level| common::split(&common::tar_of("a.jar", &jar(level))).1;
    let streams = streams_of(6);
    let join = |streams: &TarStreams| {
        TarJoin::new(Cursor::new(streams.skeleton.clone()), Skipped::new(&streams.payload))
    };
    let (passed, report) = listed(&mut join(&streams), false);
    assert_eq!((report.members, report.ending), (1, Ending::Complete));
    assert_eq!(passed.members[0].2, 0);
    let (read, _) = listed(&mut join(&streams), true);
    assert_eq!(read.members[0].2, jar(6).len() as u64);
    assert_eq!(read.members[0].1.finalize(), blake3::hash(&jar(6)));
    // The same content, deflated at another level, is other contents.
    let (other, _) = listed(&mut join(&streams_of(1)), false);
    assert_ne!(other.members[0].1.finalize(), passed.members[0].1.finalize());
    // From wherever one passes over, and however far, reading goes on at the right place.
    let tar = common::join(&streams).unwrap();
    for from in [0, 500, 600, 700, 3000] {
        for to in [from, from + 1, 900, 30_000, tar.len() - 1] {
            let (mut source, mut out) = (join(&streams), vec![0; from]);
            source.read_exact(&mut out).unwrap();
            let count = to.saturating_sub(from) as u64;
            assert_eq!(source.skip(count, &mut blake3::Hasher::new()).unwrap(), count);
            source.read_to_end(&mut out).unwrap();
            assert!(out[from..] == tar[from.max(to)..], "from {from} to {to}");
        }
    }
    let cut = Skipped::new(&streams.payload[..100_000]);
    let mut join = TarJoin::new(Cursor::new(streams.skeleton.clone()), cut);
    assert!(list_tar(&mut join, &mut Listed::default()).is_err());
}

#[test]
fn cut_tars_are_listed_as_far_as_they_stand() {
    let tar = sample();
    for cut in (0..tar.len()).step_by(97) {
        let (read, one) = listed(&mut ReadThrough::new(&tar[..cut]), true);
        let (passed, other) = listed(&mut Skipped::new(&tar[..cut]), false);
        assert_eq!((one.ending, read.members.len()), (other.ending, passed.members.len()), "{cut}");
    }
    let (damaged, report) = listed(&mut ReadThrough::new(&[&tar[..4096], &[b'x'; 9000]].concat()[..]), false);
    assert!(matches!(report.ending, Ending::NotTarFrom { .. }), "{report:?}");
    assert!(!damaged.members.is_empty());
}
