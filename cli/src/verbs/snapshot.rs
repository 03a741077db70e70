//! `snapshot`: takes one.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

use dtrvault_ops::format::Problem;
use dtrvault_ops::format::limits::{MAX_TAGS, MAX_TEXT_BYTES};
use dtrvault_ops::registry::{WalkOptions, exclusions};
use dtrvault_ops::snapshot::{
    self, DryRunReport, ImagesInput, LayerReport, Layers, MetadataInput, SnapshotOptions, SnapshotReport,
};
use dtrvault_ops::{OpsError, format::tree::display_path};
use serde::Serialize;

use super::warn_some;
use crate::app::{App, file_threads};
use crate::error::{CliError, Result};
use crate::exit::Exit;
use crate::render::size::{human, ratio};
use crate::render::time::duration;
use crate::render::views::{self, SnapshotView};
use crate::render::{count, grouped, short, tame};

/// Take a snapshot
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Takes a snapshot of a registry: of its image content with --registry, of a metadata tar \
                  that was taken elsewhere with --metadata, or of both. Only what is new is stored, and \
                  unchanged files are not read again. A file that cannot be taken stops nothing: it is \
                  listed, the snapshot is marked incomplete, and the exit code is 3.",
    after_help = "\
Examples:
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
    #[arg(long, value_name = "FILE|-")]
    metadata: Option<PathBuf>,

    /// A word to find the snapshot by; may be repeated
    #[arg(long, value_name = "WORD", value_parser = parse_text)]
    tag: Vec<String>,

    /// Name of the host in the snapshot, instead of this one's [env: DTRVAULT_HOST]
    #[arg(long, value_name = "NAME", value_parser = parse_text)]
    host: Option<String>,

    /// Leave out what matches, at any depth, or from the registry's root on when it begins with /:
    /// * within a name, ** across folders
    #[arg(long, value_name = "GLOB", requires = "registry")]
    exclude: Vec<String>,

    /// Take unfinished pushes (_uploads) too
    #[arg(long, requires = "registry")]
    with_uploads: bool,

    /// Store layers as what they hold (deep), which takes more time and far less room, or as they
    /// are (raw). Both give back every bit
    #[arg(long, value_name = "HOW", default_value = "deep", requires = "registry")]
    layers: LayersArg,

    /// Show what would be read, and store nothing
    #[arg(short = 'n', long)]
    dry_run: bool,

    /// Store a metadata tar also when it ends in the middle of a member
    #[arg(long, requires = "metadata")]
    allow_truncated: bool,
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
    if args.registry.is_none() && args.metadata.is_none() {
        return Err(CliError::usage(
            "there is nothing to take a snapshot of",
            "give --registry PATH|URL for image content, --metadata FILE|- for a metadata tar, or both",
        ));
    }
    if args.tag.len() > MAX_TAGS {
        return Err(CliError::usage(format!("more than {MAX_TAGS} tags"), "fewer will do"));
    }
    let host = args.host.clone().unwrap_or_else(|| app.settings.host.clone());
    let images = args.registry.as_deref().map(|registry| images(app, args, registry)).transpose()?;
    if args.dry_run {
        return dry_run(app, images.as_ref(), &host);
    }
    let metadata = args.metadata.as_deref().map(|path| metadata(path, args.allow_truncated)).transpose()?;
    let options = SnapshotOptions {
        metadata,
        images,
        tags: args.tag.clone(),
        host,
        program: concat!("dtrvault ", env!("CARGO_PKG_VERSION")).to_owned(),
        readers: file_threads(),
    };
    let repo = app.open_unread()?;
    let report = snapshot::run(&repo, options, &app.context());
    app.end_progress();
    let report = report?;
    let snapshot = &report.snapshot;
    warn_some(snapshot.problem_count, &snapshot.problems, problem_line);
    show(app, &report)?;
    Ok(if snapshot.complete { Exit::Done } else { Exit::Incomplete })
}

fn images(app: &App, args: &Args, registry: &str) -> Result<ImagesInput> {
    let exclude = exclusions(&args.exclude).map_err(OpsError::Pattern)?;
    let walk = WalkOptions { exclude, with_uploads: args.with_uploads, short: None };
    Ok(ImagesInput { source: app.source(registry)?, walk, layers: args.layers.into() })
}

