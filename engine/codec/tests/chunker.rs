//! Where streams are cut: frozen cut points, and chunks that do not depend on the pieces.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use dtrvault_codec::{Chunk, Chunker, CodecError, StreamChunker};
use dtrvault_format::ChunkSizes;
use fastcdc::v2020::{FastCDC, Normalization, cut_gear, get_gear_with_seed, select_masks};
use proptest::prelude::*;

const FINE: ChunkSizes = ChunkSizes { min: 4 << 10, avg: 16 << 10, max: 64 << 10 };
const COARSE: ChunkSizes = ChunkSizes { min: 256 << 10, avg: 1 << 20, max: 4 << 20 };
const SMALL: ChunkSizes = ChunkSizes { min: 64, avg: 256, max: 1024 };

/// Bytes of SplitMix64 (Steele, Lea, Flood 2014): fixed for ever, unlike a crate's RNG.
fn noise(mut state: u64, length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bytes.extend_from_slice(&(word ^ (word >> 31)).to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

fn chunker(sizes: ChunkSizes, seed: u64) -> Chunker {
    Chunker::new(sizes, 1, seed).unwrap()
}

fn whole(chunker: &Chunker, mut data: &[u8]) -> Vec<usize> {
    let mut lengths = Vec::new();
    while !data.is_empty() {
        let length = chunker.cut(data);
        lengths.push(length);
        data = &data[length..];
    }
    lengths
}

fn streamed(chunker: &Chunker, data: &[u8], pieces: &[usize]) -> Vec<usize> {
    let mut lengths = Vec::new();
    let mut seen = Vec::new();
    let mut sink = |chunk: Chunk<'_>| {
        lengths.push(chunk.bytes().len());
        seen.extend_from_slice(chunk.bytes());
        Ok::<(), ()>(())
    };
    let mut stream = StreamChunker::new(chunker.clone());
    let mut rest = data;
    for &piece in pieces.iter().cycle() {
        let (next, later) = rest.split_at(piece.min(rest.len()));
        stream.push(next, &mut sink).unwrap();
        rest = later;
        if rest.is_empty() {
            break;
        }
    }
    stream.finish(&mut sink).unwrap();
    assert_eq!(seen, data);
    lengths
}

/// First lengths of `noise(1, bytes)` at normalization 1. A change here breaks deduplication
/// against every repository that exists: the answer to a failure is never to edit the table.
const GOLDEN: &[(ChunkSizes, usize, u64, &[usize])] = &[
    (SMALL, 4_000, 0, &[371, 289, 280, 311, 862, 423, 465, 537]),
    (SMALL, 4_000, 1, &[357, 380, 181, 67, 338, 508, 146, 454]),
    (SMALL, 4_000, SEED, &[458, 272, 500, 203, 295, 456, 379, 397]),
    (SMALL, 4_000, u64::MAX, &[335, 518, 493, 332, 265, 325, 305, 265]),
    (FINE, 400_000, 0, &[16594, 4854, 6680, 16852, 17387, 7368, 18027, 21446]),
    (FINE, 400_000, 1, &[17304, 6692, 5768, 39276, 10749, 16979, 20617, 5322]),
    (FINE, 400_000, SEED, &[17434, 22092, 46685, 7063, 4545, 22851, 34852, 4646]),
    (FINE, 400_000, u64::MAX, &[11261, 22894, 34608, 24947, 30264, 25843, 18647, 6777]),
    (COARSE, 8_000_000, 0, &[278_755, 827_435, 1_633_517, 1_252_205, 593_103, 2_103_531]),
    (COARSE, 8_000_000, 1, &[1_385_268, 1_237_731, 1_489_420, 424_618, 1_102_423]),
    (COARSE, 8_000_000, SEED, &[1_364_846, 787_639, 1_175_373, 917_329, 1_728_323]),
    (COARSE, 8_000_000, u64::MAX, &[1_328_099, 1_073_046, 1_211_109, 1_438_163]),
];
const SEED: u64 = 0x0123_4567_89AB_CDEF;

#[test]
fn cut_points_are_frozen() {
    for &(sizes, bytes, seed, golden) in GOLDEN {
        let lengths = whole(&chunker(sizes, seed), &noise(1, bytes));
        assert_eq!(lengths.iter().sum::<usize>(), bytes);
        assert_eq!(&lengths[..golden.len()], golden, "{sizes:?} seed {seed:#x}");
    }
}

/// Lengths as the crate's own search finds them.
fn of_the_crate(sizes: ChunkSizes, seed: u64, mut data: &[u8]) -> Vec<usize> {
    let [min, avg, max] = [sizes.min, sizes.avg, sizes.max].map(|size| size as usize);
    let (mask_s, mask_l) = select_masks(avg, Normalization::Level1);
    let (gear, shifted) = get_gear_with_seed(seed);
    let mut lengths = Vec::new();
    while !data.is_empty() {
        let (_, length) =
            cut_gear(data, min, avg, max, mask_s, mask_l, mask_s << 1, mask_l << 1, &gear, &shifted);
        lengths.push(length);
        data = &data[length..];
    }
    lengths
}

#[test]
fn agrees_with_the_iterator_of_the_crate() {
    let data = noise(7, 3_000_001);
    for seed in [0, 1, 0xDEAD_BEEF_0BAD_F00D, u64::MAX] {
        for (number, level) in
            [(0, Normalization::Level0), (1, Normalization::Level1), (3, Normalization::Level3)]
        {
            let theirs: Vec<usize> = FastCDC::with_level_and_seed(&data, 4096, 16_384, 65_536, level, seed)
                .map(|chunk| chunk.length)
                .collect();
            assert_eq!(whole(&Chunker::new(FINE, number, seed).unwrap(), &data), theirs);
        }
    }
}

#[test]
fn bytes_beyond_the_maximum_do_not_matter() {
    let chunker = chunker(FINE, 3);
    let data = noise(11, 200_000);
    assert_eq!(chunker.cut(&data), chunker.cut(&data[..chunker.max_size()]));
    let zeros = vec![0; 200_000];
    assert_eq!(chunker.cut(&zeros), chunker.cut(&zeros[..chunker.max_size()]));
}

#[test]
fn short_streams_are_one_chunk() {
    let chunker = chunker(FINE, 3);
    assert_eq!(streamed(&chunker, &[], &[1]), Vec::<usize>::new());
    assert_eq!(streamed(&chunker, &noise(1, 4096), &[100]), [4096]);
}

#[test]
fn can_be_used_again_after_finish() {
    let data = noise(5, 100_000);
    let mut stream = StreamChunker::new(chunker(FINE, 9));
    let mut runs = [Vec::new(), Vec::new()];
    for run in &mut runs {
        let mut sink = |chunk: Chunk<'_>| {
            run.push(chunk.bytes().len());
            Ok::<(), ()>(())
        };
        stream.push(&data, &mut sink).unwrap();
        stream.finish(&mut sink).unwrap();
    }
    assert_eq!(runs[0], runs[1]);
}

