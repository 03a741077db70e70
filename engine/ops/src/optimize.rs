//! `optimize`: stores layers that were taken as they are as what they hold.
//!
//! Snapshots name blobs by digest alone, so none of them changes: only how their blobs are made does.

use std::collections::HashSet;
use std::io::Read;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use dtrvault_format::{Content, Digest, Kind, Recipe};
use dtrvault_repo::read::{Proof, Reader};
use dtrvault_repo::write::Session;
use dtrvault_repo::{RepoError, Repository};

use crate::content::{BlobError, open_tree, read_blob, write_blob};
use crate::context::Context;
use crate::error::{OpsError, Result};
use crate::layers::{LayerReport, Layers, Tries};

/// What tells a gzip stream from others, bytes.
const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];

/// What was stored better.
#[derive(Debug, Default, serde::Serialize)]
pub struct OptimizeReport {
    /// Blobs that were stored as they are, and were looked at.
    pub looked_at: u64,
    /// What became of those that are gzip streams.
    pub layers: LayerReport,
    /// Plain bytes of the chunks that were new.
    pub new_bytes: u64,
    /// What was written to the store, bytes.
    pub written_bytes: u64,
}

/// Stores the gzip blobs of these snapshots (beginnings of ids, or `latest`), or of all, as what they
/// hold. May be interrupted at any time: what was done by then stays.
///
/// # Errors
/// [`RepoError::NeedsFullKey`], damage of a blob or a tree, and those of the store.
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
    thread::scope(|scope| {
        let (blobs, waiting) = sync_channel::<(Digest, u64)>(workers);
        // Shared by the workers alone: when all have failed, nothing more can be sent.
        let waiting = Arc::new(Mutex::new(waiting));
        let workers: Vec<_> = (0..workers.max(1))
            .map(|_| {
                let waiting = Arc::clone(&waiting);
                scope.spawn(move || work.run(&waiting))
            })
            .collect();
        drop(waiting);
        // It fails when every worker has stopped; they say why.
        let walked = each_plain(repo, chosen.as_ref(), |digest, size| {
            blobs.send((digest, size)).map_err(|_| RepoError::Aborted)
        });
        drop(blobs);
        for worker in workers {
            worker.join().map_err(|_| OpsError::WorkerDied)??;
        }
        walked
    })?;
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
    fn run(self, waiting: &Mutex<Receiver<(Digest, u64)>>) -> Result<()> {
        loop {
            let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok((digest, size)) = next else { return Ok(()) };
            self.take_apart(&digest)?;
            self.context.progress.advance(size, 1);
            self.session.checkpoint_if_due()?;
        }
    }

    /// Stores one blob as what it holds, if it is a gzip stream and comes back from that.
    fn take_apart(self, digest: &Digest) -> Result<()> {
        let mut tries = Tries::new(Layers::Deep);
        while tries.is_deep() {
            let mut blob = read_blob(self.reader, digest, Proof::Whole, self.context)?;
            let mut first = [0; MAGIC.len()];
            let begun = crate::content::read_full(&mut blob, &mut first).map_err(unreadable)?;
            if begun < MAGIC.len() || first != MAGIC {
                break;
            }
            let mut proceed = |_: &[u8]| self.context.proceed();
            let mut source = first.as_slice().chain(blob);
            match write_blob(self.session, tries.gzip(), &mut source, &mut proceed) {
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
