//! What each found thing needs: nothing, or to be read by one of the threads.

use dtrvault_format::{Content, Entry, File};
use dtrvault_registry::layout::{PathKind, classify};
use dtrvault_registry::source::{FileStat, Found, Item, ItemKind};

use super::images::Run;
use super::parent::{Parent, unchanged};
use super::read_file::{Outcome, ReadFile};
use super::workers::Workers;
use crate::error::Result;

/// A longer file ends its batch, so that long ones are read side by side, bytes.
const SHORT_BYTES: u64 = 64 << 10;
/// What is to be done about a thing that was found.
enum Step {
    Known(Outcome),
    Read(Item, FileStat),
}

impl Run<'_> {
    /// Has done what the found things need.
    pub(super) fn dispatch<'env>(
        &'env self,
        found: Vec<Found>,
        parent: &mut Parent,
        workers: &mut Workers<'env, Result<Vec<Outcome>>>,
    ) -> Result<()> {
        let mut steps = Vec::with_capacity(found.len());
        for found in found {
            let step = self.step(found, parent)?;
            let is_long = matches!(&step, Step::Read(_, stat) if stat.size > SHORT_BYTES);
            steps.push(step);
            if is_long {
                self.submit(std::mem::take(&mut steps), workers)?;
            }
        }
        self.submit(steps, workers)
    }

    fn submit<'env>(
        &'env self,
        steps: Vec<Step>,
        workers: &mut Workers<'env, Result<Vec<Outcome>>>,
    ) -> Result<()> {
        let read = ReadFile {
            session: self.session,
            source: self.source(),
            context: self.context,
            layers: self.input.layers,
        };
        let is_known = steps.iter().all(|step| matches!(step, Step::Known(_)));
        let run = move || {
            let outcome = |step| match step {
                Step::Known(outcome) => Ok(outcome),
                Step::Read(item, stat) => read.run(item, &stat),
            };
            steps.into_iter().map(outcome).collect()
        };
        if is_known {
            workers.ready(run());
            return Ok(());
        }
        workers.submit(run)
    }

    /// Decides what one found thing needs.
    fn step(&self, found: Found, parent: &mut Parent) -> Result<Step> {
        let known = |outcome| Ok(Step::Known(outcome));
        let item = match found {
            Found::Problem(problem) => return known(Outcome::problem(problem)),
            Found::Item(item) => item,
        };
        let before = parent.entry(&item.path);
        let stat = match item.kind {
            ItemKind::Other(kind) => {
                return known(Outcome::entry(Entry { path: item.path, meta: item.meta, kind }));
            }
            ItemKind::File(ref stat) => stat.clone(),
        };
        let is_new = before.is_none();
        if let Some(file) = unchanged(before, &stat, item.meta.mtime)
            && self.is_stored(&file.content, stat.size)?
        {
            // A folder copied from elsewhere may have other permissions, so those are the new ones.
            let file = File { sparse: stat.sparse, ..file };
            return known(Outcome::kept(item, file));
        }
        if is_new
            && let PathKind::BlobData { digest } = classify(&item.path)
            && self.is_stored(&Content::Blob(digest), stat.size)?
        {
            let FileStat { size, identity, sparse } = stat;
            let file = File { size, content: Content::Blob(digest), identity, sparse, mismatch: false };
            return known(Outcome::kept(item, file));
        }
        Ok(Step::Read(item, stat))
    }

    /// Whether content need not be stored again.
    fn is_stored(&self, content: &Content, size: u64) -> Result<bool> {
        match content {
            Content::Inline(_) => Ok(true),
            Content::Blob(digest) => {
                Ok(self.session.known_blob(digest)?.is_some_and(|(known, _)| known == size))
            }
        }
    }
}
