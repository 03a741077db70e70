//! The image part: a walk, what has changed of it read side by side, a tree in order.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::mpsc::sync_channel;
use std::thread;

use dtrvault_format::{Content, Digest, Identity, ImagesPart, Kind, Meta, ProblemKind, Stats, TreeEncoder};
use dtrvault_registry::layout::{PathKind, blob_path, classify};
use dtrvault_registry::source::{FileStat, Found, Item, ItemKind, ShortFiles, Source, WalkOptions};
use dtrvault_repo::Repository;
use dtrvault_repo::write::{Class, Session, StreamWriter};

use super::parent::{NewTree, Parent, unchanged};
use super::problems::Problems;
use super::read_file::{INLINE_BYTES, Outcome, read_manifest};
use super::references::References;
use super::workers::Workers;
use super::{DryRunReport, ImagesInput, LayerReport, TakenImages};
use crate::context::Context;
use crate::error::{OpsError, Result};
use crate::proof::{Catalogue, Places, digest_of};

/// Items that go from thread to thread at once: passing on costs as much as reading a link file.
const BATCH: usize = 128;
/// Batches that the walk may be ahead of the reading.
const WALK_AHEAD: usize = 32;
/// Batches that may be read ahead of the tree.
const RESULTS_AHEAD: usize = 64;
/// Walks at most, when blobs arrive that earlier walks missed.
const MAX_WALKS: usize = 3;

/// Stores the image content, and holds it against what names it.
pub(super) fn take(run: &Run<'_>, problems: &mut Problems, stats: &mut Stats) -> Result<TakenImages> {
    let mut walks = 1;
    loop {
        let (pass, references, parent) = run.walk()?;
        // Blobs stand before links in the order of a tree: what was pushed while the walk went
        // from one to the other is named, and not there. So it is walked once more; all that
        // is known by then is not read again.
        let arrived = references.missing().iter().any(|digest| run.has_blob(digest));
        if arrived && walks < MAX_WALKS {
            walks += 1;
            continue;
        }
        problems.absorb(pass.problems);
        let told = run.catalogue.map(|catalogue| references.hold(catalogue, &pass.places, problems));
        references.report(&told.unwrap_or_default(), problems);
        stats.files += pass.stats.files;
        stats.dirs += pass.stats.dirs;
        stats.others += pass.stats.others;
        stats.seen_bytes += pass.stats.seen_bytes;
        stats.read_bytes += pass.stats.read_bytes;
        let part = ImagesPart {
            tree: pass.tree.finish()?,
            location: run.source().location().to_owned(),
            entries: pass.entries,
            bytes: pass.stats.seen_bytes,
        };
        return Ok(TakenImages {
            part,
            parent: parent.id(),
            parent_time: parent.time(),
            cache: pass.cache,
            layers: pass.layers,
            kept_bytes: pass.kept_bytes,
        });
    }
}

