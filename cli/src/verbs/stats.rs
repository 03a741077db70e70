//! `stats`: a repository, or a snapshot, in numbers.

use std::collections::BTreeMap;

use dtrvault_ops::format::RepoId;
use dtrvault_ops::snapshot::LayerTotal;
use dtrvault_ops::stats::{self, EncoderStats, StatsOptions, StatsReport};
use serde::Serialize;

use crate::app::App;
use crate::error::Result;
use crate::exit::Exit;
use crate::render::size::{human, ratio};
use crate::render::time::{duration, local};
use crate::render::views::{SnapshotView, thousandths};
use crate::render::{count, grouped, tame};

/// Show what the repository, or one snapshot, holds and takes
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Counts what all snapshots hold and what it takes to hold it. With a snapshot, what that one \
                  holds and what taking it came to.",
    after_help = "\
Examples:
  dtrvault stats
  dtrvault stats --layers
  dtrvault stats latest"
)]
pub(crate) struct Args {
    /// Only this snapshot: its id, the beginning of it, or `latest`
    #[arg(conflicts_with = "layers")]
    snapshot: Option<String>,

    /// Count also what the layers of each encoder take. Reads the lists of their chunks, which takes time and
    /// traffic where there are many
    #[arg(long)]
    layers: bool,
}

#[derive(Serialize)]
struct RepositoryView {
    repository: RepoId,
    snapshots: u64,
    restore_bytes: u64,
    restore_content_bytes: u64,
    files: u64,
    blobs: u64,
    blob_bytes: u64,
    chunks: u64,
    chunk_bytes: u64,
    packs: u64,
    pack_bytes: u64,
    unreferenced_packs: u64,
    unreferenced_pack_bytes: u64,
    dedup_ratio: f64,
    compression_ratio: f64,
    total_ratio: f64,
    recipes: BTreeMap<&'static str, RecipeView>,
    encoders: BTreeMap<String, EncoderStats>,
    opaque: BTreeMap<String, LayerTotal>,
    silent_snapshots: u64,
}

#[derive(Serialize)]
struct RecipeView {
    blobs: u64,
    blob_bytes: u64,
}

pub(crate) fn run(app: &App, args: &Args) -> Result<Exit> {
    let repo = app.open()?;
    if let Some(prefix) = &args.snapshot {
        let (id, snapshot) = repo.find_snapshot(prefix)?;
        if app.output.json {
            app.output.object(&SnapshotView::new(&id, &snapshot))?;
        } else {
            app.output.lines(of_snapshot(&id.to_string(), &snapshot))?;
        }
        return Ok(Exit::Done);
    }
    let options = StatsOptions { stored_layers: args.layers };
    let report = stats::run(&repo, options, &app.context());
    app.end_progress();
    let report = report?;
    if app.output.json {
        app.output.object(&view(report))?;
    } else {
        app.output.lines(of_repository(&report))?;
    }
    Ok(Exit::Done)
}

fn view(report: StatsReport) -> RepositoryView {
    RepositoryView {
        repository: report.repository,
        snapshots: report.snapshots,
        restore_bytes: report.restore_bytes,
        restore_content_bytes: report.restore_content_bytes,
        files: report.files,
        blobs: report.blobs,
        blob_bytes: report.blob_bytes,
        chunks: report.chunks,
        chunk_bytes: report.chunk_bytes,
        packs: report.packs,
        pack_bytes: report.pack_bytes,
        unreferenced_packs: report.unreferenced_packs,
        unreferenced_pack_bytes: report.unreferenced_pack_bytes,
        dedup_ratio: thousandths(report.dedup_ratio),
        compression_ratio: thousandths(report.compression_ratio),
        total_ratio: thousandths(report.total_ratio),
        encoders: report.encoders,
        opaque: report.opaque,
        silent_snapshots: report.silent_snapshots,
        recipes: report
            .recipes
            .into_iter()
            .map(|(name, stats)| (name, RecipeView { blobs: stats.blobs, blob_bytes: stats.bytes }))
            .collect(),
    }
}

