//! Making `index/` anew from the packs themselves.

use dtrvault_format::BlobRecord;

use crate::error::Result;
use crate::read::Reader;
use crate::repository::Repository;
use crate::write::Adopted;

/// Recipes are written so many at a time.
const BATCH: usize = 10_000;

/// What was rebuilt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// Packs and chunks that are in the index now and were not before.
    pub packs: Adopted,
    /// Blobs that are in the index now and were not before.
    pub blobs: u64,
    /// Recipes that need chunks which are in no pack.
    pub incomplete_blobs: u64,
}

impl Repository {
    /// Names in the index every pack of the store that it lacks, then every recipe in them
    /// whose chunks are all there. `progress` is told how many packs were read.
    ///
    /// # Errors
    /// [`crate::RepoError::NeedsFullKey`], and those of the store.
    pub fn rebuild_index(&self, mut progress: impl FnMut(u64)) -> Result<Rebuilt> {
        self.need_full_key()?;
        let _session = self.session("rebuild-index")?;
        let mut rebuilt = Rebuilt { packs: self.adopt_packs(&self.doomed_packs()?)?, ..Rebuilt::default() };
        let reader = Reader::new(self)?;
        let mut stored = Vec::new();
        self.each_stored_pack(|pack| {
            stored.push(pack);
            Ok(())
        })?;
        let mut found: Vec<BlobRecord> = Vec::new();
        for pack in stored {
            let directory = match self.pack_directory(pack) {
                Ok((_, directory)) => directory,
                Err(error) if error.is_damage() => continue,
                Err(error) => return Err(error),
            };
            for blob in directory.blobs {
                let known = self.index().blob(&blob.digest)?;
                if known.is_some_and(|(_, recipe)| recipe.rank() >= blob.recipe.rank()) {
                    continue;
                }
                if reader.recipe_damage(&blob.recipe)?.is_none() {
                    rebuilt.blobs += 1;
                    found.push(blob);
                } else {
                    rebuilt.incomplete_blobs += 1;
                }
            }
            if found.len() >= BATCH {
                self.write_segments(Vec::new(), &std::mem::take(&mut found))?;
            }
            progress(1);
        }
        if !found.is_empty() {
            self.write_segments(Vec::new(), &found)?;
        }
        Ok(rebuilt)
    }
}