/// Looks what would be read.
pub(super) fn dry_run(
    repo: &Repository,
    input: &ImagesInput,
    host: &str,
    context: &Context,
) -> Result<DryRunReport> {
    context.progress.stage("looking", None);
    let mut parent = Parent::find(repo, input.source.location(), host, context);
    let mut report = DryRunReport::default();
    let mut problems = Problems::default();
    let mut failed = None;
    input.source.walk(&input.walk, &mut |found| {
        let step = context.proceed().and_then(|()| match found {
            Found::Problem(problem) => {
                problems.add(problem);
                Ok(())
            }
            Found::Item(item) => {
                count(&mut report.stats, &item);
                if let ItemKind::File(stat) = &item.kind {
                    report.stats.seen_bytes += stat.size;
                    let before = parent.entry(&item.path);
                    let known = match classify(&item.path) {
                        PathKind::BlobData { digest } if before.is_none() => repo
                            .index()
                            .blob(&digest)
                            .map(|blob| blob.is_some_and(|(size, _)| size == stat.size))?,
                        _ => false,
                    };
                    if !known && unchanged(before, stat, item.meta.mtime).is_none() {
                        report.changed_files += 1;
                        report.changed_bytes += stat.size;
                    }
                }
                context.progress.advance(0, 1);
                Ok(())
            }
        });
        match step {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    (_, report.problems, report.problem_count) = problems.into_parts();
    Ok(report)
}

fn count(stats: &mut Stats, item: &Item) {
    match &item.kind {
        ItemKind::File(_) => stats.files += 1,
        ItemKind::Other(Kind::Dir) => stats.dirs += 1,
        ItemKind::Other(_) => stats.others += 1,
    }
}

/// What one run works with.
pub(super) struct Run<'a> {
    pub(super) repo: &'a Repository,
    pub(super) session: &'a Session,
    pub(super) input: &'a ImagesInput,
    pub(super) host: &'a str,
    pub(super) readers: usize,
    /// What the metadata says.
    pub(super) catalogue: Option<&'a Catalogue>,
    pub(super) context: &'a Context,
}

/// What one walk has made so far.
struct Pass {
    tree: StreamWriter,
    encoder: TreeEncoder,
    /// Entries that are still to be written: those of one batch.
    encoded: Vec<u8>,
    cache: NewTree,
    entries: u64,
    stats: Stats,
    problems: Problems,
    layers: LayerReport,
    /// How long what was read is as it is kept.
    kept_bytes: u64,
    /// Files that are not in the tree: what links to them cannot be either.
    left_out: HashSet<Vec<u8>>,
    /// What stands under ids.
    places: Places,
}

impl Run<'_> {
    pub(super) fn source(&self) -> &dyn Source {
        &*self.input.source
    }

    /// Whether a blob is in the registry now.
    fn has_blob(&self, digest: &Digest) -> bool {
        self.source().open(&blob_item(digest)).is_ok()
    }

    /// Walks once, from end to end.
    fn walk(&self) -> Result<(Pass, References, Parent)> {
        self.context.progress.stage("images", None);
        let location = self.source().location();
        let mut parent = Parent::find(self.repo, location, self.host, self.context);
        // What changed since the parent will be read: short files best while their folder is open.
        let short = ShortFiles { max_bytes: INLINE_BYTES, since: parent.time() };
        let options = WalkOptions { short: Some(short), ..self.input.walk.clone() };
        let mut references = References::default();
        let nothing = Catalogue::default();
        let catalogue = self.catalogue.unwrap_or(&nothing);
        let mut pass = Pass {
            tree: self.session.stream(Class::Fine),
            encoder: TreeEncoder::default(),
            encoded: Vec::new(),
            cache: NewTree::begin(self.repo, location, self.host),
            entries: 0,
            stats: Stats::default(),
            problems: Problems::default(),
            layers: LayerReport::default(),
            kept_bytes: 0,
            left_out: HashSet::new(),
            places: Places::new(catalogue),
        };
        thread::scope(|scope| {
            let (sender, found) = sync_channel(WALK_AHEAD);
            let walker = scope.spawn(move || {
                let mut batch = Vec::with_capacity(BATCH);
                let walked = self.source().walk(&options, &mut |found| {
                    batch.push(found);
                    if batch.len() < BATCH {
                        return ControlFlow::Continue(());
                    }
                    match sender.send(std::mem::replace(&mut batch, Vec::with_capacity(BATCH))) {
                        Ok(()) => ControlFlow::Continue(()),
                        Err(_) => ControlFlow::Break(()),
                    }
                });
                // Nobody takes them any more when the run was given up.
                let _ = sender.send(batch);
                walked
            });
            if self.context.progress.is_shown() && self.source().walks_cheaply() {
                scope.spawn(|| self.expect_total());
            }
            let mut workers = Workers::start(scope, self.readers, RESULTS_AHEAD);
            for batch in &found {
                self.context.proceed()?;
                self.dispatch(batch, &mut parent, &mut workers)?;
                while let Some(outcomes) = workers.next(false)? {
                    self.take_in(outcomes, &mut pass, catalogue, &mut references)?;
                }
            }
            while let Some(outcomes) = workers.next(true)? {
                self.context.proceed()?;
                self.take_in(outcomes, &mut pass, catalogue, &mut references)?;
            }
            drop(workers);
            walker.join().map_err(|_| OpsError::WorkerDied)??;
            Ok::<(), OpsError>(())
        })?;
        parent.finish();
        // Manifests that were not read name what they named before. Whether that is still there
        // is only in doubt when a blob has gone since, or when there is no before.
        if parent.id().is_none() || parent.lost_blob() {
            for digest in references.unread_manifests() {
                self.context.proceed()?;
                if let Some(names) = read_manifest(self.source(), &blob_item(&digest)) {
                    references.manifest(digest, names);
                }
            }
        }
        Ok((pass, references, parent))
    }

    /// Adds up what there is, for the time that is left.
    fn expect_total(&self) {
        let mut total = 0;
        let walked = self.source().walk(&self.input.walk, &mut |found| {
            if let Found::Item(Item { kind: ItemKind::File(stat), .. }) = found {
                total += stat.size;
            }
            match self.context.proceed() {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        });
        // The walk that counts says what is wrong.
        if walked.is_ok() {
            self.context.progress.expect(total);
        }
    }

    /// Puts the next outcomes into the tree.
    fn take_in(
        &self,
        outcomes: Result<Vec<Outcome>>,
        pass: &mut Pass,
        catalogue: &Catalogue,
        references: &mut References,
    ) -> Result<()> {
        let (mut bytes, mut items) = (0, 0);
        for outcome in outcomes? {
            bytes += outcome.unreported_bytes;
            items += 1;
            pass.take_in(outcome, catalogue, references);
        }
        pass.write()?;
        self.context.progress.advance(bytes, items);
        Ok(self.session.checkpoint_if_due()?)
    }
}

impl Pass {
    /// Puts the next outcome into the tree.
    fn take_in(&mut self, outcome: Outcome, catalogue: &Catalogue, references: &mut References) {
        self.stats.read_bytes += outcome.read_bytes;
        self.kept_bytes += outcome.kept_bytes;
        if let Some(notes) = outcome.notes {
            self.problems.absorb(notes.problems);
            if let Some((digest, names)) = notes.manifest {
                references.manifest(digest, names);
            }
            self.left_out.extend(notes.left_out);
            notes.layer.into_iter().for_each(|layer| self.layers.add(layer));
        }
        let Some(entry) = outcome.entry else { return };
        match &entry.kind {
            Kind::Hardlink { target } if self.left_out.contains(target) => {
                let detail = "another name of a file that could not be taken";
                self.problems.note(ProblemKind::Unreadable, &entry.path, detail);
                return;
            }
            Kind::File(file) => {
                self.stats.files += 1;
                self.stats.seen_bytes += file.size;
                match (classify(&entry.path), &file.content) {
                    (PathKind::BlobData { digest }, _) => {
                        references.blob(digest);
                        if file.mismatch {
                            references.wrong(digest);
                            self.problems.note(
                                ProblemKind::DigestMismatch,
                                &entry.path,
                                "its bytes do not have the digest in its path; stored as it is",
                            );
                        }
                    }
                    (PathKind::BlobById { id }, content) => {
                        let digest = digest_of(content);
                        references.by_id(digest);
                        if !self.places.blob(catalogue, id, &digest) {
                            let detail = format!(
                                "its bytes have the digest {}, and not the one that the metadata gives for this id; \
                                 stored as it is",
                                digest.to_oci()
                            );
                            self.problems.note(ProblemKind::DigestMismatch, &entry.path, detail);
                        }
                    }
                    (kind, Content::Inline(bytes)) => references.link(kind, bytes),
                    _ => {}
                }
            }
            Kind::Dir => self.stats.dirs += 1,
            Kind::Hardlink { target } => {
                self.stats.others += 1;
                match classify(&entry.path) {
                    PathKind::BlobData { digest } => references.blob(digest),
                    PathKind::BlobById { id } => self.places.hard_link(catalogue, id, target),
                    _ => {}
                }
            }
            _ => self.stats.others += 1,
        }
        match self.encoder.encode_into(&entry, &mut self.encoded) {
            Ok(()) => self.entries += 1,
            Err(error) => self.problems.note(ProblemKind::BadName, &entry.path, error.to_string()),
        }
    }

    /// Writes what was put into the tree since the last time.
    fn write(&mut self) -> Result<()> {
        self.tree.write(&self.encoded)?;
        self.cache.write(&self.encoded);
        self.encoded.clear();
        Ok(())
    }
}

/// A blob of the registry as something that can be opened.
fn blob_item(digest: &Digest) -> Item {
    let stat = FileStat { size: 0, identity: Identity::Unknown, sparse: false };
    Item { path: blob_path(digest), meta: Meta::default(), kind: ItemKind::File(stat), content: None }
}
