//! Holds the streams of zlib against those that Python makes with this system's zlib.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{Noise, Oracle, assert_same, content, encode, inputs};
use gzip_replay::{Deflate, zlib};

#[test]
fn same_bytes_however_written() {
    let (mut noise, mut oracle) = (Noise(1), Oracle::start("zlib"));
    for round in 0..inputs(12) {
        let plain = content(&mut noise, 8 << 20);
        for level in 1..=9 {
            let mut encoder = zlib::Encoder::new(level).unwrap();
            let piece_bytes = 1 << noise.below(20);
            let made = encode(&mut encoder, &plain, piece_bytes, &mut noise);
            let theirs = [0, 1 << 16, 512, 100_000][noise.below(4)];
            let expected = oracle.encode("deflate", level as i32, theirs, &plain);
            assert_same(&made, &expected, &format!("zlib -{level}, round {round}, {} bytes", plain.len()));
        }
    }
}

#[test]
fn same_bytes_with_dictionaries_and_after_resets() {
    let (mut noise, mut oracle) = (Noise(2), Oracle::start("zlib"));
    let mut encoder = zlib::Encoder::new(6).unwrap();
    for round in 0..inputs(50) {
        let plain = content(&mut noise, 1 << 20);
        let dictionary = plain.len().min(noise.below(40_000));
        let expected = oracle.encode("primed", 6, dictionary, &plain);
        encoder.reset(&plain[..dictionary]);
        let made = encode(&mut encoder, &plain[dictionary..], 1 << noise.below(20), &mut noise);
        assert_same(&made, &expected, &format!("round {round}, {dictionary} of {} bytes", plain.len()));
    }
}

#[test]
fn same_bytes_with_flushes() {
    let (mut noise, mut oracle) = (Noise(3), Oracle::start("zlib"));
    for round in 0..inputs(50) {
        let plain = content(&mut noise, 1 << 20);
        let level = 1 + noise.below(9) as u32;
        let step = [1 << (9 + noise.below(9)), 32_767, 65_535, 1 + noise.below(70_000)][noise.below(4)];
        let expected = oracle.encode("flush", level as i32, step, &plain);
        let mut encoder = zlib::Encoder::new(level).unwrap();
        let mut made = Vec::new();
        for piece in plain.chunks(step) {
            let (first, second) = piece.split_at(noise.below(piece.len() + 1));
            encoder.write(first, &mut made);
            encoder.write(second, &mut made);
            encoder.flush(&mut made);
        }
        encoder.finish(&mut made);
        assert_same(&made, &expected, &format!("round {round}, each {step} of {} bytes", plain.len()));
    }
}

/// What is written shows in zlib's own bytes if a string is matched by one just as far back as
/// matches may reach, there where zlib's window would have to slide. It must not show in ours.
#[test]
fn no_cut_shows_where_the_window_slides() {
    let mut noise = Noise(4);
    let string = std::iter::repeat_with(|| noise.next() as u8).take(100).collect::<Vec<_>>();
    let (slides_at, farthest) = (65_536 - 262, 32_768 - 262);
    let mut plain = vec![0; 80_000];
    plain[slides_at..][..100].copy_from_slice(&string);
    plain[slides_at - farthest..][..100].copy_from_slice(&string);
    let mut oracle = Oracle::start("zlib");
    for level in 1..=9 {
        let expected = oracle.encode("deflate", level, 0, &plain);
        let cut = oracle.encode("deflate", level, 65_535, &plain);
        assert!(cut != expected, "zlib's own bytes do not show it");
        for first in 65_000..65_540 {
            let mut encoder = zlib::Encoder::new(level as u32).unwrap();
            let mut made = Vec::new();
            encoder.write(&plain[..first], &mut made);
            encoder.write(&plain[first..], &mut made);
            encoder.finish(&mut made);
            assert_same(&made, &expected, &format!("level {level}, cut at {first}"));
        }
    }
}

#[test]
fn levels_that_are_left_out_are_refused() {
    assert!(zlib::Encoder::new(0).is_none());
    assert!(zlib::Encoder::new(10).is_none());
}
