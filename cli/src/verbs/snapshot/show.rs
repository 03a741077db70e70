//! What was taken, in words and as JSON.

use dtrvault_ops::snapshot::{LayerReport, SnapshotReport};
use serde::Serialize;

use crate::app::App;
use crate::error::Result;
use crate::render::size::{human, ratio};
use crate::render::time::duration;
use crate::render::views::{self, SnapshotView};
use crate::render::{count, grouped, short};

#[derive(Serialize)]
struct Summary<'a> {
    #[serde(flatten)]
    snapshot: SnapshotView<'a>,
    /// What was read, as it is kept.
    content_bytes: u64,
    /// That to what was new.
    dedup_ratio: Option<f64>,
}

pub(super) fn show(app: &App, report: &SnapshotReport) -> Result<()> {
    let SnapshotReport { id, snapshot, layers, content_bytes } = report;
    let (stats, content_bytes) = (&snapshot.stats, *content_bytes);
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
    // Both sides are as it is kept: what is seen is shorter by gzip.
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
