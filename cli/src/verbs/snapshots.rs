//! `snapshots`: lists them.

use dtrvault_ops::snapshots::{self, SnapshotRow, SnapshotsFilter};
use serde::Serialize;

use crate::app::App;
use crate::error::Result;
use crate::exit::Exit;
use crate::place::Place;
use crate::render::size::human;
use crate::render::table::Table;
use crate::render::time::local;
use crate::render::views::SnapshotView;
use crate::render::{count, short, tame};

/// List snapshots
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Lists the snapshots of the repository, oldest first.",
    after_help = "\
Examples:
  dtrvault snapshots
  dtrvault snapshots --latest 5 --tag nightly
  dtrvault snapshots --json | jq -r '.snapshots[-1].id'"
)]
pub(crate) struct Args {
    /// Only the newest so many
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "1")]
    latest: Option<usize>,

    /// Only those with this tag; repeated, those with all of them
    #[arg(long, value_name = "WORD")]
    tag: Vec<String>,

    /// Only those taken on this host
    #[arg(long, value_name = "NAME")]
    host: Option<String>,

    /// Only those of the registry at this place
    #[arg(long, value_name = "PATH|URL")]
    registry: Option<String>,
}

#[derive(Serialize)]
struct Listing<'a> {
    snapshots: Vec<SnapshotView<'a>>,
    /// How many cannot be read.
    damaged: u64,
}

pub(crate) fn run(app: &App, args: &Args) -> Result<Exit> {
    let registry = args.registry.as_deref().map(Place::parse).transpose()?;
    let filter = SnapshotsFilter {
        latest: args.latest,
        tags: args.tag.clone(),
        host: args.host.clone(),
        registry: registry.map(|place| place.location()),
    };
    let repo = app.open()?;
    let report = snapshots::run(&repo, &filter, &app.context())?;
    let exit = if report.damaged == 0 { Exit::Done } else { Exit::Damage };
    let rows = report.snapshots;
    if app.output.json {
        let snapshots = rows.iter().map(|row| SnapshotView::new(&row.id, &row.snapshot)).collect();
        app.output.object(&Listing { snapshots, damaged: report.damaged })?;
        return Ok(exit);
    }
    if rows.is_empty() {
        if !app.output.quiet {
            app.output.lines(["no snapshots"])?;
        }
        return Ok(exit);
    }
    let mut table = Table::new(&["ID", "Time", "Host", "Parts", "Size", "Added", "Tags", ""], &[4, 5]);
    for row in &rows {
        table.row(cells(row));
    }
    app.output.lines(table.lines())?;
    if !app.output.quiet {
        app.output.lines([count(rows.len() as u64, "snapshot", "snapshots")])?;
    }
    Ok(exit)
}

fn cells(SnapshotRow { id, snapshot }: &SnapshotRow) -> Vec<String> {
    let metadata = snapshot.metadata.as_ref().map(|part| ("metadata", part.size));
    let images = snapshot.images.as_ref().map(|part| ("images", part.bytes));
    let parts: Vec<_> = metadata.into_iter().chain(images).collect();
    let names: Vec<_> = parts.iter().map(|(name, _)| *name).collect();
    vec![
        short(id),
        local(snapshot.time),
        tame(&snapshot.host),
        names.join("+"),
        human(parts.iter().map(|(_, size)| size).sum()),
        human(snapshot.stats.written_bytes),
        tame(&snapshot.tags.join(",")),
        if snapshot.complete { String::new() } else { "incomplete".to_owned() },
    ]
}
