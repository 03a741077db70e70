//! `restore`: gives the content of a snapshot back, as files or into DTR.

mod into_dtr;
mod show;

use dtrvault_ops::OpsError;
use dtrvault_ops::format::tree::display_path;
use dtrvault_ops::registry::exclusions;
use dtrvault_ops::restore::{self, METADATA_NAME, RestoreOptions, RestoreReport, Want};

use super::{PartArg, warn_some};
use crate::app::App;
use crate::error::{CliError, Result};
use crate::exit::Exit;
use crate::progress::say;
use crate::render::count;
use into_dtr::IntoDtrArgs;
use show::show;

/// Files written at once, whatever the machine: while some wait for a store, others can go on. Each
/// long one takes some 40 MiB of memory.
const WRITERS: usize = 3;

/// Restore a snapshot
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Restores a snapshot. With --target, into a folder or a store: image content as files, with \
                  owners, modes, times and attributes, and metadata.tar beside it; a target with other content \
                  is refused, unless --allow-existing is given. Without, into DTR, on this Docker Engine: what \
                  is left of the replica is destroyed if --destroy says so, images are put back, and DTR's own \
                  image installs the replica from the metadata. Every byte is verified. A restore that was \
                  interrupted goes on when it is run again.",
    after_help = "\
Examples:
  dtrvault restore --snapshot latest --destroy --dry-run
  dtrvault restore --snapshot latest --target /var/lib/registry
  dtrvault restore --snapshot 3f1c --target /tmp/look --include 'docker/registry/v2/repositories/acme/**'
  dtrvault restore --snapshot latest --target s3://images/restored --part images
  dtrvault restore --snapshot latest --target /var/lib/registry --dry-run"
)]
pub(crate) struct Args {
    /// The snapshot: its id, the beginning of it, or `latest`
    #[arg(long, value_name = "ID")]
    snapshot: String,

    /// Where to: a folder, or a store's URL; DTR if not given
    #[arg(long, value_name = "DIR|URL")]
    target: Option<String>,

    /// Only this part
    #[arg(long, value_enum)]
    part: Option<PartArg>,

    /// Only what matches, and what is below it: * within a name, ** across folders; may be repeated
    #[arg(long, value_name = "GLOB", requires = "target")]
    include: Vec<String>,

    /// Restore also beside other content; files of the same names are replaced
    #[arg(long, visible_alias = "overwrite", requires = "target")]
    allow_existing: bool,

    /// Show what would be written, and write nothing
    #[arg(short = 'n', long)]
    dry_run: bool,

    #[command(flatten)]
    into_dtr: IntoDtrArgs,
}

pub(crate) fn run(app: &App, args: &Args) -> Result<Exit> {
    let Some(target) = &args.target else { return into_dtr::run(app, args) };
    let options = options(args)?;
    let target = app.target(target)?;
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use dtrvault_ops::restore::FailedPath;

    use super::*;

    fn args(part: Option<PartArg>, include: &[&str]) -> Args {
        Args {
            snapshot: "latest".into(),
            target: Some("t".into()),
            part,
            include: include.iter().map(|glob| (*glob).to_owned()).collect(),
            allow_existing: false,
            dry_run: false,
            into_dtr: IntoDtrArgs::default(),
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
