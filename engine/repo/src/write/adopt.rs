//! Packs that a writer left behind when it died: durable, but named by no segment.

use std::collections::HashSet;

use dtrvault_format::{Directory, PackId, SegmentPack};

use crate::error::Result;
use crate::repository::Repository;

/// Packs are taken into the index when they hold so many chunks together,
const BATCH_CHUNKS: usize = 100_000;
/// or when there are so many of them. That bounds the memory they take.
const BATCH_PACKS: usize = 1024;

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

impl Adopted {
    fn add(&mut self, packs: usize, chunks: usize) {
        self.packs += packs as u64;
        self.chunks += chunks as u64;
    }
}

impl Repository {
    /// Takes every durable pack into the index, but for those that are about
    /// to go. Recipes in their directories are passed over: the chunks that they need may never
    /// have been stored.
    pub(crate) fn adopt_packs(&self, doomed: &HashSet<PackId>) -> Result<Adopted> {
        let mut adopted = Adopted::default();
        let mut batch = Vec::new();
        let mut chunks = 0;
        self.each_stored_pack(|pack| {
            if doomed.contains(&pack.id) || self.index().pack_number(&pack.id)?.is_some() {
                return Ok(());
            }
            match self.pack_directory(pack) {
                Ok((header, Directory { frames, .. })) => {
                    chunks += frames.iter().map(|frame| frame.chunks.len()).sum::<usize>();
                    batch.push(SegmentPack { id: pack.id, size: pack.size, header, frames });
                }
                // An unusable pack harms nobody; `check` names it.
                Err(error) if error.is_damage() => adopted.unusable += 1,
                Err(error) => return Err(error),
            }
            if chunks < BATCH_CHUNKS && batch.len() < BATCH_PACKS {
                return Ok(());
            }
            adopted.add(batch.len(), std::mem::take(&mut chunks));
            self.write_segments(std::mem::take(&mut batch), &[]).map(|_| ())
        })?;
        if !batch.is_empty() {
            adopted.add(batch.len(), chunks);
            self.write_segments(batch, &[])?;
        }
        Ok(adopted)
    }
}
