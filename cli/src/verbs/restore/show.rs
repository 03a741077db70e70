//! What was restored as files, in words and as JSON.

use dtrvault_ops::restore::{FailedPath, RestoreReport};
use serde::Serialize;

use crate::app::App;
use crate::error::Result;
use crate::render::size::human;
use crate::render::{count, short};

#[derive(Serialize)]
pub(super) struct View<'a> {
    snapshot: Option<String>,
    target: &'a str,
    dry_run: bool,
    files: u64,
    written_bytes: u64,
    kept_files: u64,
    kept_bytes: u64,
    dirs: u64,
    others: u64,
    unset_owners: u64,
    unset_modes: u64,
    unset_xattrs: u64,
    left_out: u64,
    failed: &'a [FailedPath],
    failed_count: u64,
}

impl<'a> View<'a> {
    pub(super) fn new(report: &'a RestoreReport) -> Self {
        Self {
            snapshot: report.snapshot.map(|id| id.to_string()),
            target: &report.target,
            dry_run: report.dry_run,
            files: report.files,
            written_bytes: report.bytes,
            kept_files: report.kept_files,
            kept_bytes: report.kept_bytes,
            dirs: report.dirs,
            others: report.others,
            unset_owners: report.unset_owners,
            unset_modes: report.unset_modes,
            unset_xattrs: report.unset_xattrs,
            left_out: report.left_out,
            failed: report.failed.listed(),
            failed_count: report.failed.count(),
        }
    }
}

pub(super) fn show(app: &App, report: &RestoreReport) -> Result<()> {
    if app.output.json {
        return app.output.object(&View::new(report));
    }
    if app.output.quiet {
        return Ok(());
    }
    let id = report.snapshot.map(|id| short(&id)).unwrap_or_default();
    let (would, did) = if report.dry_run { ("would restore", "would write") } else { ("restored", "wrote") };
    let mut lines = vec![
        format!("{would} snapshot {id} to {}", report.target),
        format!("  {did:<12} {}, {}", count(report.files, "file", "files"), human(report.bytes)),
    ];
    if report.kept_files > 0 {
        let kept = count(report.kept_files, "file", "files");
        let there =
            if report.dry_run { "there already, of the right size" } else { "there already, and right" };
        lines.push(format!("  {:<12} {kept}, {}: {there}", "kept", human(report.kept_bytes)));
    }
    lines.push(format!(
        "  {:<12} {}, {}",
        "also",
        count(report.dirs, "folder", "folders"),
        count(report.others, "link or other", "links and others")
    ));
    if !report.failed.is_empty() {
        let failed = count(report.failed.count(), "file is", "files are");
        lines.push(format!("  {:<12} {failed} not restored, see above", "INCOMPLETE"));
    }
    if report.dry_run {
        lines.push("dry run: nothing was written".to_owned());
    }
    app.output.lines(lines)
}