fn of_repository(report: &StatsReport) -> Vec<String> {
    let mut lines = vec![
        format!("repository     {}", report.repository),
        format!(
            "snapshots      {}, which restore to {} in {}",
            grouped(report.snapshots),
            human(report.restore_bytes),
            count(report.files, "file", "files")
        ),
        format!("blobs          {}, {}", grouped(report.blobs), human(report.blob_bytes)),
        format!("chunks         {}, {}", grouped(report.chunks), human(report.chunk_bytes)),
        format!("packs          {}, {}", grouped(report.packs), human(report.pack_bytes)),
        format!(
            "deduplication  {:.1}×, of {} with layers by their content",
            report.dedup_ratio,
            human(report.restore_content_bytes)
        ),
        format!("compression    {:.1}×", report.compression_ratio),
        format!(
            "in all         {:.1}×: {} restored, {} stored",
            report.total_ratio,
            human(report.restore_bytes),
            human(report.pack_bytes)
        ),
    ];
    for (name, recipe) in &report.recipes {
        let blobs = count(recipe.blobs, "blob", "blobs");
        lines.push(format!("stored as      {name}: {blobs}, {}", human(recipe.bytes)));
    }
    for (name, made) in &report.encoders {
        let blobs = count(made.layers.blobs, "layer", "layers");
        let (bytes, content) = (human(made.layers.bytes), human(made.layers.content_bytes));
        let stored =
            made.stored_bytes.map(|stored| format!(" and take {}", human(stored))).unwrap_or_default();
        lines.push(format!("made by        {}: {blobs}, {bytes}, which hold {content}{stored}", tame(name)));
    }
    for (reason, kept) in &report.opaque {
        let blobs = count(kept.blobs, "layer", "layers");
        lines.push(format!("kept as is     {blobs}, {}: {}", human(kept.bytes), tame(reason)));
    }
    if report.silent_snapshots > 0 {
        lines.push(format!(
            "               {} not say what became of layers",
            count(report.silent_snapshots, "snapshot does", "snapshots do")
        ));
    }
    if report.unreferenced_packs > 0 {
        lines.push(format!(
            "not in index   {}, {}; `dtrvault check` tells what they are",
            count(report.unreferenced_packs, "pack", "packs"),
            human(report.unreferenced_pack_bytes)
        ));
    }
    lines
}

fn of_snapshot(id: &str, snapshot: &dtrvault_ops::format::Snapshot) -> Vec<String> {
    let stats = &snapshot.stats;
    let mut lines = vec![
        format!("snapshot   {id}"),
        format!("time       {}", local(snapshot.time)),
        format!("host       {}", tame(&snapshot.host)),
    ];
    if !snapshot.tags.is_empty() {
        lines.push(format!("tags       {}", tame(&snapshot.tags.join(", "))));
    }
    if let Some(part) = &snapshot.metadata {
        let members = count(part.members, "member", "members");
        lines.push(format!("metadata   {}, {members}, from {}", human(part.size), tame(&part.name)));
        lines.push(format!("           {}", part.digest.to_oci()));
    }
    if let Some(dtr) = &snapshot.dtr {
        let image = dtr.image.iter().map(|image| format!(", image {}", tame(image)));
        let storage = dtr.storage.iter().map(|storage| format!(", storage {}", tame(storage)));
        lines.push(format!(
            "registry   DTR {}{}",
            tame(&dtr.version),
            image.chain(storage).collect::<String>()
        ));
    }
    if let Some(part) = &snapshot.images {
        let entries = count(part.entries, "entry", "entries");
        lines.push(format!("images     {}, {entries}, from {}", human(part.bytes), tame(&part.location)));
        lines.push(format!(
            "           {}, {}, {}",
            count(stats.files, "file", "files"),
            count(stats.dirs, "folder", "folders"),
            count(stats.others, "other", "others")
        ));
    }
    lines.push(format!(
        "seen       {}, of which {} were read",
        human(stats.seen_bytes),
        human(stats.read_bytes)
    ));
    lines.push(format!(
        "new        {} in {}",
        human(stats.new_bytes),
        count(stats.new_chunks, "chunk", "chunks")
    ));
    lines.push(format!("written    {}", human(stats.written_bytes)));
    if let Some(ratio) = ratio(stats.seen_bytes, stats.written_bytes) {
        lines.push(format!("in all     {ratio}, seen to written"));
    }
    lines.push(format!("took       {}", duration(stats.duration_ms)));
    lines.push(format!("complete   {}", if snapshot.complete { "yes" } else { "no" }));
    for problem in snapshot.problems.iter().take(super::LISTED) {
        lines.push(format!("problem    {}", super::snapshot::problem_line(problem)));
    }
    let more = snapshot.problem_count.saturating_sub(snapshot.problems.len().min(super::LISTED) as u64);
    if more > 0 {
        lines.push(format!("           and {} more", grouped(more)));
    }
    lines
}
