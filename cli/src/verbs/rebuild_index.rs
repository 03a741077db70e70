//! `rebuild-index`: brings `index/` in line with the packs.

use dtrvault_ops::rebuild_index;

use crate::app::App;
use crate::error::Result;
use crate::exit::Exit;
use crate::progress::say;
use crate::render::count;

/// Bring the index in line with the packs
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Makes what is lost of index/ anew from the packs themselves, when index/ was lost or \
                  damaged; and strikes out of it the packs that are gone, so that the next snapshot \
                  stores again what the registry still has of them. A lost cache needs none of this: \
                  it is made anew whenever it is missing.",
    after_help = "\
Examples:
  dtrvault rebuild-index && dtrvault check"
)]
pub(crate) struct Args {}

pub(crate) fn run(app: &App, _: &Args) -> Result<Exit> {
    let repo = app.open_unread()?;
    let report = rebuild_index::run(&repo, &app.context());
    app.end_progress();
    let report = report?;
    if report.unusable_packs > 0 {
        let packs = count(report.unusable_packs, "pack", "packs");
        say("warning", &format!("{packs} cannot be used: damaged, or not of this repository"));
    }
    if report.incomplete_blobs > 0 {
        let blobs = count(report.incomplete_blobs, "blob", "blobs");
        say("warning", &format!("{blobs} cannot be made: chunks of them are in no pack"));
    }
    if report.lost_packs > 0 {
        let packs = count(report.lost_packs, "pack is", "packs are");
        let blobs = count(report.lost_blobs, "blob", "blobs");
        say("warning", &format!("{packs} gone, and with them {blobs}: the next snapshot stores them again"));
    }
    if app.output.json {
        app.output.object(&report)?;
    } else if !app.output.quiet {
        let added = [report.packs, report.chunks, report.blobs];
        app.output.lines([match added {
            [0, 0, 0] if report.damaged_segments == 0 => "the index lacked nothing".to_owned(),
            [packs, chunks, blobs] => format!(
                "added to the index: {}, {}, {}",
                count(packs, "pack", "packs"),
                count(chunks, "chunk", "chunks"),
                count(blobs, "blob", "blobs")
            ),
        }])?;
    }
    Ok(Exit::Done)
}
