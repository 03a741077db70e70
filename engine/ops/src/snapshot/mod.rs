//! `snapshot`: takes the metadata stream and the image content of a registry.
//!
//! Metadata first, images after: what metadata names exists when images are read. Nothing is
//! in the repository until the snapshot is, which is the last object written.

mod dispatch;
mod images;
mod known_rows;
mod metadata;
mod parent;
mod problems;
mod read_file;
mod references;
mod rows_writer;
mod workers;

use std::io::Read;
use std::time::Instant;

use dtrvault_format::limits::FORMAT_VERSION;
use dtrvault_format::{DtrIdentity, ImagesPart, MetadataPart, Problem, Snapshot, SnapshotId, Stats, Time};
use dtrvault_registry::metadata::dtr_version;
use dtrvault_registry::source::{Source, WalkOptions};
use dtrvault_repo::Repository;

use crate::age;
use crate::context::Context;
use crate::error::{OpsError, Result};
use problems::Problems;

pub use crate::layers::{DeepTotal, LayerReport, LayerTotal, Layers};

/// A metadata stream that was taken elsewhere.
pub struct MetadataInput {
    /// Its bytes.
    pub stream: Box<dyn Read + Send>,
    /// Where they come from: a file's name, or `-`.
    pub name: String,
    /// Its length, where that is known.
    pub size: Option<u64>,
    /// A tar that ends within a member is taken all the same.
    pub allow_truncated: bool,
    /// A backup of DTR is taken also when it lacks a table that it should have.
    pub allow_missing_tables: bool,
    /// The backup that writes it, when that is run for this snapshot.
    pub backup: Option<Backup>,
}

/// A backup of a DTR whose output is the metadata stream: that must be a whole tar of this version.
pub struct Backup {
    /// What it is of.
    pub dtr: DtrIdentity,
    /// What it has said on standard error, once it has ended; holds no secrets.
    pub log: Box<dyn FnOnce() -> String + Send>,
}

/// Image content to be taken.
pub struct ImagesInput {
    /// Where it is.
    pub source: Box<dyn Source>,
    /// What is left out.
    pub walk: WalkOptions,
    /// How layers are stored.
    pub layers: Layers,
}

/// What to take, and how to call it.
pub struct SnapshotOptions {
    /// The metadata stream.
    pub metadata: Option<MetadataInput>,
    /// The image content.
    pub images: Option<ImagesInput>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Where it is taken.
    pub host: String,
    /// Name and version of the program.
    pub program: String,
    /// Files read at once.
    pub readers: usize,
}

/// What was taken.
#[derive(Debug, serde::Serialize)]
pub struct SnapshotReport {
    /// The new snapshot.
    pub id: SnapshotId,
    /// What it says.
    pub snapshot: Snapshot,
    /// What became of the layers that were read.
    pub layers: LayerReport,
    /// What was read, as long as it is where it is kept: layers by their content, archives within them by
    /// theirs. Of these bytes some were new.
    pub content_bytes: u64,
}

/// What would be taken.
#[derive(Debug, Default, serde::Serialize)]
pub struct DryRunReport {
    /// Files, folders and the rest.
    pub stats: Stats,
    /// Files that would be read.
    pub changed_files: u64,
    /// Their lengths.
    pub changed_bytes: u64,
    /// What could not be looked at.
    pub problems: Vec<Problem>,
    /// How many problems there were in all.
    pub problem_count: u64,
}

