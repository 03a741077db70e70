//! The plan of a restore into DTR, and what came of it, in words and as JSON.

use dtrvault_ops::cluster::ReplicaId;
use dtrvault_ops::dtr::restore::{DtrRestoreReport, Place, Plan};
use dtrvault_ops::proof::ProofReport;
use serde::Serialize;

use crate::app::App;
use crate::error::Result;
use crate::exit::Exit;
use crate::render::size::human;
use crate::render::time::local;
use crate::render::{count, grouped, short, tame};
use crate::verbs::restore::show::View as FilesView;
use crate::verbs::restore::warn;

#[derive(Serialize)]
struct PlanView<'a> {
    dry_run: bool,
    plan: &'a Plan,
}

pub(super) fn dry_run(app: &App, plan: &Plan) -> Result<Exit> {
    if app.output.json {
        app.output.object(&PlanView { dry_run: true, plan })?;
    } else {
        app.output.lines(plan_lines(plan))?;
        app.output.lines(["dry run: nothing was done"])?;
    }
    Ok(if plan.refusals.is_empty() { Exit::Done } else { Exit::Failed })
}

pub(super) fn plan_lines(plan: &Plan) -> Vec<String> {
    let mut lines = vec![
        format!(
            "snapshot {} of {}, taken on {}{}",
            short(&plan.snapshot),
            local(plan.time),
            tame(&plan.host),
            if plan.complete { "" } else { ", INCOMPLETE" }
        ),
        format!("DTR {}, replica {}, image {}", plan.dtr.version, plan.replica, tame(&plan.image)),
    ];
    let remains = &plan.remains;
    if plan.goes_on {
        lines.push(
            "an earlier restore of this snapshot was cut off, and is gone on with: its images are kept"
                .to_owned(),
        );
    }
    for (what, names) in [("container", &remains.containers), ("volume", &remains.volumes)] {
        lines.extend(names.iter().map(|name| format!("DESTROY {what} {}", tame(name))));
    }
    if let Some(images) = &plan.images {
        let place = match &images.place {
            Place::Volume(name) => format!("volume {}", tame(name)),
            Place::Elsewhere => "where --images-to says, or nowhere".to_owned(),
        };
        let entries = count(images.entries, "entry", "entries");
        lines.push(format!("write images: {entries}, {}, to {place}", human(images.bytes)));
    }
    if let Some(bytes) = plan.metadata_bytes {
        lines.push(format!("install from metadata: {}", human(bytes)));
    }
    lines.extend(plan.commands.iter().map(|command| format!("run: {}", tame(command))));
    lines.extend(plan.refusals.iter().map(|refusal| format!("REFUSED: {refusal}")));
    lines
}

#[derive(Serialize)]
struct View<'a> {
    dry_run: bool,
    snapshot: String,
    replica: &'a ReplicaId,
    destroyed_containers: &'a [String],
    destroyed_volumes: &'a [String],
    images: Option<FilesView<'a>>,
    proof: Option<FilesView<'a>>,
    tags: Option<TagsView>,
    metadata_bytes: Option<u64>,
    thawed: Option<bool>,
    still_to_do: &'a [&'static str],
}

#[derive(Serialize)]
struct TagsView {
    tags: u64,
    proven_tags: u64,
    missing_count: u64,
}

impl From<&ProofReport> for TagsView {
    fn from(proof: &ProofReport) -> Self {
        let ProofReport { tags, proven_tags, missing_count, .. } = *proof;
        Self { tags, proven_tags, missing_count }
    }
}

pub(super) fn show(app: &App, report: &DtrRestoreReport) -> Result<()> {
    // Both looked at the same files: the later look is the one that counts.
    if let Some(files) = report.proof.as_ref().or(report.images.as_ref()) {
        warn(files);
    }
    if app.output.json {
        return app.output.object(&View {
            dry_run: false,
            snapshot: report.snapshot.to_string(),
            replica: &report.replica,
            destroyed_containers: &report.destroyed.containers,
            destroyed_volumes: &report.destroyed.volumes,
            images: report.images.as_ref().map(FilesView::new),
            proof: report.proof.as_ref().map(FilesView::new),
            tags: report.tags.as_ref().map(TagsView::from),
            metadata_bytes: report.metadata_bytes,
            thawed: report.thawed,
            still_to_do: &report.still_to_do,
        });
    }
    if app.output.quiet {
        return Ok(());
    }
    let mut lines =
        vec![format!("restored snapshot {} into replica {}", short(&report.snapshot), report.replica)];
    if let Some(images) = &report.images {
        let (files, kept) = (count(images.files, "file", "files"), count(images.kept_files, "file", "files"));
        lines.push(format!("  images       {files}, {} written; {kept} there already", human(images.bytes)));
    }
    if let Some(bytes) = report.metadata_bytes {
        lines.push(format!("  metadata     {}", human(bytes)));
    }
    if let Some(proof) = &report.proof {
        let right = count(proof.kept_files, "file is", "files are");
        lines.push(format!("  proven       {right} what their digests say"));
        if proof.files > 0 {
            let files = count(proof.files, "file", "files");
            lines.push(format!("  mended       {files} that DTR's installation had changed"));
        }
    }
    if let Some(tags) = &report.tags {
        let can = format!("{} of {}", grouped(tags.proven_tags), count(tags.tags, "tag", "tags"));
        lines.push(format!("  tags         {can} can be pulled"));
    }
    if report.thawed == Some(true) {
        lines.push(
            "  registry     may be written again; it was read-only while the snapshot was taken".to_owned(),
        );
    }
    lines.push("still to do:".to_owned());
    lines.extend(report.still_to_do.iter().map(|what| format!("  - {what}")));
    app.output.lines(lines)
}
