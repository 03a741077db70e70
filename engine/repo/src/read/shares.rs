//! What the owners of blobs take in the store, where they share chunks.
//!
//! Chunks gather by their ids, are looked up in the order of the index, and gather again by where
//! they stand: so memory does not grow with the repository, and every pack is looked at once.

use std::sync::{Mutex, PoisonError};

use dtrvault_format::Recipe;
use rayon::prelude::*;

use super::chunks::Reader;
use super::claim::Claim;
use super::gathered::Gathered;
use super::need::{MOST_NEEDS, Need};
use crate::error::{RepoError, Result};
use crate::index::short_id;

/// Adds up what owners take. Owners are known by numbers.
pub struct Shares<'a> {
    reader: &'a Reader,
    is_cancelled: &'a dyn Fn() -> bool,
    needs: Gathered<Need>,
    claims: Gathered<Claim>,
}

impl Reader {
    /// Begins to add up. Ends with [`RepoError::Aborted`] once it `is_cancelled`.
    #[must_use]
    pub fn shares<'a>(&'a self, is_cancelled: &'a dyn Fn() -> bool) -> Shares<'a> {
        Shares { reader: self, is_cancelled, needs: Gathered::new(), claims: Gathered::new() }
    }
}

impl Shares<'_> {
    /// Adds the chunks of a blob. Lists are read, content is not.
    ///
    /// # Errors
    /// Damage of a list, and the store or the cache being out of reach.
    pub fn add(&mut self, owner: u32, recipe: &Recipe) -> Result<()> {
        let (reader, is_cancelled) = (self.reader, self.is_cancelled);
        for stream in recipe.streams() {
            reader.each_window(stream, is_cancelled, |ids| {
                let index = reader.repo().index();
                for id in ids {
                    let pushed = self.needs.push((short_id(id), owner), index.dir());
                    pushed.map_err(|error| index.fail(error))?;
                }
                if self.needs.count() >= MOST_NEEDS { self.look_up() } else { Ok(()) }
            })?;
        }
        Ok(())
    }

    /// Bytes in the packs, of each of `owners` by its number. A chunk has a share of its frame, and
    /// is counted once: for the least of the owners that have it. One that is missing has none.
    ///
    /// # Errors
    /// The cache being out of reach.
    pub fn finish<K: Ord>(mut self, owners: &[K]) -> Result<Vec<u64>> {
        self.look_up()?;
        let index = self.reader.repo().index();
        self.claims.settle(index.dir()).map_err(|error| index.fail(error))?;
        let mut stored_bytes = vec![0; owners.len()];
        let mut pack = None;
        for part in (0..self.claims.parts()).map_while(|part| self.claims.part(part)) {
            if (self.is_cancelled)() {
                return Err(RepoError::Aborted);
            }
            let part = part.map_err(|error| index.fail(error))?;
            for claims in part.chunk_by(Claim::is_of_same) {
                let least = claims.iter().min_by_key(|claim| owners.get(claim.owner as usize));
                let Some(claim) = least else { continue };
                if pack.as_ref().is_none_or(|(number, _)| *number != claim.pack) {
                    pack = Some((claim.pack, index.pack(claim.pack)?));
                }
                let info = pack.as_ref().and_then(|(_, info)| info.as_ref());
                let frame = info.and_then(|info| info.frames.get(claim.frame as usize));
                if let (Some(total), Some(frame)) = (stored_bytes.get_mut(claim.owner as usize), frame) {
                    *total += claim.share_bytes(frame);
                }
            }
        }
        Ok(stored_bytes)
    }

    /// Finds out where the chunks stand that have gathered.
    fn look_up(&mut self) -> Result<()> {
        let index = self.reader.repo().index();
        let mut needs = std::mem::replace(&mut self.needs, Gathered::new());
        needs.settle(index.dir()).map_err(|error| index.fail(error))?;
        let claims = Mutex::new(&mut self.claims);
        (0..needs.parts()).into_par_iter().try_for_each(|part| {
            let Some(part) = needs.part(part) else { return Ok(()) };
            let mut part = part.map_err(|error| index.fail(error))?;
            part.dedup();
            let mut found = Vec::with_capacity(part.len());
            index.join(&part, |owner, at| found.extend(at.map(|at| Claim::new(at, *owner))))?;
            let mut claims = claims.lock().unwrap_or_else(PoisonError::into_inner);
            let pushed = found.into_iter().try_for_each(|claim| claims.push(claim, index.dir()));
            pushed.map_err(|error| index.fail(error))
        })
    }
}
