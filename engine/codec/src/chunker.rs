//! Content-defined chunking: where a stream is cut into chunks.
//!
//! FastCDC (Xia et al., "The Design of Fast Content-Defined Chunking for Data
//! Deduplication Based Storage Systems", IEEE TPDS 2020), variant `v2020` of the
//! crate `fastcdc`, with every gear value XORed with the repository's secret seed. Cut points are part of the repository format:
//! `tests/chunker.rs` pins them.

use std::fmt;
use std::sync::Arc;

use dtrvault_format::ChunkSizes;
use fastcdc::v2020::{
    AVERAGE_MAX, AVERAGE_MIN, MAXIMUM_MAX, MAXIMUM_MIN, MINIMUM_MAX, MINIMUM_MIN, Normalization, cut_gear,
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
    plain: Zeroizing<Vec<u64>>,
    shifted: Zeroizing<Vec<u64>>,
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
            gear: Arc::new(Gear {
                plain: Zeroizing::new(plain.into_owned()),
                shifted: Zeroizing::new(shifted.into_owned()),
            }),
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
        cut_gear(
            data,
            self.min,
            self.average,
            self.max,
            self.mask_s,
            self.mask_l,
            self.mask_s << 1,
            self.mask_l << 1,
            &self.gear.plain,
            &self.gear.shifted,
        )
        .1
    }
}
