//! A restore into DTR: the plan, a question, and what came of it.

mod show;

use std::time::Duration;

use dtrvault_ops::cluster::ReplicaId;
use dtrvault_ops::dtr::ApiAccess;
use dtrvault_ops::dtr::restore::{self, DtrRestoreOptions, DtrRestoreReport, Gate};

use super::{Args, WRITERS};
use crate::app::App;
use crate::dtr::{
    AccountArgs, EngineArgs, InstallArgs, answer, authority, owner, parse_replica, pins, refused,
    state_folder,
};
use crate::error::Result;
use crate::exit::Exit;
use crate::progress::say;
use crate::render::time::parse_seconds;
use crate::verbs::PartArg;
use show::{dry_run, plan_lines, show};

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

    /// Where DTR's API is, to let a registry be written that was frozen for the snapshot
    #[arg(long, value_name = "URL")]
    dtr_url: Option<String>,

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
        api: ApiAccess {
            url: into.dtr_url.clone(),
            authority: authority(into.install.dtr_ca())?,
            pins: pins(app)?,
            notes: state_folder(app)?,
        },
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
