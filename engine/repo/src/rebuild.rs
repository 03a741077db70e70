//! Making `index/` say again what the packs hold: what it lacks is added, what is gone is
//! struck out, so that the next snapshot stores it again.

use std::collections::HashSet;

use dtrvault_format::names::Named;
use dtrvault_format::{BlobRecord, Digest, PackId, Segment};

use crate::error::{RepoError, Result};
use crate::index::PackNo;
use crate::read::{Lost, LostPart, Reader};
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
    /// Packs that were in the index, and are missing or cut short.
    pub lost_packs: u64,
    /// Blobs that were in the index, and cannot be made without them.
    pub lost_blobs: u64,
    /// Segments that could not be read, and were replaced.
    pub damaged_segments: u64,
}

impl Repository {
    /// Brings the index in line with the packs of the store: strikes out packs that are gone
    /// and blobs that need them, adds every pack that it lacks, then every recipe in the packs
    /// whose chunks are all there. `progress` is told how many packs were read.
    ///
    /// # Errors
    /// [`crate::RepoError::NeedsFullKey`], and those of the store.
    pub fn rebuild_index(&self, mut progress: impl FnMut(u64)) -> Result<Rebuilt> {
        self.need_full_key()?;
        let _session = self.session("rebuild-index")?;
        let mut rebuilt = Rebuilt::default();
        self.strike_out_lost(&mut rebuilt)?;
        rebuilt.packs = self.adopt_packs(&self.doomed_packs()?)?;
        let reader = Reader::new(self)?;
        let nothing = Lost::default();
        let mut recipes = reader.recipes(&nothing, &|| false);
        let mut found: Vec<BlobRecord> = Vec::new();
        let mut done = |blob: BlobRecord, sound: bool| {
            if !sound {
                rebuilt.incomplete_blobs += 1;
                return Ok(());
            }
            rebuilt.blobs += 1;
            found.push(blob);
            if found.len() < BATCH {
                return Ok(());
            }
            self.write_segments(Vec::new(), &std::mem::take(&mut found)).map(|_| ())
        };
        self.each_stored_pack(|pack| {
            let directory = match self.pack_directory(pack) {
                Ok((_, directory)) => directory,
                Err(error) if error.is_damage() => return Ok(()),
                Err(error) => return Err(error),
            };
            for blob in directory.blobs {
                let known = self.index().blob(&blob.digest)?;
                if known.is_none_or(|(_, recipe)| recipe.rank() < blob.recipe.rank()) {
                    let recipe = blob.recipe.clone();
                    recipes.add(blob, &recipe, &mut done)?;
                }
            }
            progress(1);
            Ok(())
        })?;
        recipes.finish(&mut done)?;
        if !found.is_empty() {
            self.write_segments(Vec::new(), &found)?;
        }
        self.replace_damaged_segments(&mut rebuilt)?;
        Ok(rebuilt)
    }

    /// Writes anew the segments that name packs which are gone, or blobs that need them.
    fn strike_out_lost(&self, rebuilt: &mut Rebuilt) -> Result<()> {
        let mut unlisted: Vec<(PackNo, PackId, u64)> = Vec::new();
        self.compare_packs(|number, pack, _| {
            unlisted.push((number, pack.id, pack.size));
            Ok(())
        })?;
        let mut gone: HashSet<PackId> = HashSet::new();
        let mut lost = Lost::default();
        for (number, id, size) in unlisted {
            if !self.is_stored(&id, size)? {
                gone.insert(id);
                lost.add(number, LostPart::Whole);
            }
        }
        if gone.is_empty() {
            return Ok(());
        }
        let reader = Reader::new(self)?;
        let mut recipes = reader.recipes(&lost, &|| false);
        let mut unmade: HashSet<Digest> = HashSet::new();
        let mut done = |digest: Digest, sound: bool| {
            if !sound {
                unmade.insert(digest);
            }
            Ok(())
        };
        self.index().each_blob(|blob| recipes.add(blob.digest, &blob.recipe, &mut done))?;
        recipes.finish(&mut done)?;
        rebuilt.lost_packs = gone.len() as u64;
        rebuilt.lost_blobs = unmade.len() as u64;
        self.each_segment(|key, mut segment| {
            let before = (segment.packs.len(), segment.blobs.len());
            segment.packs.retain(|pack| !gone.contains(&pack.id));
            segment.blobs.retain(|blob| !unmade.contains(&blob.digest));
            if (segment.packs.len(), segment.blobs.len()) == before {
                return Ok(());
            }
            // The new one first: what both name must never be without a name.
            if !segment.packs.is_empty() || !segment.blobs.is_empty() {
                self.write_segments(segment.packs, &segment.blobs)?;
            }
            self.backend().delete(key)
        })?;
        self.sync_index()
    }

    /// Asks for one pack by its name: that a listing lacks it is too little to strike it out.
    fn is_stored(&self, id: &PackId, size: u64) -> Result<bool> {
        match self.backend().wait(self.backend().store().size(&id.key())) {
            Ok(stored) => Ok(stored == size),
            Err(error) if error.is_damage() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Calls `visit` with the key and the content of each segment that can be read.
    fn each_segment(&self, mut visit: impl FnMut(&str, Segment) -> Result<()>) -> Result<()> {
        for id in self.segment_ids()? {
            match self.segment(&id) {
                Ok(segment) => visit(&id.key(), segment)?,
                Err(error) if error.is_damage() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Removes segments that cannot be read: all that they named has been named anew.
    fn replace_damaged_segments(&self, rebuilt: &mut Rebuilt) -> Result<()> {
        for id in self.segment_ids()? {
            let damaged = match self.segment(&id) {
                Ok(_) => false,
                Err(
                    RepoError::WrongName { .. } | RepoError::Unsealed { .. } | RepoError::Malformed { .. },
                ) => true,
                Err(error) if error.is_damage() => false,
                Err(error) => return Err(error),
            };
            if damaged {
                self.backend().delete(&id.key())?;
                rebuilt.damaged_segments += 1;
            }
        }
        Ok(())
    }
}
