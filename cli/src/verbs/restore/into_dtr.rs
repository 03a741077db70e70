//! A restore into DTR: the plan, a question, and what came of it.

use std::time::Duration;

use dtrvault_ops::cluster::{NoReplicaId, ReplicaId};
use dtrvault_ops::dtr::restore::{self, DtrRestoreOptions, DtrRestoreReport, Gate, Place, Plan};
use dtrvault_ops::proof::ProofReport;
use serde::Serialize;

use super::show::View as FilesView;
use super::{Args, WRITERS, warn};
use crate::app::App;
use crate::dtr::{AccountArgs, EngineArgs, InstallArgs, answer, owner, refused, state_folder};
use crate::error::Result;
use crate::exit::Exit;
use crate::progress::say;
use crate::render::size::human;
use crate::render::time::{local, parse_seconds};
use crate::render::{count, grouped, short, tame};
use crate::verbs::PartArg;

/// How DTR is restored.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Into DTR")]
pub(crate) struct IntoDtrArgs {
    /// Destroy what is left of the replica, images included
    #[arg(long, conflicts_with = "target")]
    destroy: bool,

    /// Do not ask for the replica's id
    #[arg(short, long)]
    yes: bool,

    /// The id that the replica will have, instead of the snapshot's
    #[arg(long, value_name = "ID", value_parser = parse_replica)]
    replica_id: Option<ReplicaId>,

    /// The image, instead of the one that the snapshot was taken by
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,

    /// Images go to this folder or store, when the replica does not keep them in a volume
    #[arg(long, value_name = "DIR|URL", conflicts_with = "target")]
    images_to: Option<String>,

    /// Take nothing but the configuration out of the metadata [DTR 2.0, 2.1]
    #[arg(long)]
    config_only: bool,

    /// Let DTR say more
    #[arg(long)]
    debug: bool,

    /// How long DTR may say nothing
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = parse_seconds)]
    stall_timeout: u64,

    /// Restore with another patch of the same minor version
    #[arg(long)]
    allow_patch_difference: bool,

    /// Restore into another UCP cluster: only where that was restored from its own backup
    #[arg(long)]
    allow_other_cluster: bool,

    /// Restore a snapshot that lacks something
    #[arg(long)]
    allow_incomplete: bool,

    /// Restore though there seems to be too little room
    #[arg(long)]
    allow_little_space: bool,

    /// Restore into another kind of storage
    #[arg(long)]
    allow_other_storage: bool,

    #[command(flatten)]
    install: InstallArgs,

    #[command(flatten)]
    account: AccountArgs,

    #[command(flatten)]
    engine: EngineArgs,
}

impl IntoDtrArgs {
    fn allowed(&self) -> Vec<Gate> {
        let gates = [
            (self.allow_patch_difference, Gate::PatchDifference),
            (self.allow_other_cluster, Gate::OtherCluster),
            (self.allow_incomplete, Gate::Incomplete),
            (self.allow_little_space, Gate::NoSpace),
            (self.allow_other_storage, Gate::OtherStorage),
            (self.destroy, Gate::Remains),
        ];
        gates.into_iter().filter(|(allowed, _)| *allowed).map(|(_, gate)| gate).collect()
    }
}

fn parse_replica(text: &str) -> std::result::Result<ReplicaId, String> {
    text.parse().map_err(|error: NoReplicaId| error.to_string())
}

/// Restores.
pub(super) fn run(app: &App, args: &Args) -> Result<Exit> {
    let into = &args.into_dtr;
    let engine = into.engine.connect(app)?;
    let repo = app.open()?;
    let options = options(app, args)?;
    let plan = restore::plan(&repo, &engine, &options, &app.context());
    app.end_progress();
    let plan = plan?;
    if args.dry_run {
        return dry_run(app, &plan);
    }
    if plan.refusals.is_empty() && !into.yes {
        plan_lines(&plan).iter().for_each(|line| say("plan", line));
        let wanted = plan.replica.to_string();
        let given = answer(
            &format!("To go on, type the replica's id, {wanted}: "),
            "read the plan with --dry-run, then say --yes",
        )?;
        if given != wanted {
            return Err(refused());
        }
    }
    let report = restore::run(&repo, &engine, &options, &plan, &app.context());
    app.end_progress();
    let report = report?;
    show(app, &report)?;
    Ok(exit(&report))
}

fn options(app: &App, args: &Args) -> Result<DtrRestoreOptions> {
    let into = &args.into_dtr;
    let images_to = into.images_to.as_deref().map(|place| app.target(place)).transpose()?;
    let install = into.install.resolve(&app.env)?;
    Ok(DtrRestoreOptions {
        snapshot: args.snapshot.clone(),
        metadata: args.part != Some(PartArg::Images),
        images: args.part != Some(PartArg::Metadata) && !into.config_only,
        image: into.image.clone(),
        replica: into.replica_id.clone(),
        storage: install.storage,
        images_to,
        ucp: into.account.resolve(app)?,
        config_only: into.config_only,
        debug: into.debug,
        arguments: install.arguments,
        variables: install.variables,
        patience: Duration::from_secs(into.stall_timeout),
        allowed: into.allowed(),
        owner: owner(app),
        journals: state_folder(app)?,
        writers: WRITERS,
    })
}

fn exit(report: &DtrRestoreReport) -> Exit {
    let reports = [&report.images, &report.proof].into_iter().flatten();
    let (mut exit, mut damaged) = (Exit::Done, false);
    for files in reports {
        damaged |= files.failed.damaged() > 0;
        if !files.failed.is_empty() || files.left_out > 0 {
            exit = Exit::Incomplete;
        }
    }
    if report.tags.as_ref().is_some_and(|tags| !tags.is_whole()) {
        exit = Exit::Incomplete;
    }
    if damaged { Exit::Damage } else { exit }
}

#[derive(Serialize)]
struct PlanView<'a> {
    dry_run: bool,
    plan: &'a Plan,
}

fn dry_run(app: &App, plan: &Plan) -> Result<Exit> {
    if app.output.json {
        app.output.object(&PlanView { dry_run: true, plan })?;
    } else {
        app.output.lines(plan_lines(plan))?;
        app.output.lines(["dry run: nothing was done"])?;
    }
    Ok(if plan.refusals.is_empty() { Exit::Done } else { Exit::Failed })
}

fn plan_lines(plan: &Plan) -> Vec<String> {
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

fn show(app: &App, report: &DtrRestoreReport) -> Result<()> {
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
    lines.push("still to do:".to_owned());
    lines.extend(report.still_to_do.iter().map(|what| format!("  - {what}")));
    app.output.lines(lines)
}
