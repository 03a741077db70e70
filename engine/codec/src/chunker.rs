//! Content-defined chunking: where a stream is cut into chunks.
//!
//! FastCDC (Xia et al., "The Design of Fast Content-Defined Chunking for Data
//! Deduplication Based Storage Systems", IEEE TPDS 2020), variant `v2020` of the
//! crate `fastcdc`, with every gear value XORed with the repository's secret seed. Cut points are part of the repository format:
//! `tests/chunker.rs` pins them.
//!
//! Tables and masks are the crate's; the search is our own, because the crate's needs a whole
//! chunk in one slice, and gathering it there costs more than the search. The tests hold
//! the one against the other.

use std::fmt;
use std::sync::Arc;

use dtrvault_format::ChunkSizes;
use fastcdc::v2020::{
    AVERAGE_MAX, AVERAGE_MIN, MAXIMUM_MAX, MAXIMUM_MIN, MINIMUM_MAX, MINIMUM_MIN, Normalization,
    get_gear_with_seed, select_masks,
};
use zeroize::Zeroizing;

use crate::error::CodecError;

/// Finds chunk boundaries. Immutable; a clone shares the gear tables.
///
/// Invariant: 64 <= min <= average <= max <= 16 MiB, all even.
#[derive(Clone)]
pub struct Chunker {
    min: usize,
    average: usize,
    max: usize,
    mask_s: u64,
    mask_l: u64,
    gear: Arc<Gear>,
}

/// The seeded tables: they give the seed away, so they are wiped and never printed.
struct Gear {
    plain: Box<Zeroizing<[u64; 256]>>,
    /// The same, shifted left by one.
    shifted: Box<Zeroizing<[u64; 256]>>,
}

/// How far the search for the end of one chunk has come.
#[derive(Debug, Clone, Default)]
pub(crate) struct Search {
    /// Bytes of the chunk so far.
    len: usize,
    hash: u64,
    /// The last byte, when `len` is odd: bytes are taken in pairs.
    odd: u8,
}

impl fmt::Debug for Chunker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunker")
            .field("min", &self.min)
            .field("average", &self.average)
            .field("max", &self.max)
            .finish_non_exhaustive()
    }
}

impl Chunker {
    /// `normalization` is FastCDC's level, 0 to 3: how sharply lengths gather around the
    /// average. Fails with [`CodecError::ChunkSizes`] when sizes are odd, out of order or
    /// beyond what the algorithm supports.
    pub fn new(sizes: ChunkSizes, normalization: u8, seed: u64) -> Result<Self, CodecError> {
        let bytes = [sizes.min, sizes.avg, sizes.max].map(|size| size as usize);
        let [min, average, max] = bytes;
        let sound = bytes.iter().all(|size| size.is_multiple_of(2))
            && (MINIMUM_MIN..=MINIMUM_MAX).contains(&min)
            && (AVERAGE_MIN..=AVERAGE_MAX).contains(&average)
            && (MAXIMUM_MIN..=MAXIMUM_MAX).contains(&max)
            && min <= average
            && average <= max;
        if !sound {
            return Err(CodecError::ChunkSizes(sizes));
        }
        let level = match normalization {
            0 => Normalization::Level0,
            1 => Normalization::Level1,
            2 => Normalization::Level2,
            3 => Normalization::Level3,
            other => return Err(CodecError::Normalization(other)),
        };
        let (mask_s, mask_l) = select_masks(average, level);
        let (plain, shifted) = get_gear_with_seed(seed);
        Ok(Self {
            min,
            average,
            max,
            mask_s,
            mask_l,
            gear: Arc::new(Gear { plain: table(&plain), shifted: table(&shifted) }),
        })
    }

    /// The longest chunk there can be, in bytes.
    pub fn max_size(&self) -> usize {
        self.max
    }

    /// Length of the first chunk of `data`: 0 only when `data` is empty, never more than
    /// `data.len()`. `data` must hold at least [`Self::max_size`] bytes or reach to the
    /// end of the stream; bytes beyond `max_size` are not looked at.
    pub fn cut(&self, data: &[u8]) -> usize {
        self.search(&mut Search::default(), data).unwrap_or(data.len())
    }

    /// Goes on through the next bytes of a chunk. Gives the chunk's length when its end is known:
    /// that may lie one byte before `data`, because a boundary is found with the byte behind it.
    /// The search is over then; a new one begins behind the boundary.
    pub(crate) fn search(&self, search: &mut Search, data: &[u8]) -> Option<usize> {
        let skipped = self.min.saturating_sub(search.len).min(data.len());
        search.len += skipped;
        let mut rest = data.get(skipped..).unwrap_or_default();
        if search.len > self.min && !search.len.is_multiple_of(2) {
            let (&second, later) = rest.split_first()?;
            search.len -= 1;
            let pair = [search.odd, second];
            let masks = if search.len < self.average { self.mask_s } else { self.mask_l };
            if let Some(len) = self.pairs(search, &pair, masks) {
                return Some(len);
            }
            rest = later;
        }
        for (end, mask) in [(self.average, self.mask_s), (self.max, self.mask_l)] {
            let paired = end.saturating_sub(search.len).min(rest.len()) & !1;
            let (pairs, later) = rest.split_at_checked(paired)?;
            if let Some(len) = self.pairs(search, pairs, mask) {
                return Some(len);
            }
            rest = later;
        }
        if search.len >= self.max {
            return Some(self.max);
        }
        if let Some(&odd) = rest.first() {
            search.odd = odd;
            search.len += 1;
        }
        None
    }

    /// Goes through whole pairs of bytes.
    fn pairs(&self, search: &mut Search, pairs: &[u8], mask: u64) -> Option<usize> {
        let (plain, shifted): (&[u64; 256], &[u64; 256]) = (&self.gear.plain, &self.gear.shifted);
        let mut hash = search.hash;
        for (number, pair) in pairs.chunks_exact(2).enumerate() {
            let &[first, second] = pair else { break };
            // Both sums start from the shifted hash, so that the next pair waits for one addition.
            let base = hash << 2;
            let step = shifted[usize::from(first)];
            hash = base.wrapping_add(step.wrapping_add(plain[usize::from(second)]));
            if base.wrapping_add(step) & (mask << 1) == 0 {
                return Some(search.len + 2 * number);
            }
            if hash & mask == 0 {
                return Some(search.len + 2 * number + 1);
            }
        }
        search.hash = hash;
        search.len += pairs.len();
        None
    }
}

fn table(values: &[u64]) -> Box<Zeroizing<[u64; 256]>> {
    let mut table = Box::new(Zeroizing::new([0; 256]));
    for (place, value) in table.iter_mut().zip(values) {
        *place = *value;
    }
    table
}
