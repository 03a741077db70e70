//! `dtr`: looks at a DTR.

use dtrvault_ops::age;
use dtrvault_ops::cluster::{Cluster, Replica};
use dtrvault_ops::dtr::status::{self, Attention, StatusOptions, StatusReport};
use dtrvault_ops::format::Time;
use serde::Serialize;

use crate::app::App;
use crate::dtr::{EngineArgs, owner, state_folder};
use crate::error::Result;
use crate::exit::Exit;
use crate::progress::say;
use crate::render::table::Table;
use crate::render::time::{local, parse_age, utc};
use crate::render::{short, tame};

/// Look at a DTR
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Looks at the Docker Trusted Registry (Mirantis Secure Registry 2.x) on a Docker Engine.",
    after_help = "\
Examples:
  dtrvault dtr status
  dtrvault dtr status --max-age 26h --json"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    Status(StatusArgs),
}

/// Show replicas, their health, and the last snapshot
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Shows the replicas of a DTR, whether they are healthy and a majority of them is, and when the \
                  last snapshot was taken. Ends with exit code 3 when something wants attention: for cron and \
                  monitoring.",
    after_help = "\
Examples:
  dtrvault dtr status --max-age 26h
  DOCKER_HOST=tcp://ucp:443 DOCKER_CERT_PATH=~/bundle dtrvault dtr status"
)]
struct StatusArgs {
    /// How old the last snapshot may be: 26h, 2d
    #[arg(long, value_name = "AGE", value_parser = parse_age)]
    max_age: Option<i64>,

    /// Look at the replicas only, and need no repository
    #[arg(long, conflicts_with = "max_age")]
    no_snapshots: bool,

    #[command(flatten)]
    engine: EngineArgs,
}

pub(crate) fn run(app: &App, args: &Args) -> Result<Exit> {
    match &args.verb {
        Verb::Status(args) => status(app, args),
    }
}

#[derive(Serialize)]
struct View<'a> {
    cluster: Option<&'a str>,
    healthy: usize,
    needed: usize,
    quorum: bool,
    replicas: Vec<ReplicaView<'a>>,
    last_snapshot: Option<LastView<'a>>,
    attention: &'a [Attention],
}

#[derive(Serialize)]
struct ReplicaView<'a> {
    healthy: bool,
    ailing: Vec<String>,
    #[serde(flatten)]
    replica: &'a Replica,
}

#[derive(Serialize)]
struct LastView<'a> {
    id: &'a str,
    time: String,
    age_secs: i64,
    complete: bool,
    replica: Option<&'a str>,
}

fn status(app: &App, args: &StatusArgs) -> Result<Exit> {
    let engine = args.engine.connect(app)?;
    let repo = if args.no_snapshots { None } else { Some(app.open_unread()?) };
    let options = StatusOptions {
        max_age_secs: args.max_age,
        now: Time::from(std::time::SystemTime::now()),
        notes: state_folder(app).ok(),
        owner: owner(app),
    };
    let report = status::run(&engine, repo.as_ref(), &options)?;
    show(app, &report)?;
    for attention in &report.attention {
        say("warning", &words(attention));
    }
    Ok(if report.attention.is_empty() { Exit::Done } else { Exit::Incomplete })
}

fn show(app: &App, report: &StatusReport) -> Result<()> {
    let StatusReport { cluster, last, attention, .. } = report;
    if app.output.json {
        let replica = |replica| ReplicaView {
            healthy: Replica::is_healthy(replica),
            ailing: replica.ailing(),
            replica,
        };
        return app.output.object(&View {
            cluster: cluster.id.as_deref(),
            healthy: cluster.healthy(),
            needed: cluster.needed(),
            quorum: cluster.has_quorum(),
            replicas: cluster.replicas.iter().map(replica).collect(),
            last_snapshot: last.as_ref().map(|last| LastView {
                id: &last.id,
                time: utc(Time::from_secs(last.time_secs)),
                age_secs: report.age_secs.unwrap_or_default(),
                complete: last.complete,
                replica: last.replica.as_deref(),
            }),
            attention,
        });
    }
    if app.output.quiet {
        return Ok(());
    }
    let mut table = Table::new(&["Replica", "Version", "Health", "Storage", "Node", "Image"], &[]);
    cluster.replicas.iter().for_each(|replica| table.row(cells(replica)));
    let mut lines = table.lines();
    lines.push(quorum(cluster));
    if let Some(last) = last {
        let of = last.replica.as_deref().map(|replica| format!(", of replica {}", tame(replica)));
        lines.push(format!(
            "last snapshot: {}, {}, {} ago{}",
            short(&last.id),
            local(Time::from_secs(last.time_secs)),
            age(report.age_secs.unwrap_or_default()),
            of.unwrap_or_default()
        ));
    }
    app.output.lines(lines)
}

fn cells(replica: &Replica) -> Vec<String> {
    let ailing = replica.ailing();
    let health = if ailing.is_empty() { "healthy".to_owned() } else { format!("{} parts ail", ailing.len()) };
    let storage = match replica.storage.volume() {
        Some(volume) => format!("{} {volume}", replica.storage.kind()),
        None => replica.storage.kind().to_owned(),
    };
    vec![
        replica.id.to_string(),
        replica.version.map_or_else(|| "unknown".to_owned(), |version| version.to_string()),
        health,
        tame(&storage),
        tame(replica.node.as_deref().unwrap_or_default()),
        tame(replica.image.as_deref().unwrap_or("unknown")),
    ]
}

fn quorum(cluster: &Cluster) -> String {
    let (healthy, all, needed) = (cluster.healthy(), cluster.replicas.len(), cluster.needed());
    let word = if cluster.has_quorum() { "quorum" } else { "NO QUORUM" };
    format!("{word}: {healthy} of {all} replicas are healthy, {needed} must be")
}

fn words(attention: &Attention) -> String {
    match attention {
        Attention::NoQuorum { healthy, needed } => {
            format!("DTR does not work: {healthy} replicas are healthy, and {needed} must be")
        }
        Attention::Ailing { replica, parts } => {
            format!("replica {replica} is not well: {}", parts.join(", "))
        }
        Attention::MixedVersions => {
            "the replicas are of several versions: is an upgrade under way?".to_owned()
        }
        Attention::LeftFrozen { url } => {
            format!(
                "{url} was left read-only by a snapshot that has died: the next one lets it be written again"
            )
        }
        Attention::NoSnapshot => "there is no snapshot of this DTR".to_owned(),
        Attention::IncompleteSnapshot => "the last snapshot of this DTR is incomplete".to_owned(),
        Attention::OldSnapshot { age_secs, max_age_secs } => {
            format!("the last snapshot is {} old, and may be {}", age(*age_secs), age(*max_age_secs))
        }
    }
}
