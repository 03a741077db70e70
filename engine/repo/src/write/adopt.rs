//! Packs that a writer left behind when it died: durable, but named by no segment.

use std::collections::HashSet;

use dtrvault_format::{PackId, SegmentPack};

use crate::error::Result;
use crate::packs::StoredPack;
use crate::repository::Repository;

/// Packs are taken into the index so many at a time, which bounds the memory they take.
const BATCH: usize = 32;

/// What was found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Adopted {
    /// Packs that are in the index now and were not before.
    pub packs: u64,
    /// Chunks in them.
    pub chunks: u64,
    /// Packs that cannot be used: damaged, or not of this repository.
    pub unusable: u64,
}

impl Repository {
    /// Takes every durable pack into the index, but for those that are about to go. Recipes in their directories are passed over:
    /// the chunks that they need may never have been stored.
    pub(crate) fn adopt_packs(&self, doomed: &HashSet<PackId>) -> Result<Adopted> {
        let mut adopted = Adopted::default();
        let mut batch = Vec::new();
        let mut orphans: Vec<StoredPack> = Vec::new();
        self.each_stored_pack(|pack| {
            if !doomed.contains(&pack.id) && self.index().pack_number(&pack.id)?.is_none() {
                orphans.push(pack);
            }
            Ok(())
        })?;
        for pack in orphans {
            match self.pack_directory(pack) {
                Ok((header, directory)) => {
                    adopted.packs += 1;
                    adopted.chunks +=
                        directory.frames.iter().map(|frame| frame.chunks.len() as u64).sum::<u64>();
                    let frames = directory.frames;
                    batch.push(SegmentPack { id: pack.id, size: pack.size, header, frames });
                }
                // An unusable pack harms nobody; `check` names it.
                Err(error) if error.is_damage() => adopted.unusable += 1,
                Err(error) => return Err(error),
            }
            if batch.len() >= BATCH {
                self.write_segments(std::mem::take(&mut batch), &[])?;
            }
        }
        if !batch.is_empty() {
            self.write_segments(batch, &[])?;
        }
        Ok(adopted)
    }
}
