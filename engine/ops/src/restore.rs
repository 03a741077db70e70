//! `restore`: gives the content of a snapshot back as files, every byte verified.

mod failures;
mod files;

use dtrvault_format::{Entry, File, Kind, SnapshotId};
use dtrvault_registry::target::{Existing, Notes, Target, TargetError, TargetPlan};
use dtrvault_repo::Repository;
use dtrvault_repo::read::Reader;
use globset::GlobSet;

use crate::content::open_tree;
use crate::context::Context;
use crate::error::{OpsError, Result};
pub use failures::{FailedPath, Failures};
use files::{FileTask, Restorers};

/// Name of the metadata stream in a target.
pub const METADATA_NAME: &str = "metadata.tar";

/// What to restore.
pub struct RestoreOptions {
    /// Beginning of the snapshot's id, or `latest`.
    pub snapshot: String,
    /// The metadata stream; an error when it was asked for by name and is not there.
    pub metadata: Want,
    /// The image content; likewise.
    pub images: Want,
    /// Only what matches one of these, or lies below what does; all when there is none.
    pub include: Option<GlobSet>,
    /// A target with other content is no obstacle.
    pub allow_existing: bool,
    /// Write nothing.
    pub dry_run: bool,
    /// Files written at once.
    pub writers: usize,
}

/// Whether a part is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// It must be there.
    Must,
    /// If it is there.
    May,
    /// No.
    No,
}

/// What was restored.
#[derive(Debug, Default, serde::Serialize)]
pub struct RestoreReport {
    /// The snapshot.
    pub snapshot: Option<SnapshotId>,
    /// Where to.
    pub target: String,
    /// Files written.
    pub files: u64,
    /// Their lengths.
    pub bytes: u64,
    /// Files that were there already, and right.
    pub kept_files: u64,
    /// Their lengths.
    pub kept_bytes: u64,
    /// Folders.
    pub dirs: u64,
    /// Everything else.
    pub others: u64,
    /// Inodes whose owner could not be set.
    pub unset_owners: u64,
    /// Inodes whose mode or times could not be set.
    pub unset_modes: u64,
    /// Extended attributes that could not be set.
    pub unset_xattrs: u64,
    /// Entries that cannot exist in this target.
    pub left_out: u64,
    /// What could not be restored.
    pub failed: Failures,
    /// Nothing was written: this is what would be.
    pub dry_run: bool,
}

/// Restores. A file that is damaged in the repository does not keep the others from coming
/// back: it is in the report, and not in the target.
///
/// # Errors
/// Those of the target and of the store, and [`OpsError::NoSuchPart`].
pub fn run(
    repo: &Repository,
    target: &dyn Target,
    options: &RestoreOptions,
    context: &Context,
) -> Result<RestoreReport> {
    restore(repo, target, options, context).map_err(|error| error.of_target(target.location()))
}

fn restore(
    repo: &Repository,
    target: &dyn Target,
    options: &RestoreOptions,
    context: &Context,
) -> Result<RestoreReport> {
    let (id, snapshot) = repo.find_snapshot(&options.snapshot)?;
    let no_part = |part| OpsError::NoSuchPart { snapshot: id.to_string(), part };
    let metadata = match (&snapshot.metadata, options.metadata) {
        (_, Want::No) => None,
        (None, Want::Must) => return Err(no_part("metadata")),
        (part, _) => part.as_ref(),
    };
    let images = match (&snapshot.images, options.images) {
        (_, Want::No) => None,
        (None, Want::Must) => return Err(no_part("image content")),
        (part, _) => part.as_ref(),
    };
    let metadata_entry = metadata.map(|part| files::metadata_entry(part, snapshot.time));
    let reader = Reader::new(repo)?;
    let run = Run { id, snapshot: &snapshot, reader: &reader, target, options, context };

    context.progress.stage("planning", None);
    let mut needed = metadata.map_or(0, |part| part.size);
    let mut hardlinks = false;
    if images.is_some() {
        run.each_wanted(|entry| {
            match &entry.kind {
                // A claim of whoever made the snapshot.
                Kind::File(file) => needed = needed.saturating_add(file.size),
                Kind::Hardlink { .. } => hardlinks = true,
                _ => {}
            }
            Ok(())
        })?;
    }
    let plan =
        TargetPlan { bytes_needed: needed, allow_existing: options.allow_existing, dry_run: options.dry_run };
    target.begin(&plan)?;
    context.progress.stage("restoring", Some(needed));
    let mut report = RestoreReport {
        snapshot: Some(id),
        target: target.location().to_owned(),
        dry_run: options.dry_run,
        failed: if hardlinks { Failures::by_path() } else { Failures::default() },
        ..RestoreReport::default()
    };
    if options.dry_run {
        run.plan(&mut report, images.is_some(), metadata_entry.as_ref())?;
        return Ok(report);
    }
    run.write(&mut report, images.is_some(), metadata_entry)?;
    if hardlinks {
        // After every file, because a link needs its file to be there.
        run.each_wanted(|entry| match &entry.kind {
            Kind::Hardlink { .. } => run.other(&entry, &mut report),
            _ => Ok(()),
        })?;
    }
    if images.is_some() {
        // Last, because writing into a folder changes it.
        run.each_wanted(|entry| match entry.kind {
            Kind::Dir => match target.finish_dir(&entry) {
                // It is in the report already.
                Err(error) if error.is_of_path() => Ok(()),
                done => Ok(done?),
            },
            _ => Ok(()),
        })?;
    }
    target.end()?;
    let Notes { owners, modes, xattrs, left_out } = target.notes();
    (report.unset_owners, report.unset_modes) = (owners, modes);
    (report.unset_xattrs, report.left_out) = (xattrs, left_out);
    Ok(report)
}

