//! Which part of a repository is read byte by byte.

use dtrvault_repo::RepoError;

use crate::error::Result;

/// Which packs are read, byte by byte, and which blobs are made.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum ReadData {
    /// None.
    #[default]
    Nothing,
    /// All.
    Everything,
    /// So many in a hundred, chosen by chance.
    Percent(f64),
    /// The `part`-th of `parts` parts, counted from 1: all parts together are everything.
    Part {
        /// Which.
        part: u32,
        /// Of how many.
        parts: u32,
    },
}

/// Whether a pack or blob is among those to be read.
pub(super) fn is_chosen(id: &[u8; 32], which: ReadData) -> Result<bool> {
    let [a, b, c, d, ..] = *id;
    Ok(match which {
        ReadData::Nothing => false,
        ReadData::Everything => true,
        // Ids are hashes, so they fall into parts evenly.
        ReadData::Part { part, parts } => u32::from_be_bytes([a, b, c, d]) % parts.max(1) + 1 == part,
        ReadData::Percent(percent) => {
            let mut chance = [0; 4];
            getrandom::fill(&mut chance).map_err(RepoError::Randomness)?;
            f64::from(u32::from_le_bytes(chance)) / f64::from(u32::MAX) * 100.0 < percent
        }
    })
}
