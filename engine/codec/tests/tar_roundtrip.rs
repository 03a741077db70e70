//! Splitting and joining give the same bytes whatever they are, and joining is safe from
//! skeletons that nobody split.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::io::{self, ErrorKind, Read};

use common::{changed, header, join, padded, split_in};
use dtrvault_codec::{CodecError, SplitSink, TarJoin, TarSplitter, TarStreams};
use proptest::prelude::*;

/// A compiled module of Python 3.11, of a source of this time.
fn compiled(time: u32) -> Vec<u8> {
    let stamp = [&[0xa7, 0x0d, b'\r', b'\n', 0, 0, 0, 0][..], &time.to_le_bytes(), &9_u32.to_le_bytes()];
    [stamp.concat(), b"the code of a module, marshalled".repeat(9)].concat()
}

/// Blocks that a tar may hold, in any order: headers of all kinds, zeros, text, noise.
fn blocks() -> impl Strategy<Value = Vec<u8>> {
    let header = (prop::sample::select(b"\x0001234567LKxgSMDVNXA".to_vec()), 0_u64..2000, any::<bool>())
        .prop_map(|(flag, size, more)| {
            changed(header("dir/name", flag, size), |block| block[482] = u8::from(more)).to_vec()
        });
    let block = prop_oneof![
        4 => header,
        1 => Just(vec![0; 512]),
        1 => Just(padded(b"20 comment=whatever\n13 size=1000\n12 path=a/b\n")),
        1 => Just(vec![b'x'; 512]),
        1 => Just(padded(&compiled(7))),
        1 => prop::collection::vec(any::<u8>(), 1..700),
    ];
    prop::collection::vec(block, 0..12).prop_map(|blocks| blocks.concat())
}

