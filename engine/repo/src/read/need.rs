//! A chunk that is needed, as it gathers to be looked up in the order of the index.

use super::gathered::Record;
use crate::index::ShortId;

/// A chunk, and the number of what needs it.
pub(super) type Need = (ShortId, u32);

/// So many gather before they are looked up: the file is not made longer than 1 GiB.
pub(super) const MOST_NEEDS: usize = 44 << 20;

impl Record for Need {
    const BYTES: usize = size_of::<ShortId>() + 4;

    /// Ids are hashes.
    fn part(&self) -> u8 {
        self.0.first().copied().unwrap_or_default()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
        out.extend_from_slice(&self.1.to_le_bytes());
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (id, number) = bytes.split_first_chunk()?;
        Some((*id, u32::from_le_bytes(number.try_into().ok()?)))
    }
}
