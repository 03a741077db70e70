//! `snapshot`: takes one, of a registry's parts or of a whole DTR.

mod of_dtr;
mod show;

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

use dtrvault_ops::format::Problem;
use dtrvault_ops::format::limits::{MAX_TAGS, MAX_TEXT_BYTES};
use dtrvault_ops::registry::{WalkOptions, exclusions};
use dtrvault_ops::snapshot::{
    self, DryRunReport, ImagesInput, Layers, MetadataInput, SnapshotOptions, SnapshotReport,
};
use dtrvault_ops::{OpsError, format::tree::display_path};
use serde::Serialize;

use super::warn_some;
use crate::app::{App, file_threads};
use crate::error::{CliError, Result};
use crate::exit::Exit;
use crate::render::size::human;
use crate::render::{count, tame};
use of_dtr::DtrArgs;
use show::show;

/// What stands in snapshots as their maker.
const PROGRAM: &str = concat!("dtrvault ", env!("CARGO_PKG_VERSION"));

/// Take a snapshot
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Takes a snapshot of a registry: of the DTR on this Docker Engine, metadata and images, when \
                  nothing is named; of image content with --registry; of a metadata tar that was taken \
                  elsewhere with --metadata; or of both. Only what is new is stored, and unchanged files are \
                  not read again. With both, the images are held against what the metadata of a DTR names. A file that cannot be taken stops nothing: it is listed, the snapshot is \
                  marked incomplete, and the exit code is 3.",
    after_help = "\
Examples:
  dtrvault snapshot --ucp-url ucp.example.org --ucp-username admin
  dtrvault snapshot --registry /var/lib/registry
  dtrvault snapshot --registry s3://images/prefix --tag nightly
  dtrvault snapshot --metadata backup.tar --registry /var/lib/docker/volumes/dtr-registry-…/_data
  docker run -i --rm --log-driver none docker/dtr backup … | dtrvault snapshot --metadata -"
)]
pub(crate) struct Args {
    /// Image content: the folder or prefix that holds docker/registry/v2
    #[arg(long, value_name = "PATH|URL")]
    registry: Option<String>,

    /// A metadata tar; `-` is standard input
    #[arg(long, value_name = "FILE|-", conflicts_with = "dtr")]
    metadata: Option<PathBuf>,

    /// A word to find the snapshot by; may be repeated
    #[arg(long, value_name = "WORD", value_parser = parse_text)]
    tag: Vec<String>,

    /// Name of the host in the snapshot, instead of this one's [env: DTRVAULT_HOST]
    #[arg(long, value_name = "NAME", value_parser = parse_text)]
    host: Option<String>,

    /// Leave out what matches, at any depth, or from the registry's root on when it begins with /:
    /// * within a name, ** across folders
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,

    /// Take unfinished pushes (_uploads) too
    #[arg(long)]
    with_uploads: bool,

    /// Store layers as what they hold (deep), which takes more time and far less room, or as they
    /// are (raw). Both give back every bit
    #[arg(long, value_name = "HOW", default_value = "deep")]
    layers: LayersArg,

    /// Show what would be read, and store nothing
    #[arg(short = 'n', long)]
    dry_run: bool,

    /// Store a metadata tar also when it ends in the middle of a member
    #[arg(long, requires = "metadata")]
    allow_truncated: bool,

    /// Store a backup of DTR also when it lacks tables that it should have
    #[arg(long)]
    allow_missing_tables: bool,

    #[command(flatten)]
    of_dtr: DtrArgs,
}

/// How layers are stored.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum LayersArg {
    Deep,
    Raw,
}

impl From<LayersArg> for Layers {
    fn from(layers: LayersArg) -> Self {
        match layers {
            LayersArg::Deep => Self::Deep,
            LayersArg::Raw => Self::Raw,
        }
    }
}

fn parse_text(text: &str) -> std::result::Result<String, String> {
    match text.len() {
        0 => Err("it is empty".to_owned()),
        1..=MAX_TEXT_BYTES => Ok(text.to_owned()),
        _ => Err(format!("it is longer than {MAX_TEXT_BYTES} bytes")),
    }
}