/// Takes a snapshot. The repository may have been opened without reading its index.
///
/// # Errors
/// [`OpsError`]; nothing is recorded then. Files that cannot be taken are no error: they are
/// in the snapshot's list of problems, and it is marked incomplete.
pub fn run(repo: &Repository, options: SnapshotOptions, context: &Context) -> Result<SnapshotReport> {
    let SnapshotOptions { metadata, images, mut tags, host, program, readers } = options;
    if metadata.is_none() && images.is_none() {
        return Err(OpsError::NothingToTake);
    }
    let of_dtr = metadata.as_ref().and_then(|input| input.backup.as_ref()).map(|backup| backup.dtr.clone());
    // A DTR that nobody has pushed to yet has an empty volume.
    if let Some(images) = images.as_ref().filter(|_| of_dtr.is_none()) {
        require_registry(images)?;
    }
    tags.sort();
    tags.dedup();
    let started = Instant::now();
    let time = repo.options().clock.now();
    let session = repo.session("snapshot")?;
    context.warn_of_damaged_index(repo);
    let mut problems = Problems::default();
    let mut stats = Stats::default();

    let explain = |error| match error {
        OpsError::Repo(error) => OpsError::Repo(session.explain(error)),
        error => error,
    };
    let metadata = metadata
        .map(|input| {
            let has_images = images.is_some();
            metadata::take(repo, &session, input, &host, has_images, &mut problems, &mut stats, context)
        })
        .transpose()
        .map_err(explain)?;
    let (metadata, rows, catalogue) =
        metadata.map_or((None, None, None), |taken| (Some(taken.part), taken.rows, taken.catalogue));
    let mut parent_id = None;
    let mut images_part = None;
    let mut tree_cache = None;
    let mut layers = LayerReport::default();
    let mut content_bytes = metadata.as_ref().map_or(0, |part| part.size);
    if let Some(input) = &images {
        let run = images::Run {
            repo,
            session: &session,
            input,
            host: &host,
            readers,
            catalogue: catalogue.as_ref(),
            context,
        };
        let taken = images::take(&run, &mut problems, &mut stats).map_err(explain)?;
        parent_id = taken.parent;
        if let Some(before) = taken.parent_time.filter(|before| before.secs > time.secs) {
            context.progress.warn(&format!(
                "the clock stands {} before the last snapshot of this registry, and `latest` goes by time: \
                 name this snapshot by its id",
                age(before.secs.saturating_sub(time.secs))
            ));
        }
        tree_cache = Some(taken.cache);
        images_part = Some(taken.part);
        layers = taken.layers;
        content_bytes += taken.kept_bytes;
    }
    context.progress.stage("writing", None);
    context.proceed()?;
    let dtr = of_dtr.or_else(|| metadata.as_ref().and_then(identity));
    let layers_part = images_part.is_some().then(|| layers.to_part());
    let (complete, list, count) = problems.into_parts();
    let mut committed = None;
    let id = session.commit(|counters| {
        let stats = Stats {
            new_bytes: counters.new_bytes,
            new_chunks: counters.new_chunks,
            written_bytes: counters.written_bytes,
            duration_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            ..stats
        };
        let snapshot = Snapshot {
            version: FORMAT_VERSION,
            time,
            host,
            tags,
            metadata,
            images: images_part,
            dtr,
            complete,
            problems: list,
            problem_count: count,
            stats,
            parent: parent_id,
            program,
            layers: layers_part,
        };
        committed = Some(snapshot.clone());
        snapshot
    })?;
    if let Some(cache) = tree_cache {
        // A cache only makes the next run faster.
        if let Err(error) = cache.keep(&id, time) {
            context.progress.warn(&format!("the tree could not be kept for the next run: {error}"));
        }
    }
    if let Some((known, table)) = rows
        && let Err(error) = known.keep(table)
    {
        context.progress.warn(&format!("the rows could not be kept for the next run: {error}"));
    }
    let snapshot = committed.ok_or(OpsError::WorkerDied)?;
    Ok(SnapshotReport { id, snapshot, layers, content_bytes })
}

/// Looks what a snapshot of the image content would read, and writes nothing.
///
/// # Errors
/// [`OpsError`] when the registry cannot be walked.
pub fn dry_run(
    repo: &Repository,
    images: &ImagesInput,
    host: &str,
    context: &Context,
) -> Result<DryRunReport> {
    require_registry(images)?;
    images::dry_run(repo, images, host, context)
}

/// Refuses a root that holds no registry, which is most likely the wrong folder.
fn require_registry(images: &ImagesInput) -> Result<()> {
    if images.source.is_registry()? {
        return Ok(());
    }
    Err(OpsError::NotARegistry { location: images.source.location().to_owned() })
}

/// What the first folder of a metadata tar says of the DTR it is of.
fn identity(metadata: &MetadataPart) -> Option<DtrIdentity> {
    let version = dtr_version(metadata.root.as_deref()?)?.to_owned();
    Some(DtrIdentity { version, replica: None, cluster: None, image: None, storage: None, frozen: false })
}

/// What [`images::take`] gives back.
struct TakenImages {
    part: ImagesPart,
    parent: Option<SnapshotId>,
    parent_time: Option<Time>,
    cache: parent::NewTree,
    layers: LayerReport,
    kept_bytes: u64,
}
