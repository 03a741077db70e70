//! `restore`: gives the content of a snapshot back as files.

use dtrvault_ops::OpsError;
use dtrvault_ops::format::tree::display_path;
use dtrvault_ops::registry::exclusions;
use dtrvault_ops::restore::{self, FailedPath, METADATA_NAME, RestoreOptions, RestoreReport, Want};
use serde::Serialize;

use super::{PartArg, warn_some};
use crate::app::App;
use crate::error::{CliError, Result};
use crate::exit::Exit;
use crate::progress::say;
use crate::render::size::human;
use crate::render::{count, short};

/// Files written at once, whatever the machine: while some wait for a store, others can go on. Each
/// long one takes some 40 MiB of memory.
const WRITERS: usize = 3;

/// Restore a snapshot
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Restores a snapshot into a folder or a store: image content as files, with owners, modes, \
                  times and attributes, and metadata.tar beside it. Every byte is verified. A restore that \
                  was interrupted goes on when it is run again. A target with other content is refused, \
                  unless --allow-existing is given.",
    after_help = "\
Examples:
  dtrvault restore --snapshot latest --target /var/lib/registry
  dtrvault restore --snapshot 3f1c --target /tmp/look --include 'docker/registry/v2/repositories/acme/**'
  dtrvault restore --snapshot latest --target s3://images/restored --part images
  dtrvault restore --snapshot latest --target /var/lib/registry --dry-run"
)]
pub(crate) struct Args {
    /// The snapshot: its id, the beginning of it, or `latest`
    #[arg(long, value_name = "ID")]
    snapshot: String,

    /// Where to: a folder, or a store's URL
    #[arg(long, value_name = "DIR|URL")]
    target: String,

    /// Only this part
    #[arg(long, value_enum)]
    part: Option<PartArg>,

    /// Only what matches, and what is below it: * within a name, ** across folders; may be repeated
    #[arg(long, value_name = "GLOB")]
    include: Vec<String>,

    /// Restore also beside other content; files of the same names are replaced
    #[arg(long, visible_alias = "overwrite")]
    allow_existing: bool,

    /// Show what would be written, and write nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct View<'a> {
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

pub(crate) fn run(app: &App, args: &Args) -> Result<Exit> {
    let options = options(args)?;
    let target = app.target(&args.target)?;
    let repo = app.open()?;
    let report = restore::run(&repo, target.as_ref(), &options, &app.context());
    app.end_progress();
    let report = report?;
    warn(&report);
    show(app, &report)?;
    Ok(exit(&report))
}

fn options(args: &Args) -> Result<RestoreOptions> {
    let (mut metadata, images) = match args.part {
        None => (Want::May, Want::May),
        Some(PartArg::Metadata) => (Want::Must, Want::No),
        Some(PartArg::Images) => (Want::No, Want::Must),
    };
    let mut include = None;
    if !args.include.is_empty() {
        if args.part == Some(PartArg::Metadata) {
            return Err(CliError::usage("the metadata is one stream", "--include goes with image content"));
        }
        let set = exclusions(&args.include).map_err(OpsError::Pattern)?;
        // It stands among the files, so it is chosen as they are.
        if !set.is_match(METADATA_NAME) {
            metadata = Want::No;
        }
        include = Some(set);
    }
    Ok(RestoreOptions {
        snapshot: args.snapshot.clone(),
        metadata,
        images,
        include,
        allow_existing: args.allow_existing,
        dry_run: args.dry_run,
        writers: WRITERS,
    })
}

fn exit(report: &RestoreReport) -> Exit {
    if report.failed.damaged() > 0 {
        Exit::Damage
    } else if !report.failed.is_empty() || report.left_out > 0 {
        Exit::Incomplete
    } else {
        Exit::Done
    }
}

fn warn(report: &RestoreReport) {
    warn_some(report.failed.count(), report.failed.listed(), |failed| {
        let kind = if failed.damaged { "damaged" } else { "not restored" };
        format!("{kind}: {}: {}", display_path(&failed.path), failed.reason)
    });
    let notes = [
        (report.unset_owners, "owner", "owners", "could not be set: that takes root"),
        (report.unset_modes, "mode or time", "modes or times", "could not be set"),
        (report.unset_xattrs, "attribute", "attributes", "could not be set"),
        (report.left_out, "entry", "entries", "left out: they cannot exist in this target"),
    ];
    for (number, one, many, what) in notes {
        if number > 0 {
            say("warning", &format!("{} {what}", count(number, one, many)));
        }
    }
}

fn show(app: &App, report: &RestoreReport) -> Result<()> {
    if app.output.json {
        return app.output.object(&View {
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
        });
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn args(part: Option<PartArg>, include: &[&str]) -> Args {
        Args {
            snapshot: "latest".into(),
            target: "t".into(),
            part,
            include: include.iter().map(|glob| (*glob).to_owned()).collect(),
            allow_existing: false,
            dry_run: false,
        }
    }

    #[test]
    fn metadata_is_chosen_as_files_are() {
        let want = |part, include: &[&str]| {
            let options = options(&args(part, include)).unwrap();
            (options.metadata, options.images)
        };
        assert_eq!(want(None, &[]), (Want::May, Want::May));
        assert_eq!(want(Some(PartArg::Metadata), &[]), (Want::Must, Want::No));
        assert_eq!(want(Some(PartArg::Images), &["docker/**"]), (Want::No, Want::Must));
        assert_eq!(want(None, &["docker/**"]), (Want::No, Want::May));
        assert_eq!(want(None, &["*.tar"]), (Want::May, Want::May));
        assert!(options(&args(Some(PartArg::Metadata), &["x"])).is_err());
        assert!(options(&args(None, &["[x"])).is_err());
    }

    #[test]
    fn what_is_not_restored_shows_in_the_exit_code() {
        let failed = |damaged| FailedPath { path: b"p".to_vec(), reason: String::new(), damaged };
        let report = |all: Vec<FailedPath>| {
            let mut report = RestoreReport::default();
            all.into_iter().for_each(|failed| report.failed.add(failed));
            report
        };
        assert_eq!(exit(&report(vec![])), Exit::Done);
        assert_eq!(exit(&report(vec![failed(false)])), Exit::Incomplete);
        assert_eq!(exit(&report(vec![failed(false), failed(true)])), Exit::Damage);
        assert_eq!(exit(&RestoreReport { left_out: 1, ..RestoreReport::default() }), Exit::Incomplete);
        assert_eq!(exit(&RestoreReport { unset_owners: 1, ..RestoreReport::default() }), Exit::Done);
    }
}
