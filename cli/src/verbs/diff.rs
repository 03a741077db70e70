//! `diff`: what changed between two snapshots.

use std::io::Write;

use dtrvault_ops::OpsError;
use dtrvault_ops::diff::{self, Change, ChangedPath, DiffReport};
use dtrvault_ops::format::tree::display_path;
use serde::Serialize;

use crate::app::App;
use crate::error::{CliError, Result};
use crate::exit::Exit;
use crate::render::grouped;
use crate::render::size::human;

/// Show what changed between two snapshots
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Compares the image content of two snapshots, path by path:\n  \
                  +  is new\n  -  is gone\n  M  has other content\n  m  has other mode, owner, times or \
                  attributes",
    after_help = "\
Examples:
  dtrvault diff 3f1c latest
  dtrvault diff --json 3f1c 9ab0 | jq -r '.changes[].path'"
)]
pub(crate) struct Args {
    /// The snapshot before: its id, the beginning of it, or `latest`
    before: String,

    /// The snapshot after
    after: String,
}

#[derive(Serialize)]
struct Difference {
    #[serde(flatten)]
    report: DiffReport,
    changes: Vec<ChangedPath>,
}

pub(crate) fn run(app: &App, args: &Args) -> Result<Exit> {
    let repo = app.open()?;
    let context = app.context();
    if app.output.json {
        let mut changes = Vec::new();
        let report = diff::run(&repo, &args.before, &args.after, &context, |changed| {
            changes.push(changed.clone());
            Ok(())
        })?;
        app.output.object(&Difference { report, changes })?;
        return Ok(Exit::Done);
    }
    let mut out = app.output.stream();
    let report = diff::run(&repo, &args.before, &args.after, &context, |changed| {
        let letter = match changed.change {
            Change::Added => '+',
            Change::Removed => '-',
            Change::Modified => 'M',
            Change::Metadata => 'm',
        };
        writeln!(out, "{letter}  {}", display_path(&changed.path)).map_err(OpsError::Output)
    });
    let flushed = out.flush().map_err(CliError::stdout);
    drop(out);
    let report = report?;
    flushed?;
    if !app.output.quiet {
        app.output.lines(summary(&report))?;
    }
    Ok(Exit::Done)
}

fn summary(report: &DiffReport) -> Vec<String> {
    let mut lines = vec![format!(
        "{} added, {} removed, {} modified, {} with other metadata; {} more, {} less",
        grouped(report.added),
        grouped(report.removed),
        grouped(report.modified),
        grouped(report.metadata),
        human(report.added_bytes),
        human(report.removed_bytes),
    )];
    match report.metadata_stream_changed {
        Some(true) => lines.push("the metadata streams differ".to_owned()),
        Some(false) => lines.push("the metadata streams are the same".to_owned()),
        None => {}
    }
    lines
}
