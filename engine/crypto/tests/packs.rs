//! Packs: frames for the full role, directories for both, and no number twice.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;

use dtrvault_crypto::{Error, KeyRing, PackSealer, padded_len};
use dtrvault_format::PackHeader;
use dtrvault_format::limits::{MAX_DIRECTORY_BYTES, MAX_FRAMES_PER_PACK};
use dtrvault_format::pack::{HEADER_BYTES, TRAILER_BYTES};

const STORED: u64 = 5000;

fn frame(sealer: &PackSealer, plain: &[u8]) -> (u32, Vec<u8>) {
    let frame = sealer.next_frame().unwrap();
    let (number, mut bytes) = (frame.number(), plain.to_vec());
    frame.seal(&mut bytes).unwrap();
    (number, bytes)
}

/// Directory and trailer of a tail.
fn split(tail: &[u8]) -> (&[u8], &[u8; TRAILER_BYTES]) {
    tail.split_last_chunk().unwrap()
}

#[test]
fn a_pack_of_the_write_role_opens_with_the_full_one() {
    let full = KeyRing::generate().unwrap();
    let write = full.to_write_only();
    let (header, sealer) = write.new_pack().unwrap();
    let frames: Vec<_> = [&b"first"[..], b"", b"third"].map(|p| frame(&sealer, p)).into();
    let header = PackHeader::from_bytes(&header.to_bytes()).unwrap();

    assert!(matches!(write.open_pack(&header), Err(Error::NeedsFullKey)));
    let opener = full.open_pack(&header).unwrap();
    for ((number, mut bytes), plain) in frames.into_iter().zip([&b"first"[..], b"", b"third"]) {
        assert_eq!(bytes.len(), plain.len() + 16);
        let len = opener.open_frame(number, &mut bytes).unwrap();
        assert_eq!(&bytes[..len], plain);
    }

    let tail = sealer.finish(b"directory", STORED).unwrap();
    let (directory, trailer) = split(&tail);
    for ring in [&full, &write] {
        let len = ring.open_trailer(&header, trailer).unwrap();
        assert_eq!(len as usize, directory.len());
        let opened = ring.open_directory(&header, directory).unwrap();
        assert_eq!(opened, b"directory");
    }
}

#[test]
fn frames_have_their_place() {
    let ring = KeyRing::generate().unwrap();
    let (header, sealer) = ring.new_pack().unwrap();
    let (other_header, _) = ring.new_pack().unwrap();
    let (number, bytes) = frame(&sealer, b"content");
    let opener = ring.open_pack(&header).unwrap();
    assert!(opener.open_frame(number + 1, &mut bytes.clone()).is_err());
    let other = ring.open_pack(&other_header).unwrap();
    assert!(other.open_frame(number, &mut bytes.clone()).is_err());
}

#[test]
fn no_byte_of_a_pack_can_be_changed() {
    let ring = KeyRing::generate().unwrap();
    let (header, sealer) = ring.new_pack().unwrap();
    let (number, frame) = frame(&sealer, b"content");
    let opener = ring.open_pack(&header).unwrap();
    for at in 0..frame.len() {
        let mut bad = frame.clone();
        bad[at] ^= 1;
        assert!(opener.open_frame(number, &mut bad).is_err(), "frame byte {at}");
        assert!(opener.open_frame(number, &mut frame[..at].to_vec()).is_err());
    }

    let plain = header.to_bytes();
    for at in 8..HEADER_BYTES {
        let mut bad = plain;
        bad[at] ^= 0x80;
        let bad = PackHeader::from_bytes(&bad).unwrap();
        assert!(matches!(ring.open_pack(&bad), Err(Error::Unauthentic { .. })), "byte {at}");
    }

    let tail = sealer.finish(b"directory", STORED).unwrap();
    let (directory, trailer) = split(&tail);
    for at in 0..directory.len() {
        let mut bad = directory.to_vec();
        bad[at] ^= 1;
        assert!(ring.open_directory(&header, &bad).is_err(), "directory byte {at}");
    }
    assert!(ring.open_directory(&header, &directory[..15]).is_err());
    for at in 0..TRAILER_BYTES {
        let mut bad = *trailer;
        bad[at] ^= 1;
        assert!(ring.open_trailer(&header, &bad).is_err(), "trailer byte {at}");
    }
    let (foreign, _) = ring.new_pack().unwrap();
    assert!(ring.open_directory(&foreign, directory).is_err());
    assert!(ring.open_trailer(&foreign, trailer).is_err());
}

#[test]
fn no_two_frames_share_a_number_whatever_the_threads() {
    let ring = KeyRing::generate().unwrap();
    let (_, sealer) = ring.new_pack().unwrap();
    let numbers: Vec<u32> = std::thread::scope(|scope| {
        let draw = || -> Vec<u32> { (0..500).map(|_| frame(&sealer, b"x").0).collect() };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(draw)).collect();
        threads.into_iter().flat_map(|t| t.join().unwrap()).collect()
    });
    let distinct: BTreeSet<u32> = numbers.iter().copied().collect();
    assert_eq!((numbers.len(), distinct.len()), (2000, 2000));
    assert_eq!(distinct.last(), Some(&1999));
}

#[test]
fn a_full_pack_takes_no_frame() {
    let ring = KeyRing::generate().unwrap();
    let (_, sealer) = ring.new_pack().unwrap();
    for _ in 0..MAX_FRAMES_PER_PACK {
        sealer.next_frame().unwrap();
    }
    for _ in 0..2 {
        assert!(matches!(sealer.next_frame(), Err(Error::PackFull { .. })));
    }
}

#[test]
fn the_length_of_a_pack_tells_no_counts() {
    let ring = KeyRing::generate().unwrap();
    for (stored, directory) in [(120, 0), (120, 5000), (64 << 20, 100_000), ((64 << 20) + 1, 7)] {
        let (header, sealer) = ring.new_pack().unwrap();
        let content = vec![0x80; directory];
        let tail = sealer.finish(&content, stored).unwrap();
        let total = stored + tail.len() as u64;
        assert_eq!(padded_len(total), total);
        assert!(total - stored - (directory as u64) < 1 << 17);
        let opened = ring.open_directory(&header, split(&tail).0).unwrap();
        assert_eq!(opened, content);
    }
}

#[test]
fn a_directory_over_the_limit_is_refused() {
    let ring = KeyRing::generate().unwrap();
    let (_, sealer) = ring.new_pack().unwrap();
    let content = vec![0; MAX_DIRECTORY_BYTES as usize - 16];
    assert!(matches!(sealer.finish(&content, STORED), Err(Error::Format(_))));
}