fn metadata(path: &Path, allow_truncated: bool) -> Result<MetadataInput> {
    let name = path.display().to_string();
    if path == Path::new("-") {
        if io::stdin().is_terminal() {
            return Err(CliError::usage("a terminal gives no metadata tar", "pipe it in, or name a file"));
        }
        let stream: Box<dyn Read + Send> = Box::new(io::stdin());
        return Ok(MetadataInput { stream, name, size: None, allow_truncated });
    }
    let fail = |source| OpsError::Metadata { name: name.clone(), source };
    let file = File::open(path).map_err(fail)?;
    let stat = file.metadata().map_err(fail)?;
    if stat.is_dir() {
        return Err(fail(io::ErrorKind::IsADirectory.into()).into());
    }
    let size = stat.is_file().then_some(stat.len());
    Ok(MetadataInput { stream: Box::new(file), name, size, allow_truncated })
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

#[derive(Serialize)]
struct Summary<'a> {
    #[serde(flatten)]
    snapshot: SnapshotView<'a>,
    /// What was read, layers that were taken apart by their content.
    content_bytes: u64,
    /// That to what was new.
    dedup_ratio: Option<f64>,
}

fn show(app: &App, report: &SnapshotReport) -> Result<()> {
    let SnapshotReport { id, snapshot, layers } = report;
    let stats = &snapshot.stats;
    let content_bytes = report.content_bytes();
    if app.output.json {
        return app.output.object(&Summary {
            snapshot: SnapshotView::new(id, snapshot),
            content_bytes,
            dedup_ratio: views::ratio(content_bytes, stats.new_bytes),
        });
    }
    if app.output.quiet {
        return app.output.lines([id.to_string()]);
    }
    let mut lines = vec![format!("snapshot {} taken in {}", short(id), duration(stats.duration_ms))];
    if let Some(part) = &snapshot.metadata {
        let what = match part.members {
            0 => String::new(),
            members => format!(", {}", count(members, "member", "members")),
        };
        lines.push(format!("  metadata     {}{what}", human(part.size)));
    }
    if snapshot.images.is_some() {
        let mut what = vec![count(stats.files, "file", "files"), count(stats.dirs, "folder", "folders")];
        if stats.others > 0 {
            what.push(count(stats.others, "other", "others"));
        }
        lines.push(format!("  images       {}", what.join(", ")));
    }
    lines.push(format!(
        "  seen         {}, of which {} were read",
        human(stats.seen_bytes),
        human(stats.read_bytes)
    ));
    lines.extend(layer_lines(layers));
    // Both sides are what was read, layers by their content: what is seen is shorter by gzip.
    let new = match ratio(content_bytes, stats.new_bytes) {
        Some(ratio) if content_bytes > stats.new_bytes => {
            format!(", of {} that were looked at (deduplication {ratio})", human(content_bytes))
        }
        _ => String::new(),
    };
    lines.push(format!(
        "  new          {} in {}{new}",
        human(stats.new_bytes),
        count(stats.new_chunks, "chunk", "chunks")
    ));
    let written = match ratio(stats.new_bytes, stats.written_bytes) {
        Some(ratio) if stats.new_bytes > 0 => format!(" (compression {ratio})"),
        _ => String::new(),
    };
    lines.push(format!("  written      {}{written}", human(stats.written_bytes)));
    if let Some(ratio) = ratio(stats.seen_bytes, stats.written_bytes) {
        let (seen, written) = (human(stats.seen_bytes), human(stats.written_bytes));
        lines.push(format!("  in all       {ratio}: {seen} seen, {written} written"));
    }
    if !snapshot.complete {
        lines.push(format!(
            "  INCOMPLETE   {} listed above",
            count(snapshot.problem_count, "problem is", "problems are")
        ));
    }
    app.output.lines(lines)
}

/// What became of the layers that were read.
fn layer_lines(layers: &LayerReport) -> Vec<String> {
    let (deep, opaque) = (layers.all_deep(), layers.all_opaque());
    let mut lines = Vec::new();
    if deep.blobs > 0 {
        let apart = count(deep.blobs, "layer", "layers");
        let (bytes, content) = (human(deep.bytes), human(deep.content_bytes));
        lines.push(format!("  taken apart  {apart}, {bytes}, which hold {content}"));
    }
    if opaque.blobs > 0 {
        let kept = count(opaque.blobs, "layer", "layers");
        lines.push(format!("  kept as is   {kept}, {}", human(opaque.bytes)));
        lines.extend(layers.opaque.iter().map(|(reason, total)| {
            format!("               {} of {}: {reason}", grouped(total.blobs), human(total.bytes))
        }));
    }
    lines
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
