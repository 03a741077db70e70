//! `chunk.json` and `cut-points.json`: names of chunks, and where streams are cut.

use dtrvault_codec::Chunker;
use dtrvault_format::{ChunkSizes, ChunkerParams};
use fastcdc::v2020::{Normalization, get_gear_with_seed, select_masks};
use serde_json::{Value, json};

use super::repository::{derived, ring};
use crate::error::holds;
use crate::{Result, hex, noise};

pub(super) fn make() -> Result<Value> {
    let ring = ring("chunk")?;
    let key = derived("dtrvault v1 2026 chunk id");
    let mut ids = Vec::new();
    // Lengths around BLAKE3's blocks of 64 and chunks of 1,024 bytes, and the default fine sizes.
    for len in [1, 64, 65, 1024, 1025, 4096, 16_384, 65_536] {
        let id = ring.chunk_id(&noise(1, len));
        holds(blake3::keyed_hash(&key, &noise(1, len)).as_bytes() == id.as_bytes(), "chunk ids")?;
        ids.push(json!({ "noise": 1, "len": len, "id": id }));
    }
    Ok(json!({ "key": hex(&key), "ids": ids }))
}

/// The algorithm of `chunk.md`, a byte at a time: slow, and easy to follow.
fn cut(data: &[u8], sizes: ChunkSizes, masks: (u64, u64), gear: &[u64]) -> usize {
    let [min, avg, max] = [sizes.min, sizes.avg, sizes.max].map(|size| size as usize);
    let end = data.len().min(max);
    if end <= min {
        return end;
    }
    // Bytes are looked at in pairs: an odd last one ends no chunk.
    let (center, last) = (avg.min(end) / 2 * 2, end / 2 * 2);
    let mut hash = 0_u64;
    for (at, byte) in data.iter().enumerate().take(last).skip(min) {
        hash = (hash << 1).wrapping_add(gear.get(usize::from(*byte)).copied().unwrap_or_default());
        let mask = if at < center { masks.0 } else { masks.1 };
        if hash & mask == 0 {
            return at;
        }
    }
    end
}

fn lengths(mut data: &[u8], cut: impl Fn(&[u8]) -> usize) -> Vec<usize> {
    let mut lengths = Vec::new();
    while !data.is_empty() {
        let (chunk, rest) = data.split_at(cut(data));
        lengths.push(chunk.len());
        data = rest;
    }
    lengths
}

pub(super) fn make_cut_points() -> Result<Value> {
    let own_seed = ring("chunk")?.gear_seed();
    let ChunkerParams { fine, coarse, normalization } = ChunkerParams::default();
    let small = ChunkSizes { min: 64, avg: 256, max: 1024 };
    let mut cases = Vec::new();
    for (sizes, len) in [(small, 3_001), (fine, 400_001), (coarse, 8_000_001)] {
        for seed in [0, 0x0123_4567_89AB_CDEF, own_seed] {
            let chunker = Chunker::new(sizes, normalization, seed)?;
            let masks = select_masks(sizes.avg as usize, Normalization::Level1);
            let (gear, _) = get_gear_with_seed(seed);
            let data = noise(1, len);
            let cuts = lengths(&data, |data| chunker.cut(data));
            holds(cuts == lengths(&data, |data| cut(data, sizes, masks, &gear)), "where streams are cut")?;
            cases.push(json!({
                "seed": format!("{seed:016x}"),
                "sizes": sizes,
                "normalization": normalization,
                "mask_below_average": format!("{:016x}", masks.0),
                "mask_above_average": format!("{:016x}", masks.1),
                "noise": 1,
                "len": len,
                "lengths": cuts,
            }));
        }
    }
    let gear: Vec<String> = get_gear_with_seed(0).0.iter().map(|value| format!("{value:016x}")).collect();
    let masks: Vec<String> = fastcdc::v2020::MASKS.iter().map(|mask| format!("{mask:016x}")).collect();
    Ok(json!({ "gear": gear, "masks": masks, "cases": cases }))
}
