//! Following many recipes at once: whether all that they need is there.
//!
//! Ids are hashes, so looking up the chunks of one blob after the other jumps all over the
//! index. Here they gather, blob after blob, and are held against the index in its own order.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use dtrvault_format::Recipe;
use rayon::prelude::*;

use super::chunks::Reader;
use super::gathered::Gathered;
use super::lost::Lost;
use super::need::{MOST_NEEDS, Need};
use crate::error::Result;
use crate::index::short_id;

/// Recipes that gather at most: what is kept of each takes some 100 bytes.
const BATCH_RECIPES: usize = 1 << 18;

/// Recipes that are being followed. `T` says whose each is.
pub struct Recipes<'a, T> {
    reader: &'a Reader,
    lost: &'a Lost,
    is_cancelled: &'a dyn Fn() -> bool,
    needs: Gathered<Need>,
    streams: Vec<Stream>,
    owners: Vec<(T, bool)>,
}

/// A stream that is being followed.
struct Stream {
    /// Its recipe.
    owner: usize,
    /// Its length, bytes.
    len: u64,
    /// Lengths of its chunks that were found.
    found: AtomicU64,
    /// A chunk of it was not found.
    lacks: AtomicBool,
}

impl Reader {
    /// Begins to follow recipes. What stands in `lost` counts as gone. Ends with
    /// [`crate::RepoError::Aborted`] once it `is_cancelled`: lists may name one chunk more often than
    /// anybody can count.
    #[must_use]
    pub fn recipes<'a, T>(&'a self, lost: &'a Lost, is_cancelled: &'a dyn Fn() -> bool) -> Recipes<'a, T> {
        Recipes {
            reader: self,
            lost,
            is_cancelled,
            needs: Gathered::new(),
            streams: Vec::new(),
            owners: Vec::new(),
        }
    }
}

impl<T> Recipes<'_, T> {
    /// Adds a recipe. When enough have gathered, `done` is told of each, and whether it is
    /// sound: all chunks are there, and are as long as its streams. Lists are read, content
    /// is not.
    ///
    /// # Errors
    /// Those of `done`, and what says nothing about a recipe: the store or the cache being
    /// out of reach.
    pub fn add(
        &mut self,
        owner: T,
        recipe: &Recipe,
        done: &mut impl FnMut(T, bool) -> Result<()>,
    ) -> Result<()> {
        let place = self.owners.len();
        self.owners.push((owner, true));
        for stream in recipe.streams() {
            let number = self.streams.len();
            self.streams.push(Stream {
                owner: place,
                len: stream.len,
                found: AtomicU64::new(0),
                lacks: AtomicBool::new(false),
            });
            match self.gather(stream, number) {
                Err(error) if error.is_damage() => self.damaged(place),
                gathered => gathered?,
            }
        }
        let full = self.needs.count() >= MOST_NEEDS || self.owners.len() >= BATCH_RECIPES;
        if full { self.finish(done) } else { Ok(()) }
    }

    /// Looks up what has gathered, and tells `done`.
    ///
    /// # Errors
    /// As [`Recipes::add`].
    pub fn finish(&mut self, done: &mut impl FnMut(T, bool) -> Result<()>) -> Result<()> {
        self.look_up()?;
        for Stream { owner, len, found, lacks } in std::mem::take(&mut self.streams) {
            if lacks.into_inner() || found.into_inner() != len {
                self.damaged(owner);
            }
        }
        std::mem::take(&mut self.owners).into_iter().try_for_each(|(owner, sound)| done(owner, sound))
    }

    fn damaged(&mut self, owner: usize) {
        if let Some((_, sound)) = self.owners.get_mut(owner) {
            *sound = false;
        }
    }

    /// Gathers the chunks of a stream.
    fn gather(&mut self, stream: &dtrvault_format::StreamRef, number: usize) -> Result<()> {
        let (reader, is_cancelled) = (self.reader, self.is_cancelled);
        reader.each_window(stream, is_cancelled, |ids| {
            // Far fewer streams gather than there are numbers.
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            let index = reader.repo().index();
            for id in ids {
                self.needs.push((short_id(id), number), index.dir()).map_err(|error| index.fail(error))?;
            }
            // A stream of any length.
            if self.needs.count() >= MOST_NEEDS { self.look_up() } else { Ok(()) }
        })
    }

    /// Looks up the chunks that have gathered.
    fn look_up(&mut self) -> Result<()> {
        let index = self.reader.repo().index();
        let mut needs = std::mem::replace(&mut self.needs, Gathered::new());
        needs.settle(index.dir()).map_err(|error| index.fail(error))?;
        let (streams, lost) = (&self.streams, self.lost);
        (0..needs.parts()).into_par_iter().try_for_each(|part| {
            let Some(part) = needs.part(part) else { return Ok(()) };
            let part = part.map_err(|error| index.fail(error))?;
            index.join(&part, |stream, at| {
                let Some(stream) = streams.get(*stream as usize) else { return };
                match at.filter(|at| !lost.has(*at)) {
                    // Over 2^64 bytes of a stream no list names.
                    Some(at) => drop(stream.found.fetch_add(at.len.into(), Ordering::Relaxed)),
                    None => stream.lacks.store(true, Ordering::Relaxed),
                }
            })
        })
    }
}
