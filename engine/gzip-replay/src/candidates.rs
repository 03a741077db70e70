//! Which encoders to try for a stream, and in which order.

use crate::catalogue::Encoder;
use crate::klauspost::Generation;
use crate::pigz::History;

/// Length of pgzip's blocks unless somebody asks for others, bytes.
const PGZIP_BLOCK_BYTES: u32 = 1 << 20;

/// Length of pigz's blocks unless somebody asks for others, bytes.
const PIGZ_BLOCK_BYTES: u32 = 128 << 10;

/// What most layers were made by: tried before all others.
const USUAL: [Encoder; 9] = [
    Encoder::Go { level: 6 },
    Encoder::Klauspost { generation: Generation::V1_15, level: 5 },
    Encoder::Klauspost { generation: Generation::V1_20, level: 6 },
    Encoder::Klauspost { generation: Generation::V1_20, level: 5 },
    Encoder::Zlib { level: 6 },
    Encoder::Gnu { level: 6 },
    Encoder::Gnu { level: 9 },
    Encoder::Zlib { level: 9 },
    Encoder::Go { level: 9 },
];

/// Every encoder that writes one block after the other, each once. Of generations that write the
/// same at some level the oldest stands for all.
fn simple() -> impl Iterator<Item = Encoder> {
    let others = (1..=9).flat_map(|level: u8| {
        let signed = level as i8;
        let own = [Encoder::Go { level: signed }, Encoder::Zlib { level }, Encoder::Gnu { level }];
        own.into_iter().chain(klauspost(signed))
    });
    // Without a search for what came before.
    let bare =
        [-2, 0].into_iter().flat_map(|level| [Encoder::Go { level }].into_iter().chain(klauspost(level)));
    USUAL.into_iter().chain(others.chain(bare).filter(|encoder| !USUAL.contains(encoder)))
}

fn klauspost(level: i8) -> impl Iterator<Item = Encoder> {
    generations(level).iter().map(move |generation| Encoder::Klauspost { generation: *generation, level })
}

/// Generations that differ at a level.
fn generations(level: i8) -> &'static [Generation] {
    match level {
        4 => &[Generation::V1_15, Generation::V1_18, Generation::V1_20],
        7..=9 => &[Generation::V1_15, Generation::V1_17, Generation::V1_20],
        _ => &[Generation::V1_15, Generation::V1_20],
    }
}

/// Every encoder that writes blocks on byte boundaries; the first of them ends behind `first` bytes of
/// the content.
fn in_blocks(first: u64, is_only: bool) -> impl Iterator<Item = Encoder> {
    // Of what is shorter than a block nobody can tell how long a block would have been.
    let length = move |usual: u32| match u32::try_from(first) {
        Ok(first) if is_only => usual.max(first),
        Ok(first) => first,
        Err(_) => usual,
    };
    let levels = || [6, 5, 9, 1].into_iter().chain([2, 3, 4, 7, 8]);
    let pgzip = levels().flat_map(move |level: u8| {
        let level = level as i8;
        let block_bytes = length(PGZIP_BLOCK_BYTES);
        generations(level).iter().map(move |generation| Encoder::Pgzip {
            generation: *generation,
            level,
            block_bytes,
        })
    });
    let pigz = levels().flat_map(move |level| {
        let block_bytes = length(PIGZ_BLOCK_BYTES);
        History::ALL.map(|history| Encoder::Pigz { level, block_bytes, history })
    });
    pgzip.chain(pigz)
}

/// What may have made a stream with these flushes, in the order in which it is to be tried.
pub(crate) fn candidates(flushes: &[u64]) -> impl Iterator<Item = Encoder> {
    let blocks = flushes.first().map(|first| in_blocks(*first, flushes.len() == 1));
    blocks.into_iter().flatten().chain(simple())
}