pub(crate) fn run(app: &App, args: &Args) -> Result<Exit> {
    if args.tag.len() > MAX_TAGS {
        return Err(CliError::usage(format!("more than {MAX_TAGS} tags"), "fewer will do"));
    }
    let host = args.host.clone().unwrap_or_else(|| app.settings.host.clone());
    if args.of_dtr.dtr || (args.registry.is_none() && args.metadata.is_none()) {
        return of_dtr::run(app, args, host);
    }
    let images = args.registry.as_deref().map(|registry| images(app, args, registry)).transpose()?;
    if args.dry_run {
        return dry_run(app, images.as_ref(), &host);
    }
    let metadata = args.metadata.as_deref().map(|path| metadata(args, path)).transpose()?;
    let options = SnapshotOptions {
        metadata,
        images,
        tags: args.tag.clone(),
        host,
        program: PROGRAM.to_owned(),
        readers: file_threads(),
    };
    let repo = app.open_unread()?;
    let report = snapshot::run(&repo, options, &app.context());
    app.end_progress();
    let report = report?;
    tell(app, &report)
}

/// Warns of what is missing, and shows the rest.
fn tell(app: &App, report: &SnapshotReport) -> Result<Exit> {
    let snapshot = &report.snapshot;
    warn_some(snapshot.problem_count, &snapshot.problems, problem_line);
    show(app, report)?;
    Ok(if snapshot.complete { Exit::Done } else { Exit::Incomplete })
}

fn images(app: &App, args: &Args, registry: &str) -> Result<ImagesInput> {
    Ok(ImagesInput { source: app.source(registry)?, walk: walk(args)?, layers: args.layers.into() })
}

fn walk(args: &Args) -> Result<WalkOptions> {
    let exclude = exclusions(&args.exclude).map_err(OpsError::Pattern)?;
    Ok(WalkOptions { exclude, with_uploads: args.with_uploads, short: None })
}

fn metadata(args: &Args, path: &Path) -> Result<MetadataInput> {
    let Args { allow_truncated, allow_missing_tables, .. } = *args;
    let name = path.display().to_string();
    if path == Path::new("-") {
        if io::stdin().is_terminal() {
            return Err(CliError::usage("a terminal gives no metadata tar", "pipe it in, or name a file"));
        }
        let stream: Box<dyn Read + Send> = Box::new(io::stdin());
        return Ok(MetadataInput {
            stream,
            name,
            size: None,
            allow_truncated,
            allow_missing_tables,
            backup: None,
        });
    }
    let fail = |source| OpsError::Metadata { name: name.clone(), source };
    let file = File::open(path).map_err(fail)?;
    let stat = file.metadata().map_err(fail)?;
    if stat.is_dir() {
        return Err(fail(io::ErrorKind::IsADirectory.into()).into());
    }
    let size = stat.is_file().then_some(stat.len());
    let stream = Box::new(file);
    Ok(MetadataInput { stream, name, size, allow_truncated, allow_missing_tables, backup: None })
}

pub(super) fn problem_line(problem: &Problem) -> String {
    let kind = serde_json::to_value(problem.kind).ok();
    let kind = kind.as_ref().and_then(|kind| kind.as_str()).unwrap_or_default().replace('-', " ");
    let path = display_path(&problem.path);
    if problem.detail.is_empty() {
        format!("{kind}: {path}")
    } else {
        format!("{kind}: {path}: {}", tame(&problem.detail))
    }
}

/// What a dry run found, with its problems.
#[derive(Serialize)]
struct DryRunView<'a> {
    dry_run: bool,
    files: u64,
    dirs: u64,
    others: u64,
    seen_bytes: u64,
    changed_files: u64,
    changed_bytes: u64,
    problem_count: u64,
    problems: &'a [Problem],
}

fn dry_run(app: &App, images: Option<&ImagesInput>, host: &str) -> Result<Exit> {
    let Some(images) = images else {
        return Err(CliError::usage(
            "a dry run looks at image content only",
            "give --registry; a metadata tar is always read whole",
        ));
    };
    let repo = app.open()?;
    let report = snapshot::dry_run(&repo, images, host, &app.context());
    app.end_progress();
    let DryRunReport { stats, changed_files, changed_bytes, problems, problem_count } = report?;
    warn_some(problem_count, &problems, problem_line);
    if app.output.json {
        app.output.object(&DryRunView {
            dry_run: true,
            files: stats.files,
            dirs: stats.dirs,
            others: stats.others,
            seen_bytes: stats.seen_bytes,
            changed_files,
            changed_bytes,
            problem_count,
            problems: &problems,
        })?;
    } else {
        app.output.lines([
            format!("would take {}, {}", count(stats.files, "file", "files"), human(stats.seen_bytes)),
            format!("would read {}, {}", count(changed_files, "file", "files"), human(changed_bytes)),
            "dry run: nothing was stored".to_owned(),
        ])?;
    }
    let incomplete = problems.iter().any(|problem| problem.kind.leaves_incomplete());
    Ok(if incomplete { Exit::Incomplete } else { Exit::Done })
}
