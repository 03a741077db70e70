//! `optimize`: stores layers better that were taken as they are.

use dtrvault_ops::optimize::{self, OptimizeReport};

use crate::app::{App, file_threads};
use crate::error::Result;
use crate::exit::Exit;
use crate::render::count;
use crate::render::size::human;

/// Store layers that were taken as they are as what they hold
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Takes apart the layers that `snapshot --layers raw` has stored as they are, so that what \
                  they share is found. Snapshots keep their ids, and every bit of what they hold. May run on \
                  any machine that has a full key, and be interrupted at any time: what was done stays. What \
                  the layers took before stays in the repository as well, until packs that nothing needs \
                  are deleted.",
    after_help = "\
Examples:
  dtrvault optimize
  dtrvault optimize --snapshot latest"
)]
pub(crate) struct Args {
    /// The layers of this snapshot only; may be repeated
    #[arg(long, value_name = "ID")]
    snapshot: Vec<String>,
}

pub(crate) fn run(app: &App, args: &Args) -> Result<Exit> {
    let repo = app.open()?;
    let report = optimize::run(&repo, &args.snapshot, file_threads(), &app.context());
    app.end_progress();
    let report = report?;
    if app.output.json {
        app.output.object(&report)?;
    } else if !app.output.quiet {
        app.output.lines(lines(&report))?;
    }
    Ok(Exit::Done)
}

fn lines(report: &OptimizeReport) -> Vec<String> {
    let (deep, opaque) = (report.layers.all_deep(), report.layers.all_opaque());
    let mut lines = vec![format!(
        "taken apart: {}, {}, which hold {}; new {}, written {}",
        count(deep.blobs, "layer", "layers"),
        human(deep.bytes),
        human(deep.content_bytes),
        human(report.new_bytes),
        human(report.written_bytes)
    )];
    if opaque.blobs > 0 {
        lines.push(format!(
            "kept as they are: {} ({})",
            count(opaque.blobs, "layer", "layers"),
            human(opaque.bytes)
        ));
        lines.extend(
            report.layers.opaque.iter().map(|(reason, total)| format!("  {}: {reason}", total.blobs)),
        );
    }
    lines
}
