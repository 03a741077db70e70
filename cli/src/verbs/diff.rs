//! `diff`: what changed between two snapshots, or two layers.

use std::io::Write;

use dtrvault_ops::diff::{self, Change, ChangedPath, DiffReport};
use dtrvault_ops::format::tree::display_path;
use dtrvault_ops::layer::{LayerSide, compare_layers};
use dtrvault_ops::repo::Repository;
use dtrvault_ops::{Context, OpsError};
use serde::Serialize;

use super::ls::blob_name;

use crate::app::App;
use crate::error::{CliError, Result};
use crate::exit::Exit;
use crate::render::grouped;
use crate::render::size::human;

/// Show what changed between two snapshots, or two layers
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Compares the image content of two snapshots, path by path:\n  \
                  +  is new\n  -  is gone\n  M  has other content\n  m  has other mode, owner, times or \
                  attributes\n\nWith two blobs, a layer of the first snapshot is compared with a layer of the second, \
                  by the members of their tars; both layers may be of one snapshot, which is then named once. Where \
                  layers are stored as what they hold, contents that share their chunks are not read.",
    after_help = "\
Examples:
  dtrvault diff 3f1c latest
  dtrvault diff 3f1c latest blob:sha256:5e0b432e blob:sha256:a2c17f90
  dtrvault diff latest sha256:5e0b432e sha256:a2c17f90
  dtrvault diff --json 3f1c 9ab0 | jq -r '.changes[].path'"
)]
pub(crate) struct Args {
    /// The snapshot before: its id, the beginning of it, or `latest`
    before: String,

    /// The snapshot after
    #[arg(value_name = "AFTER")]
    after: String,

    /// A layer of the snapshot before, and one of the snapshot after: blob:sha256:DIGEST
    #[arg(value_name = "BLOB", num_args = 0..=2)]
    blobs: Vec<String>,
}

/// What is compared.
enum Compared {
    Snapshots(String, String),
    Layers(LayerSide, LayerSide),
}

impl Args {
    fn compared(&self) -> Result<Compared> {
        let (before, after) = (&self.before, &self.after);
        let wrong = || {
            CliError::usage(
                "it is not clear which layers are to be compared",
                "give one snapshot or two, then two blobs: dtrvault diff BEFORE AFTER BLOB BLOB",
            )
        };
        let side = |snapshot: &str, word: &str| {
            let blob = blob_name(word.as_bytes())?.ok_or_else(wrong)?;
            if !blob.path.is_empty() {
                return Err(CliError::usage("layers are compared as a whole", "leave the path out"));
            }
            Ok(LayerSide { snapshot: snapshot.to_owned(), blob })
        };
        match (self.blobs.as_slice(), blob_name(after.as_bytes())?) {
            ([], None) => Ok(Compared::Snapshots(before.clone(), after.clone())),
            ([blob], Some(_)) => Ok(Compared::Layers(side(before, after)?, side(before, blob)?)),
            ([one, other], None) => Ok(Compared::Layers(side(before, one)?, side(after, other)?)),
            _ => Err(wrong()),
        }
    }
}

impl Compared {
    fn run(
        &self,
        repo: &Repository,
        context: &Context,
        show: impl FnMut(&ChangedPath) -> dtrvault_ops::Result<()>,
    ) -> dtrvault_ops::Result<DiffReport> {
        match self {
            Self::Snapshots(before, after) => diff::run(repo, before, after, context, show),
            Self::Layers(before, after) => compare_layers(repo, before, after, context, show),
        }
    }
}

#[derive(Serialize)]
struct Difference {
    #[serde(flatten)]
    report: DiffReport,
    changes: Vec<ChangedPath>,
}

pub(crate) fn run(app: &App, args: &Args) -> Result<Exit> {
    let compared = args.compared()?;
    let repo = app.open()?;
    let context = app.context();
    if app.output.json {
        let mut changes = Vec::new();
        let report = compared.run(&repo, &context, |changed| {
            changes.push(changed.clone());
            Ok(())
        })?;
        app.output.object(&Difference { report, changes })?;
        return Ok(Exit::Done);
    }
    let mut out = app.output.stream();
    let report = compared.run(&repo, &context, |changed| {
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