#[test]
fn an_error_of_the_sink_is_passed_on() {
    let mut stream = StreamChunker::new(chunker(SMALL, 9));
    let failed = stream.push(&noise(2, 5000), &mut |_| Err("full"));
    assert_eq!(failed, Err("full"));
}

#[test]
fn refuses_sizes_that_make_no_sense() {
    for (min, avg, max) in [
        (0, 256, 1024),
        (64, 255, 1024),
        (512, 256, 1024),
        (64, 2048, 1024),
        (64, 256, u32::MAX),
        (64, 1 << 23, 1 << 24),
    ] {
        let sizes = ChunkSizes { min, avg, max };
        assert!(matches!(Chunker::new(sizes, 1, 0), Err(CodecError::ChunkSizes(_))));
    }
    assert!(matches!(Chunker::new(FINE, 4, 0), Err(CodecError::Normalization(4))));
}

#[test]
fn debug_output_hides_the_seed() {
    let shown = format!("{:?}", chunker(FINE, 77));
    assert_eq!(shown, "Chunker { min: 4096, average: 16384, max: 65536, .. }");
}

proptest! {
    #[test]
    fn pieces_do_not_move_boundaries(
        start in any::<u64>(),
        seed in any::<u64>(),
        length in 0usize..40_000,
        zeros in 0usize..5_000,
        pieces in prop::collection::vec(1usize..6_000, 1..20),
        tiny in prop::collection::vec(1usize..4, 1..20),
        min in 32u32..150,
    ) {
        let sizes = ChunkSizes { min: 2 * min, avg: 512, max: 1024 };
        let chunker = chunker(sizes, seed);
        let mut data = noise(start, length);
        data.resize(length + zeros, 0);
        let theirs = of_the_crate(sizes, seed, &data);
        prop_assert_eq!(&whole(&chunker, &data), &theirs);
        prop_assert_eq!(&streamed(&chunker, &data, &pieces), &theirs);
        prop_assert_eq!(&streamed(&chunker, &data, &tiny), &theirs);
    }
}
