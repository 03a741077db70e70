//! Which encoders to try for a stream, and in which order.

use crate::catalogue::Encoder;
use crate::klauspost::Generation;
use crate::pigz::History;

/// Length of pgzip's blocks unless somebody asks for others, bytes.
const PGZIP_BLOCK_BYTES: u32 = 1 << 20;

/// Lengths of pigz's blocks, bytes: the usual one, and those that somebody is likely to ask for.
const PIGZ_BLOCK_BYTES: [u32; 5] = [128 << 10, 256 << 10, 512 << 10, 1 << 20, 2 << 20];

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
        7 | 8 => &[Generation::V1_15, Generation::V1_17, Generation::V1_20],
        9 => &[Generation::V1_15, Generation::V1_17, Generation::V1_20, Generation::Go1_27],
        _ => &[Generation::V1_15, Generation::V1_20],
    }
}

/// The levels of encoders that write in blocks, the usual ones first.
const BLOCK_LEVELS: [u8; 9] = [6, 5, 9, 1, 2, 3, 4, 7, 8];

/// Every pgzip whose first block ends behind `first` bytes of the content.
fn pgzip(first: u64, is_only: bool) -> impl Iterator<Item = Encoder> {
    // Of what is shorter than a block nobody can tell how long a block would have been.
    let block_bytes = match u32::try_from(first) {
        Ok(first) if is_only => PGZIP_BLOCK_BYTES.max(first),
        Ok(first) => first,
        Err(_) => PGZIP_BLOCK_BYTES,
    };
    BLOCK_LEVELS.into_iter().flat_map(move |level| {
        let level = level as i8;
        let generations = generations(level).iter();
        generations
            .map(move |generation| Encoder::Pgzip { generation: *generation, level, block_bytes })
            .filter(|encoder| encoder.exists())
    })
}

/// Every pigz with blocks of this length, and one of these histories.
fn pigz(block_bytes: u32, histories: &[History]) -> impl Iterator<Item = Encoder> {
    BLOCK_LEVELS.into_iter().flat_map(move |level| {
        histories.iter().map(move |history| Encoder::Pigz { level, block_bytes, history: *history })
    })
}

/// Every pigz of which these flushes are joints. Only some of its joints show.
fn pigz_that_shows(flushes: &[u64]) -> impl Iterator<Item = Encoder> {
    let common = flushes.iter().fold(0, |common, flush| greatest_common_divisor(common, *flush));
    let parts = [1, 2, 3].into_iter().filter(move |parts| common.is_multiple_of(*parts));
    let parts = parts.filter_map(move |parts| u32::try_from(common / parts).ok());
    let parts = parts.filter(|length| *length > 0 && !PIGZ_BLOCK_BYTES.contains(length));
    let usual = PIGZ_BLOCK_BYTES.into_iter().filter(move |length| common.is_multiple_of(u64::from(*length)));
    usual.chain(parts).flat_map(|length| pigz(length, &History::ALL))
}

/// Every pigz that is likely to have made a stream in which no joint shows. Without history all of them do.
fn pigz_that_hides() -> impl Iterator<Item = Encoder> {
    PIGZ_BLOCK_BYTES.into_iter().flat_map(|length| pigz(length, &[History::Window, History::Stream]))
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

/// What may have made a stream with these flushes, in the order in which it is to be tried.
pub(crate) fn candidates(flushes: &[u64]) -> impl Iterator<Item = Encoder> {
    let first = flushes.first();
    let blocks = first.map(|first| pgzip(*first, flushes.len() == 1).chain(pigz_that_shows(flushes)));
    let hidden = flushes.is_empty().then(pigz_that_hides);
    blocks.into_iter().flatten().chain(simple()).chain(hidden.into_iter().flatten())
}
