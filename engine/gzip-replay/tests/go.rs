//! Go's encoder against the real one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{Noise, Oracle, assert_same, content};
use gzip_replay::{Deflate, go};

const LEVELS: [i32; 12] = [-2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

/// The whole stream of `plain`, taken in pieces of up to `piece` bytes.
fn encode(encoder: &mut go::Encoder, piece: usize, plain: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    plain.chunks(piece).for_each(|piece| encoder.write(piece, &mut out));
    encoder.finish(&mut out);
    out
}

#[test]
fn mixed_content_comes_out_the_same_at_every_level() {
    let mut oracle = Oracle::start("go-1.26");
    let mut encoders = LEVELS.map(|level| go::Encoder::new(level).unwrap());
    let mut noise = Noise(1);
    for round in 0..300 {
        let plain = content(&mut noise, 1 << 21);
        for (level, encoder) in LEVELS.iter().zip(&mut encoders) {
            let longest = 1 << (1 + noise.below(20));
            let piece = 1 + noise.below(longest);
            encoder.reset(&[]);
            let made = encode(encoder, piece, &plain);
            let expected = oracle.encode("deflate", *level, 0, &plain);
            assert_same(&made, &expected, &format!("level {level}, round {round}, {} bytes", plain.len()));
        }
    }
}
