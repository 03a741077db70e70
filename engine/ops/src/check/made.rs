//! Making every blob, as a restore would, and holding it against its digest.
//!
//! That every chunk is what its id says does not say that a recipe gives the blob it is recorded
//! for: whoever holds a key may have recorded another one (`format-spec/threat-model.md`).

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use dtrvault_format::{Digest, Recipe};
use dtrvault_repo::RepoError;
use dtrvault_repo::read::{Proof, Reader};

use super::chosen::{ReadData, is_chosen};
use crate::content::read_blob;
use crate::context::Context;
use crate::each_blob::each_blob;
use crate::error::{OpsError, Result};

/// Blobs made at once; each takes two windows of its streams in memory.
const MAX_THREADS: usize = 4;

/// Makes every chosen blob that is not in `damaged`. Gives those that do not come out right.
pub(super) fn run(
    reader: &Reader,
    which: ReadData,
    damaged: &HashSet<Digest>,
    context: &Context,
) -> Result<HashMap<Digest, String>> {
    let chosen = |digest: &Digest, recipe: &Recipe| -> Result<bool> {
        let known = !matches!(recipe, Recipe::Unknown { .. });
        Ok(known && !damaged.contains(digest) && is_chosen(digest.as_bytes(), which)?)
    };
    let mut total = Some(0_u64).filter(|_| which == ReadData::Everything);
    if let Some(total) = &mut total {
        reader.repo().index().each_blob(|blob| {
            *total = total.saturating_add(blob.size);
            Ok(())
        })?;
    }
    context.progress.stage("making blobs", total);
    let wrong = Mutex::new(HashMap::new());
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get().min(MAX_THREADS));
    let walk = |send: &mut dyn FnMut(Digest) -> dtrvault_repo::Result<()>| {
        let mut failed = None;
        let walked = reader.repo().index().each_blob(|blob| match chosen(&blob.digest, &blob.recipe) {
            Ok(true) => send(blob.digest),
            Ok(false) => Ok(()),
            Err(error) => {
                failed = Some(error);
                Err(RepoError::Aborted)
            }
        });
        match failed {
            Some(error) => Err(error),
            None => Ok(walked?),
        }
    };
    each_blob(threads, walk, |digest| {
        match make(reader, &digest, context) {
            Err(error) if error.is_damage() => {
                let mut wrong = wrong.lock().unwrap_or_else(PoisonError::into_inner);
                wrong.insert(digest, OpsError::chain(&error));
            }
            made => made?,
        }
        context.progress.advance(0, 1);
        Ok(())
    })?;
    Ok(wrong.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn make(reader: &Reader, digest: &Digest, context: &Context) -> Result<()> {
    let mut blob = read_blob(reader, digest, Proof::Chunks, context)?;
    loop {
        context.proceed()?;
        let piece = blob.next_piece().map_err(|error| OpsError::from_io(error, OpsError::Output))?;
        if piece.is_empty() {
            return Ok(());
        }
        context.progress.advance(piece.len() as u64, 0);
    }
}
