//! Go's encoder against the real one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{Noise, Oracle, assert_same, content};
use gzip_replay::{Deflate, go};

const LEVELS: [i32; 12] = [-2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

/// The whole stream of `plain`, taken in pieces of `piece` bytes.
fn encode(encoder: &mut go::Encoder, piece: usize, plain: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    plain.chunks(piece).for_each(|piece| encoder.write(piece, &mut out));
    encoder.finish(&mut out);
    out
}

/// One encoder a level, and the real one.
struct Pair {
    encoders: [go::Encoder; LEVELS.len()],
    oracle: Oracle,
}

impl Pair {
    fn new(oracle: &str) -> Self {
        Self { encoders: LEVELS.map(|level| go::Encoder::new(level).unwrap()), oracle: Oracle::start(oracle) }
    }

    /// Holds all levels against one another; the encoder takes pieces of `piece` bytes.
    fn compare(&mut self, plain: &[u8], piece: usize, what: &str) {
        for (level, encoder) in LEVELS.iter().zip(&mut self.encoders) {
            encoder.reset(&[]);
            let made = encode(encoder, piece, plain);
            let expected = self.oracle.encode("deflate", *level, 0, plain);
            assert_same(&made, &expected, &format!("level {level}, {what}, {} bytes", plain.len()));
        }
    }
}

fn mixed(oracle: &str, seed: u64, rounds: usize, max_bytes: usize) {
    let (mut pair, mut noise) = (Pair::new(oracle), Noise(seed));
    for round in 0..rounds {
        let plain = content(&mut noise, max_bytes);
        let longest = 1 << (1 + noise.below(20));
        let piece = 1 + noise.below(longest);
        pair.compare(&plain, piece, &format!("round {round} in pieces of {piece}"));
    }
}

#[test]
fn mixed_content_comes_out_the_same_at_every_level() {
    mixed("go-1.26", 1, 150, 1 << 20);
}

#[test]
fn older_and_newer_ones_wrote_the_same() {
    mixed("go-1.19", 2, 40, 1 << 19);
    mixed("go-1.24", 3, 40, 1 << 19);
}

#[test]
fn large_content_comes_out_the_same() {
    let (mut pair, mut noise) = (Pair::new("go-1.26"), Noise(4));
    let plain: Vec<u8> = std::iter::repeat_with(|| content(&mut noise, 1 << 20)).take(40).flatten().collect();
    pair.compare(&plain[..plain.len().min(8 << 20)], 32 << 10, "a large one");
}

#[test]
fn lengths_about_the_limits_come_out_the_same() {
    let (mut pair, mut noise) = (Pair::new("go-1.26"), Noise(5));
    let random: Vec<u8> = (0..140_000).map(|_| noise.next() as u8).collect();
    let words = b"usr/lib/x86_64-linux-gnu/".iter().cycle().take(140_000);
    let text: Vec<u8> = words.enumerate().map(|(at, byte)| byte ^ u8::from(random[at] < 9)).collect();
    let zeros = vec![0; 140_000];
    let limits = [0, 16, 128, 258, 16384, 32768, 65274, 65535, 65536, 98304, 131_070, 131_072];
    for length in limits.iter().flat_map(|limit| limit - limit.min(&2)..limit + 3) {
        for (what, kind) in [("noise", &random), ("text", &text), ("zeros", &zeros)] {
            pair.compare(&kind[..length], 4096, what);
        }
    }
}

#[test]
fn flushes_come_out_the_same() {
    let (mut oracle, mut noise) = (Oracle::start("go-1.26"), Noise(7));
    for round in 0..60 {
        let plain = content(&mut noise, 1 << 19);
        let longest = 1 << (1 + noise.below(18));
        let piece = (1 + noise.below(longest)).max(plain.len() / 300);
        for level in LEVELS {
            let mut encoder = go::Encoder::new(level).unwrap();
            let mut made = Vec::new();
            for piece in plain.chunks(piece) {
                encoder.write(piece, &mut made);
                encoder.flush(&mut made);
            }
            encoder.finish(&mut made);
            let expected = oracle.encode("flush", level, piece, &plain);
            assert_same(&made, &expected, &format!("level {level}, round {round}, flushed after {piece}"));
        }
    }
}

#[test]
fn dictionaries_come_out_the_same() {
    let (mut pair, mut noise) = (Pair::new("go-1.26"), Noise(8));
    for round in 0..60 {
        let plain = content(&mut noise, 1 << 18);
        let longest = 1 + plain.len().min(1 << (1 + noise.below(17)));
        let (dictionary, rest) = plain.split_at(noise.below(longest));
        for (level, encoder) in LEVELS.iter().zip(&mut pair.encoders) {
            encoder.reset(dictionary);
            let made = encode(encoder, 1000, rest);
            let expected = pair.oracle.encode("dictionary", *level, dictionary.len(), &plain);
            let what = format!("level {level}, round {round}, {} bytes before", dictionary.len());
            assert_same(&made, &expected, &what);
        }
    }
}

#[test]
fn the_cut_of_calls_does_not_show() {
    let mut noise = Noise(6);
    for level in LEVELS {
        let mut encoder = go::Encoder::new(level).unwrap();
        for _ in 0..30 {
            let plain = content(&mut noise, 1 << 18);
            encoder.reset(&[]);
            let whole = encode(&mut encoder, usize::MAX, &plain);
            for piece in [1, 13, 997, 65_500] {
                encoder.reset(&[]);
                assert!(encode(&mut encoder, piece, &plain) == whole, "level {level} in pieces of {piece}");
            }
        }
    }
}

/// The real one can let show a call that ends just before its window is full; others do not.
#[test]
fn calls_of_whole_sectors_make_no_difference_to_the_real_one() {
    let (mut oracle, mut noise) = (Oracle::start("go-1.26"), Noise(9));
    let mut plain: Vec<u8> = (0..200_000).map(|_| noise.below(100) as u8).collect();
    plain.copy_within(65_274 - 32_700..65_290 - 32_700, 65_274);
    for level in [2, 6, 9] {
        let made = encode(&mut go::Encoder::new(level).unwrap(), 777, &plain);
        for block in [0, 512, 4096, 32_768] {
            let expected = oracle.encode("deflate", level, block, &plain);
            assert_same(&made, &expected, &format!("level {level} in calls of {block}"));
        }
        assert!(oracle.encode("deflate", level, 65_535, &plain) != made);
    }
}

#[test]
fn there_are_no_other_levels() {
    assert!([-3, 10, i32::MIN, i32::MAX].iter().all(|&level| go::Encoder::new(level).is_none()));
}