/// What one run works with.
struct Run<'a> {
    id: SnapshotId,
    snapshot: &'a dtrvault_format::Snapshot,
    reader: &'a Reader,
    target: &'a dyn Target,
    options: &'a RestoreOptions,
    context: &'a Context,
}

impl Run<'_> {
    /// Calls `visit` for every entry of the tree that is wanted.
    fn each_wanted(&self, mut visit: impl FnMut(Entry) -> Result<()>) -> Result<()> {
        for entry in open_tree(self.reader, &self.id, self.snapshot)? {
            self.context.proceed()?;
            let entry = entry?;
            if self.wants(&entry) {
                visit(entry)?;
            }
        }
        Ok(())
    }

    fn wants(&self, entry: &Entry) -> bool {
        use std::os::unix::ffi::OsStrExt;
        let Some(include) = &self.options.include else { return true };
        // A path is wanted when it, or a folder above it, matches.
        let ends = entry.path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        ends.chain([entry.path.len()])
            .filter_map(|end| entry.path.get(..end))
            .any(|path| include.is_match(std::ffi::OsStr::from_bytes(path)))
    }

    fn plan(&self, report: &mut RestoreReport, images: bool, metadata: Option<&Entry>) -> Result<()> {
        let mut count = |entry: &Entry| -> Result<()> {
            match &entry.kind {
                Kind::Dir => report.dirs += 1,
                Kind::File(File { size, .. }) => match self.target.existing(entry).or_else(absent_here)? {
                    Existing::File { size: there } if there == *size => {
                        report.kept_files += 1;
                        report.kept_bytes = report.kept_bytes.saturating_add(*size);
                    }
                    _ => {
                        report.files += 1;
                        report.bytes = report.bytes.saturating_add(*size);
                    }
                },
                _ => report.others += 1,
            }
            Ok(())
        };
        if let Some(entry) = metadata {
            count(entry)?;
        }
        if images { self.each_wanted(|entry| count(&entry)) } else { Ok(()) }
    }

    /// Writes all but hard links.
    fn write(&self, report: &mut RestoreReport, images: bool, metadata: Option<Entry>) -> Result<()> {
        std::thread::scope(|scope| {
            let task = FileTask { reader: self.reader, target: self.target, context: self.context };
            let mut restorers = Restorers::start(scope, task, self.options.writers);
            let mut give = |entry: Entry, report: &mut RestoreReport| restorers.give(entry, report);
            if let Some(entry) = metadata {
                give(entry, report)?;
            }
            if images {
                self.each_wanted(|entry| match &entry.kind {
                    Kind::Dir => {
                        report.dirs += 1;
                        self.context.progress.advance(0, 1);
                        not_here(self.target.dir(&entry), &entry, report)
                    }
                    Kind::File(_) => give(entry, report),
                    Kind::Hardlink { .. } => Ok(()),
                    _ => self.other(&entry, report),
                })?;
            }
            restorers.finish(report)
        })
    }

    /// Restores what is neither folder nor file.
    fn other(&self, entry: &Entry, report: &mut RestoreReport) -> Result<()> {
        report.others += 1;
        self.context.progress.advance(0, 1);
        if let Kind::Hardlink { target } = &entry.kind
            && report.failed.has(target)
        {
            report.failed.add(FailedPath {
                path: entry.path.clone(),
                reason: "another name of a file that could not be restored".to_owned(),
                damaged: true,
            });
            return Ok(());
        }
        let done = self.target.existing(entry).and_then(|existing| match existing {
            Existing::SameOther => self.target.touch(entry),
            _ => self.target.other(entry),
        });
        not_here(done, entry, report)
    }
}

/// In a plan, what cannot be here is not here.
fn absent_here(error: TargetError) -> Result<Existing> {
    if error.is_of_path() { Ok(Existing::Absent) } else { Err(error.into()) }
}

/// A path that this target cannot have keeps no other from coming back: it is reported.
fn not_here(
    done: std::result::Result<(), TargetError>,
    entry: &Entry,
    report: &mut RestoreReport,
) -> Result<()> {
    match done {
        Err(error) if error.is_of_path() => {
            report.failed.add(FailedPath {
                path: entry.path.clone(),
                reason: OpsError::chain(&error),
                damaged: false,
            });
            Ok(())
        }
        done => Ok(done?),
    }
}
