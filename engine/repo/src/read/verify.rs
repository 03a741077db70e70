//! Whether everything that a recipe needs is there, without reading the content itself.

use dtrvault_format::{Recipe, StreamRef};

use super::chunks::Reader;
use super::lost::Lost;
use super::stream::WINDOW_BYTES;
use crate::error::{RepoError, Result};

impl Reader {
    /// What keeps a recipe from working: a chunk that the index lacks, or that stands in what
    /// is `lost`, or a list that cannot be read. Lists are read, content is not. Ends with
    /// [`RepoError::Aborted`] once it `is_cancelled`.
    ///
    /// # Errors
    /// Only what says nothing about the recipe: the store or the cache being out of reach.
    pub fn recipe_damage(
        &self,
        recipe: &Recipe,
        lost: &Lost,
        is_cancelled: &dyn Fn() -> bool,
    ) -> Result<Option<RepoError>> {
        for stream in recipe.streams() {
            match self.walk_stream(stream, lost, is_cancelled) {
                Ok(()) => {}
                Err(error) if error.is_damage() => return Ok(Some(error)),
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    fn walk_stream(&self, stream: &StreamRef, lost: &Lost, is_cancelled: &dyn Fn() -> bool) -> Result<()> {
        let mut chunks = self.stream(stream)?;
        let mut total = 0;
        loop {
            let ids = chunks.next_ids(WINDOW_BYTES)?;
            if ids.is_empty() {
                break;
            }
            if is_cancelled() {
                return Err(RepoError::Aborted);
            }
            for id in ids {
                let found = self.repo().index().locate(&id)?;
                let location = found.ok_or(RepoError::MissingChunk { id })?;
                if lost.has(location) {
                    return Err(RepoError::LostChunk { id });
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
