//! Whether everything that a recipe needs is there, without reading the content itself.

use dtrvault_format::{ChunkId, Recipe, StreamRef};

use super::chunks::Reader;
use super::stream::WINDOW_BYTES;
use crate::error::{RepoError, Result};

impl Reader {
    /// What keeps a recipe from working: a chunk that the index lacks, or a list that cannot
    /// be read. Lists are read, content is not.
    ///
    /// # Errors
    /// Only what says nothing about the recipe: the store or the cache being out of reach.
    pub fn recipe_damage(&self, recipe: &Recipe) -> Result<Option<RepoError>> {
        self.recipe_damage_with(recipe, &mut |_| None)
    }

    /// The same, asking `damaged` about every chunk as well.
    ///
    /// # Errors
    /// As [`Reader::recipe_damage`].
    pub fn recipe_damage_with(
        &self,
        recipe: &Recipe,
        damaged: &mut dyn FnMut(&ChunkId) -> Option<RepoError>,
    ) -> Result<Option<RepoError>> {
        for stream in recipe.streams() {
            match self.walk_stream(stream, damaged) {
                Ok(()) => {}
                Err(error) if error.is_damage() => return Ok(Some(error)),
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    fn walk_stream(
        &self,
        stream: &StreamRef,
        damaged: &mut dyn FnMut(&ChunkId) -> Option<RepoError>,
    ) -> Result<()> {
        let mut chunks = self.stream(stream)?;
        let mut total = 0;
        loop {
            let ids = chunks.next_ids(WINDOW_BYTES)?;
            if ids.is_empty() {
                break;
            }
            for id in ids {
                let found = self.repo().index().locate(&id)?;
                let location = found.ok_or(RepoError::MissingChunk { id })?;
                if let Some(error) = damaged(&id) {
                    return Err(error);
                }
                total += u64::from(location.len);
            }
            if total > stream.len {
                break;
            }
        }
        if total == stream.len {
            return Ok(());
        }
        Err(RepoError::DamagedStream { detail: "its chunks are not as long as its reference says" })
    }
}