proptest! {
    #[test]
    fn blocks_come_back(
        bytes in blocks(),
        pieces in prop::collection::vec(1usize..1500, 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        // Half of the cuts are near the end, where whole members stand before them.
        let cut = cut.index(bytes.len() + 1);
        let kept = if cut % 2 == 0 { cut } else { bytes.len() - cut % 600.min(bytes.len() + 1) };
        let bytes = &bytes[..kept];
        let (report, streams) = split_in(bytes, &pieces);
        prop_assert!(join(&streams).unwrap() == bytes);
        prop_assert_eq!(split_in(bytes, &[usize::MAX]), (report, streams));
    }

    #[test]
    fn noise_comes_back(
        bytes in prop::collection::vec(any::<u8>(), 0..3000),
        pieces in prop::collection::vec(1usize..1500, 1..8),
    ) {
        let (_, streams) = split_in(&bytes, &pieces);
        prop_assert!(join(&streams).unwrap() == bytes);
    }

    #[test]
    fn hostile_skeletons_end_or_fail(
        skeleton in prop::collection::vec(prop_oneof![0u8..4, any::<u8>()], 0..60),
        payload in prop::collection::vec(any::<u8>(), 0..300),
        piece in 1usize..40,
    ) {
        let mut reader = TarJoin::new(&skeleton[..], &payload[..]);
        let mut out = vec![0; piece];
        let mut total = 0;
        loop {
            match reader.read(&mut out) {
                Ok(0) => break,
                Ok(count) => total += count,
                Err(error) => {
                    prop_assert_eq!(error.kind(), ErrorKind::InvalidData);
                    prop_assert!(reader.read(&mut out).is_err());
                    break;
                }
            }
        }
        prop_assert!(total <= skeleton.len() + payload.len());
    }
}

#[test]
fn times_of_sources_stand_beside_the_headers() {
    let tar = |time| {
        let module = compiled(time);
        let header = header("a.pyc", b'0', module.len() as u64);
        [&header[..], &padded(&module), &[0; 1024]].concat()
    };
    let (before, after) = (split_in(&tar(1), &[usize::MAX]).1, split_in(&tar(2), &[usize::MAX]).1);
    assert_eq!(before.payload, compiled(1)[16..]);
    assert_eq!(before.payload, after.payload);
    assert_ne!(before.skeleton, after.skeleton);
    for pieces in [[1], [7], [512], [523]] {
        let (_, streams) = split_in(&tar(2), &pieces);
        assert_eq!(streams, after);
        assert!(join(&streams).unwrap() == tar(2));
    }
    // Cut inside the stamp, it is contents as any others.
    let (_, cut) = split_in(&tar(1)[..520], &[3]);
    assert_eq!(cut.payload, compiled(1)[..8]);
    assert!(join(&cut).unwrap() == tar(1)[..520]);
}

fn fault(skeleton: &[u8], payload: &[u8]) -> CodecError {
    let (skeleton, payload) = (skeleton.to_vec(), payload.to_vec());
    let error = join(&TarStreams { skeleton, payload }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    *error.into_inner().unwrap().downcast::<CodecError>().unwrap()
}

#[test]
fn every_fault_of_a_skeleton_has_its_name() {
    use CodecError::{
        PayloadCut, PayloadDeflates, SkeletonCut, SkeletonLiteral, SkeletonNumber, SkeletonRun,
    };
    for cut in 2..5 {
        assert!(matches!(fault(&[0, 0, 6, 9, 5][..cut], b"aaaaaaaaa"), SkeletonCut));
    }
    assert!(matches!(fault(&[0, 0, 6, 9, 0x80, 0], b""), SkeletonNumber));
    for (level, plain, packed) in [(0, 9, 5), (10, 9, 5), (6, 9, 9), (6, 9, 0), (6, 1, 1), (6, 0, 0)] {
        let fault = fault(&[0, 0, level, plain, packed], b"aaaaaaaaa");
        assert!(matches!(fault, SkeletonRun { level: found, .. } if found == u64::from(level)), "{fault}");
    }
    // 16 MiB and a byte, into 5.
    assert!(matches!(
        fault(&[0, 0, 6, 0x81, 0x80, 0x80, 0x08, 5], b""),
        SkeletonRun { plain: 16_777_217, .. }
    ));
    for packed in [1, 4, 6, 8] {
        assert!(matches!(fault(&[0, 0, 6, 9, packed], b"aaaaaaaaa"), PayloadDeflates { .. }));
    }
    assert!(matches!(fault(&[0, 0, 6, 9, 5], b"aaaaaaa"), PayloadCut { missing: 2 }));
    assert!(matches!(fault(&[5, 1, 2], b""), SkeletonCut));
    assert!(matches!(fault(&[1, 7], b""), SkeletonCut));
    assert!(matches!(fault(&[0x80], b""), SkeletonCut));
    assert!(matches!(fault(&[0x80, 0], b""), SkeletonNumber));
    assert!(matches!(fault(&[0xFF; 10], b""), SkeletonNumber));
    assert!(matches!(fault(&[0, 9], b"1234"), PayloadCut { missing: 5 }));
    assert!(matches!(fault(&[0x81, 0x80, 0x04], b""), SkeletonLiteral { bytes: 65_537, max: 65_536 }));
}

#[test]
fn a_deflated_run_is_deflated() {
    let skeleton = b"\x01<\x00\x00\x00\x06\x09\x05\x00\x01\x01>\x00".to_vec();
    let joined = join(&TarStreams { skeleton, payload: b"aaaaaaaaa!".to_vec() }).unwrap();
    assert_eq!(joined, [&b"<"[..], &common::zip::deflate(b"aaaaaaaaa", 6), b"!>"].concat());
}

#[test]
fn long_literals_are_cut_into_bounded_runs() {
    let zeros = vec![0; 200_000];
    let (_, streams) = split_in(&zeros, &[777]);
    assert!(streams.payload.is_empty());
    assert_eq!(streams.skeleton.len(), 200_000 + 3 * 4 + 3);
    assert_eq!(join(&streams).unwrap(), zeros);
}

/// Gives what it holds, then fails as a broken store would.
struct Broken<'a>(&'a [u8]);

impl Read for Broken<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() { Err(ErrorKind::ConnectionReset.into()) } else { self.0.read(out) }
    }
}

#[test]
fn an_error_of_a_stream_comes_after_the_bytes_before_it() {
    let mut reader = TarJoin::new(&[2, b'a', b'b', 9][..], Broken(b"cd"));
    let mut out = Vec::new();
    let error = reader.read_to_end(&mut out).unwrap_err();
    assert_eq!((out.as_slice(), error.kind()), (&b"abcd"[..], ErrorKind::ConnectionReset));
    assert!(reader.read(&mut [0; 4]).is_err());
}

#[test]
fn the_payload_is_not_read_beyond_what_is_asked_for() {
    let mut payload = &b"0123456789"[..];
    let mut out = Vec::new();
    TarJoin::new(&[0, 4][..], &mut payload).read_to_end(&mut out).unwrap();
    assert_eq!((out.as_slice(), payload), (&b"0123"[..], &b"456789"[..]));
}

#[test]
fn an_error_of_the_sink_is_passed_on() {
    struct Full;
    impl SplitSink for Full {
        type Error = &'static str;
        fn skeleton(&mut self, _: &[u8]) -> Result<(), Self::Error> {
            Ok(())
        }
        fn payload(&mut self, _: &[u8]) -> Result<(), Self::Error> {
            Err("full")
        }
    }
    let bytes = [&header("a", b'0', 3)[..], &padded(b"abc")].concat();
    assert_eq!(TarSplitter::new().push(&bytes, &mut Full), Err("full"));
}
