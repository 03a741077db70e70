//! How archives end: whole, cut at any byte, followed by other bytes, or none at all.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{changed, header, padded, split, split_in};
use dtrvault_codec::Ending;

const PAX: &[u8] = b"20 comment=whatever\n";

/// Two members, the second with an extended header and a long name before it.
fn small_tar() -> Vec<u8> {
    [
        &header("top/one", b'0', 700)[..],
        &padded(&[b'a'; 700]),
        &header("././@LongLink", b'L', 9),
        &padded(b"top/long\0"),
        &header("pax", b'x', PAX.len() as u64),
        &padded(PAX),
        &header("top/short", b'0', 512),
        &[b'b'; 512],
        &[0; 1024],
    ]
    .concat()
}

/// What cutting the small tar at `length` must be reported as.
fn expected(length: u64) -> Ending {
    match length {
        0 | 1536 => Ending::NoEndBlocks,
        1..512 => Ending::CutInHeader { offset: 0 },
        512..1536 => Ending::CutInMember {
            offset: 0,
            name: b"top/one".to_vec(),
            missing_bytes: (512_u64 + 700).saturating_sub(length),
        },
        // Long name, pax header and header are of one member.
        1537..4096 => Ending::CutInHeader { offset: 1536 },
        4096..4608 => {
            Ending::CutInMember { offset: 1536, name: b"top/long".to_vec(), missing_bytes: 4608 - length }
        }
        4608 => Ending::NoEndBlocks,
        4609..5120 => Ending::CutInHeader { offset: 4608 },
        _ => Ending::Complete,
    }
}

#[test]
fn every_cut_is_told_as_what_it_is() {
    let whole = small_tar();
    assert_eq!(whole.len(), 4608 + 1024);
    for length in 0..=whole.len() {
        let (report, _) = split(&whole[..length]);
        assert_eq!(report.ending, expected(length as u64), "cut at {length}");
    }
    let (report, streams) = split(&whole);
    assert_eq!((report.members, report.root.as_deref()), (2, Some(&b"top"[..])));
    assert_eq!(streams.payload, [&[b'a'; 700][..], &[b'b'; 512]].concat());
}

#[test]
fn pieces_change_nothing() {
    let whole = small_tar();
    let expected = split(&whole);
    for piece in 1..=600 {
        assert_eq!(split_in(&whole, &[piece]), expected);
    }
}

#[test]
fn archives_in_a_row_are_one() {
    let twice = [small_tar(), vec![0; 9216], small_tar(), vec![0; 100_000]].concat();
    let (report, streams) = split(&twice);
    assert_eq!((report.members, report.ending), (4, Ending::Complete));
    assert_eq!(streams.payload.len(), 2 * 1212);
}

#[test]
fn trailing_bytes_are_payload() {
    for tail in [&b"x"[..], &[b'x'; 511], &[b'x'; 512], &[b'x'; 5000]] {
        let (report, streams) = split(&[&small_tar(), tail].concat());
        assert_eq!(report.ending, Ending::TrailingBytes { offset: 5632 });
        assert!(streams.payload.ends_with(tail));
    }
    // Zeros are not trailing bytes, however many.
    let (report, _) = split(&[small_tar(), vec![0; 77]].concat());
    assert_eq!(report.ending, Ending::Complete);
}

#[test]
fn garbage_after_a_member_is_payload() {
    let bytes = [&header("one", b'0', 3)[..], &padded(b"abc"), &[7; 3000]].concat();
    let (report, streams) = split(&bytes);
    assert_eq!((report.members, report.ending), (1, Ending::NotTarFrom { offset: 1024 }));
    assert_eq!(streams.payload.len(), 3 + 3000);
    // A sound header later on is not looked for.
    let (report, _) = split(&[bytes, small_tar()].concat());
    assert_eq!(report.ending, Ending::NotTarFrom { offset: 1024 });
}

#[test]
fn what_is_no_tar_is_all_payload() {
    let bytes = vec![0x55; 100_000];
    let (report, streams) = split(&bytes);
    assert_eq!((report.members, report.ending), (0, Ending::NotTarFrom { offset: 0 }));
    assert_eq!(streams.payload, bytes);
    assert_eq!(streams.skeleton, [0, 0xA0, 0x8D, 0x06]);
}

#[test]
fn extended_headers_without_a_member_are_a_cut() {
    for flag in [b'x', b'L', b'K'] {
        let announced = [&header("e", flag, 20)[..], &padded(PAX)].concat();
        for (length, end) in [(announced.len(), 0), (announced.len(), 1024), (512, 0), (530, 0)] {
            let bytes = [&header("a", b'0', 0), &announced[..length], &vec![0; end]].concat();
            let (report, _) = split(&bytes);
            assert_eq!(report.ending, Ending::CutInHeader { offset: 512 });
        }
    }
    // A global header belongs to no member: an empty archive may hold one.
    let global = [&header("g", b'g', 20)[..], &padded(PAX)].concat();
    let (report, _) = split(&[&global[..], &[0; 1024]].concat());
    assert_eq!((report.members, report.ending), (0, Ending::Complete));
    assert_eq!(split(&global).0.ending, Ending::NoEndBlocks);
    assert_eq!(split(&global[..600]).0.ending, Ending::CutInHeader { offset: 0 });
}

#[test]
fn sizes_near_the_end_of_numbers_do_not_overflow() {
    for size in [u64::MAX, u64::MAX - 511, 1 << 63] {
        let block = changed(header("huge", b'0', 0), |block| {
            block[124..128].copy_from_slice(&[0x80, 0, 0, 0]);
            block[128..136].copy_from_slice(&size.to_be_bytes());
        });
        let (report, streams) = split(&[&block[..], &[1; 2000]].concat());
        assert_eq!(streams.payload.len(), 2000);
        let name = b"huge".to_vec();
        let missing_bytes = size - 2000;
        assert_eq!(report.ending, Ending::CutInMember { offset: 0, name, missing_bytes });
        let extended = changed(block, |block| block[156] = b'x');
        let (report, streams) = split(&[&extended[..], &[1; 2000]].concat());
        assert_eq!(streams.payload.len(), 2000);
        assert_eq!(report.ending, Ending::CutInHeader { offset: 0 });
    }
}

#[test]
fn an_unreadable_size_is_no_header() {
    let negative = changed(header("minus", b'0', 0), |block| block[124..136].fill(0xFF));
    let (report, _) = split(&[&negative[..], &[1; 600]].concat());
    assert_eq!(report.ending, Ending::NotTarFrom { offset: 0 });
}

#[test]
fn an_empty_archive_is_complete() {
    let (report, streams) = split(&[0; 10_240]);
    assert_eq!((report.members, report.ending, report.root), (0, Ending::Complete, None));
    assert!(streams.payload.is_empty());
}
