//! `optimize`: stores layers that were taken as they are as what they hold.
//!
//! Snapshots name blobs by digest alone, so none of them changes: only how their blobs are made does.

use std::collections::HashSet;
use std::io::Read;
use std::sync::{Mutex, PoisonError};

use dtrvault_codec::{Form, sniff};
use dtrvault_format::{Content, Digest, Kind, Recipe};
use dtrvault_repo::Repository;
use dtrvault_repo::read::{Proof, Reader};
use dtrvault_repo::write::Session;

use crate::content::{BlobError, open_tree, read_blob, write_blob};
use crate::context::Context;
use crate::each_blob::each_blob;
use crate::error::{OpsError, Result};
use crate::layers::{LayerReport, Layers, Tries};

/// What tells gzip streams and tars from others, bytes.
const FIRST_BYTES: usize = 512;

/// What was stored better.
#[derive(Debug, Default, serde::Serialize)]
pub struct OptimizeReport {
    /// Blobs that were stored as they are, and were looked at.
    pub looked_at: u64,
    /// What became of those that are gzip streams, and of tars that are kept.
    pub layers: LayerReport,
    /// Plain bytes of the chunks that were new.
    pub new_bytes: u64,
    /// What was written to the store, bytes.
    pub written_bytes: u64,
}

/// Stores the gzip streams and tars of these snapshots (beginnings of ids, or `latest`), or of all, as what they
/// hold. May be interrupted at any time: what was done by then stays.
///
/// # Errors
/// [`dtrvault_repo::RepoError::NeedsFullKey`], damage of a blob or a tree, and those of the store.
pub fn run(repo: &Repository, only: &[String], workers: usize, context: &Context) -> Result<OptimizeReport> {
    let reader = Reader::new(repo)?;
    let chosen = chosen(repo, &reader, only, context)?;
    let session = repo.session("optimize")?;
    let report = Mutex::new(OptimizeReport::default());
    let work = Work { reader: &reader, session: &session, report: &report, context };
    let mut total = 0_u64;
    each_plain(repo, chosen.as_ref(), |_, size| {
        total = total.saturating_add(size);
        Ok(())
    })?;
    context.progress.stage("layers", Some(total));
    each_blob(
        workers,
        |send| each_plain(repo, chosen.as_ref(), |digest, size| send((digest, size))),
        |(digest, size)| {
            work.take_apart(&digest)?;
            context.progress.advance(size, 1);
            Ok(session.checkpoint_if_due()?)
        },
    )?;
    session.checkpoint()?;
    let counters = session.counters();
    let report = report.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(OptimizeReport { new_bytes: counters.new_bytes, written_bytes: counters.written_bytes, ..report })
}

/// The blobs of these snapshots; `None` for all.
fn chosen(
    repo: &Repository,
    reader: &Reader,
    only: &[String],
    context: &Context,
) -> Result<Option<HashSet<Digest>>> {
    if only.is_empty() {
        return Ok(None);
    }
    let mut digests = HashSet::new();
    for name in only {
        let (id, snapshot) = repo.find_snapshot(name)?;
        if snapshot.images.is_none() {
            continue;
        }
        for entry in open_tree(reader, &id, &snapshot)? {
            context.proceed()?;
            if let Kind::File(file) = entry?.kind
                && let Content::Blob(digest) = file.content
            {
                digests.insert(digest);
            }
        }
    }
    Ok(Some(digests))
}

/// Calls `visit` with every chosen blob that is stored as it is, and its length.
fn each_plain(
    repo: &Repository,
    chosen: Option<&HashSet<Digest>>,
    mut visit: impl FnMut(Digest, u64) -> dtrvault_repo::Result<()>,
) -> Result<()> {
    Ok(repo.index().each_blob(|blob| {
        let wanted = chosen.is_none_or(|chosen| chosen.contains(&blob.digest));
        if wanted && matches!(blob.recipe, Recipe::Plain(_)) { visit(blob.digest, blob.size) } else { Ok(()) }
    })?)
}

/// What the workers share.
#[derive(Clone, Copy)]
struct Work<'a> {
    reader: &'a Reader,
    session: &'a Session,
    report: &'a Mutex<OptimizeReport>,
    context: &'a Context,
}

impl Work<'_> {
    /// Stores one blob as what it holds, if it is a gzip stream or a tar and comes back from that.
    fn take_apart(self, digest: &Digest) -> Result<()> {
        let mut tries = Tries::new(Layers::Deep);
        while tries.is_deep() {
            let mut blob = read_blob(self.reader, digest, Proof::Whole, self.context)?;
            let mut first = [0; FIRST_BYTES];
            let begun = crate::content::read_full(&mut blob, &mut first).map_err(unreadable)?;
            let first = first.get(..begun).unwrap_or_default();
            if !matches!(sniff(first, begun < FIRST_BYTES), Form::Gzip | Form::Tar) {
                break;
            }
            let mut proceed = |_: &[u8]| self.context.proceed();
            let mut source = first.chain(blob);
            match write_blob(self.session, tries.depth(), &mut source, &mut proceed) {
                Ok(stored) => {
                    let layer = tries.layer(stored.apart, stored.size);
                    let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
                    report.looked_at += 1;
                    layer.into_iter().for_each(|layer| report.layers.add(layer));
                    return Ok(());
                }
                Err(BlobError::Opaque(opaque)) => tries.opaque(opaque),
                Err(BlobError::Read(error)) => return Err(unreadable(error)),
                Err(BlobError::Store(error)) => return Err(error),
            }
        }
        let size = self.reader.repo().index().blob(digest)?.map_or(0, |(size, _)| size);
        let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        report.looked_at += 1;
        tries.layer(None, size).into_iter().for_each(|layer| report.layers.add(layer));
        Ok(())
    }
}

fn unreadable(error: std::io::Error) -> OpsError {
    OpsError::from_io(error, OpsError::Output)
}
