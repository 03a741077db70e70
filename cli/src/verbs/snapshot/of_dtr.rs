//! A snapshot of the DTR that is on a Docker Engine.

use std::path::PathBuf;
use std::time::Duration;

use dtrvault_ops::OpsError;
use dtrvault_ops::cluster::ReplicaId;
use dtrvault_ops::cluster::backup::BackupOptions;
use dtrvault_ops::dtr::ApiAccess;
use dtrvault_ops::dtr::snapshot::{self, DtrSnapshotOptions};

use super::{Args, PROGRAM, tell, walk};
use crate::app::{App, file_threads};
use crate::dtr::{AccountArgs, EngineArgs, authority, confirm, owner, parse_replica, pins, state_folder};
use crate::error::{CliError, Result};
use crate::exit::Exit;
use crate::progress::say;
use crate::render::time::parse_seconds;

/// How a DTR is taken.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Of a DTR")]
pub(crate) struct DtrArgs {
    /// Take the DTR on this Docker Engine, its image content from --registry; without --registry and --metadata it
    /// is taken anyhow
    #[arg(long)]
    pub(super) dtr: bool,

    /// Back up this replica, not the one of the last snapshot
    #[arg(long, value_name = "ID", value_parser = parse_replica)]
    replica_id: Option<ReplicaId>,

    /// The image that DTR was installed from, when it cannot be told
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,

    /// Keep the registry read-only while its metadata is read
    #[arg(long)]
    freeze: bool,

    /// Where DTR's API is, for --freeze
    #[arg(long, value_name = "URL")]
    dtr_url: Option<String>,

    /// DTR's certificate authority, PEM; else it is fetched from /ca, and pinned when it is seen first
    #[arg(long, value_name = "FILE")]
    dtr_ca: Option<PathBuf>,

    /// Stop the replica's database meanwhile: more consistent, and the replica does not serve [DTR 2.5]
    #[arg(long)]
    offline_backup: bool,

    /// Answer yes to questions
    #[arg(short, long)]
    yes: bool,

    /// Leave the table of events out [DTR 2.8]
    #[arg(long)]
    ignore_events_table: bool,

    /// Leave results of vulnerability scans out [DTR 2.9.18]
    #[arg(long)]
    ignore_scan_data: bool,

    /// Let DTR's backup say more
    #[arg(long)]
    debug: bool,

    /// One more argument for DTR's backup; may be repeated
    #[arg(long, value_name = "ARGUMENT", allow_hyphen_values = true)]
    backup_arg: Vec<String>,

    /// How long DTR's backup may say nothing
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = parse_seconds)]
    stall_timeout: u64,

    #[command(flatten)]
    account: AccountArgs,

    #[command(flatten)]
    engine: EngineArgs,
}

/// Takes it.
pub(super) fn run(app: &App, args: &Args, host: String) -> Result<Exit> {
    let of_dtr = &args.of_dtr;
    if args.dry_run {
        return Err(CliError::usage("a dry run looks at image content only", "give --registry"));
    }
    if of_dtr.offline_backup && !of_dtr.yes {
        say(
            "warning",
            "an offline backup stops the replica's database: take it out of the load balancer first",
        );
        confirm("Stop it now?", "say --yes when it is out of the load balancer")?;
    }
    let engine = of_dtr.engine.connect(app)?;
    let images = args.registry.as_deref().map(|registry| app.source(registry)).transpose()?;
    let repo = app.open_unread()?;
    let options = DtrSnapshotOptions {
        replica: of_dtr.replica_id.clone(),
        backup: BackupOptions {
            ucp: of_dtr.account.resolve(app)?,
            image: of_dtr.image.clone(),
            offline: of_dtr.offline_backup,
            ignore_events_table: of_dtr.ignore_events_table,
            ignore_scan_data: of_dtr.ignore_scan_data,
            debug: of_dtr.debug,
            arguments: of_dtr.backup_arg.clone(),
            patience: Duration::from_secs(of_dtr.stall_timeout),
        },
        images,
        walk: walk(args)?,
        layers: args.layers.into(),
        allow_missing_tables: args.allow_missing_tables,
        freeze: of_dtr.freeze,
        api: ApiAccess {
            url: of_dtr.dtr_url.clone(),
            authority: authority(of_dtr.dtr_ca.as_deref())?,
            pins: pins(app)?,
            notes: state_folder(app)?,
        },
        owner: owner(app),
        tags: args.tag.clone(),
        host,
        program: PROGRAM.to_owned(),
        readers: file_threads(),
    };
    let report = snapshot::run(&repo, &engine, options, &app.context());
    app.end_progress();
    let report = report.map_err(|error: OpsError| CliError::from(error))?;
    let exit = tell(app, &report.snapshot)?;
    if let Some(reason) = &report.still_frozen {
        say("warning", &format!("the registry is READ-ONLY STILL: {reason}; the next snapshot tries again"));
        return Ok(Exit::Incomplete);
    }
    Ok(exit)
}
