//! `check`: whether everything is there, and right.

use dtrvault_ops::check::{self, CheckReport, Damage, ReadData, Unresolved, UnusablePack};
use dtrvault_ops::format::tree::display_path;

use crate::app::App;
use crate::error::Result;
use crate::exit::Exit;
use crate::render::size::human;
use crate::render::{count, grouped, short, tame};

/// Check that everything is there, and right
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Checks that everything that the snapshots need is there: trees, recipes, chunks, and packs \
                  of the right sizes. With --read-data, every pack is read and every blob is made and held \
                  against its digest, as a restore would, or a part of them. Every tag of the newest snapshot of each registry must lead to a \
                  manifest whose every blob is there; what they lack is listed, and gives the exit code 3 if the snapshot says that it is complete. Damage is listed by object, snapshot, path and blob, and never stops the \
                  search; the exit code is 13 then.",
    after_help = "\
Examples:
  dtrvault check
  dtrvault check --read-data
  dtrvault check --read-data=5%      5 % of packs and blobs, chosen by chance
  dtrvault check --read-data=3/7     the third of seven parts: all seven in a week"
)]
pub(crate) struct Args {
    /// Read packs and make blobs too: all of them, so many in a hundred, or the N-th of M parts
    #[arg(
        long,
        value_name = "P%|N/M",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "all",
        value_parser = parse_read_data
    )]
    read_data: Option<ReadData>,
}

fn parse_read_data(text: &str) -> std::result::Result<ReadData, String> {
    let refused = || format!("'{text}' is neither a percentage such as 5% nor a part such as 3/7");
    if text == "all" {
        return Ok(ReadData::Everything);
    }
    if let Some(percent) = text.strip_suffix('%') {
        let percent: f64 = percent.parse().map_err(|_| refused())?;
        return match percent {
            100.0 => Ok(ReadData::Everything),
            percent if percent > 0.0 && percent < 100.0 => Ok(ReadData::Percent(percent)),
            _ => Err(refused()),
        };
    }
    let (part, parts) = text.split_once('/').ok_or_else(refused)?;
    let (part, parts): (u32, u32) =
        (part.parse().map_err(|_| refused())?, parts.parse().map_err(|_| refused())?);
    if 1 <= part && part <= parts { Ok(ReadData::Part { part, parts }) } else { Err(refused()) }
}

pub(crate) fn run(app: &App, args: &Args) -> Result<Exit> {
    let repo = app.open()?;
    let report = check::run(&repo, args.read_data.unwrap_or_default(), &app.context());
    app.end_progress();
    let report = report?;
    if app.output.json {
        app.output.object(&report)?;
    } else {
        app.output.lines(lines(&report, args.read_data, app.output.quiet))?;
    }
    Ok(match (report.is_sound(), report.unproven_snapshots) {
        (false, _) => Exit::Damage,
        (true, 0) => Exit::Done,
        (true, _) => Exit::Incomplete,
    })
}

fn lines(report: &CheckReport, read_data: Option<ReadData>, quiet: bool) -> Vec<String> {
    let mut lines: Vec<String> = report.damage.iter().map(damage_line).collect();
    lines.extend(report.unresolved.iter().map(unresolved_line));
    if !quiet {
        lines.push(format!(
            "checked {}, {}, {}, {}",
            count(report.snapshots, "snapshot", "snapshots"),
            count(report.entries, "entry", "entries"),
            count(report.blobs, "blob", "blobs"),
            count(report.packs, "pack", "packs"),
        ));
        if read_data.is_some() {
            let packs = count(report.read_packs, "pack", "packs");
            lines.push(format!("read {packs}, {}", human(report.read_bytes)));
        }
        lines.extend(unnamed_lines(report));
        if report.tags > 0 {
            let tags = count(report.tags, "tag", "tags");
            lines.push(format!(
                "proven that every blob is there: {} of {tags} of the newest snapshots",
                grouped(report.proven_tags)
            ));
        }
    }
    if report.unproven_snapshots > 0 {
        let snapshots = count(report.unproven_snapshots, "snapshot lacks", "snapshots lack");
        lines.push(format!("INCOMPLETE: {snapshots} what tags need, and should not"));
    }
    match report.damage_count {
        0 if quiet => {}
        0 => lines.push("no damage found".to_owned()),
        found => {
            lines.push(format!("DAMAGED: {} found", grouped(found)));
            lines.push("what is not listed can be restored".to_owned());
        }
    }
    lines
}

/// What packs are that the index does not name, and what to do about them.
fn unnamed_lines(report: &CheckReport) -> Vec<String> {
    let unusable = &report.unusable_packs;
    let unusable_bytes: u64 = unusable.iter().map(|pack| pack.size_bytes).sum();
    let usable = report.unreferenced_packs.saturating_sub(unusable.len() as u64);
    let is_sound = report.is_sound();
    let unusable_line = |pack: &UnusablePack| format!("unusable: {}: {}", pack.object, tame(&pack.detail));
    let mut lines: Vec<String> = unusable.iter().map(unusable_line).collect();
    if !unusable.is_empty() {
        lines.push(format!(
            "{}, {}, unusable and not in the index: {}",
            count(unusable.len() as u64, "pack", "packs"),
            human(unusable_bytes),
            if is_sound {
                "no snapshot needs them, delete them from the store to have the room back"
            } else {
                "keep them until the damage is dealt with"
            }
        ));
    }
    if usable > 0 {
        lines.push(format!(
            "{}, {}, not in the index: {}",
            count(usable, "pack", "packs"),
            human(report.unreferenced_bytes.saturating_sub(unusable_bytes)),
            if is_sound {
                "no damage, a run that goes on names them, and the next snapshot those of one that was cut short"
            } else {
                "where the index was damaged or lost, rebuild-index takes them in"
            }
        ));
    }
    lines
}

fn unresolved_line(unresolved: &Unresolved) -> String {
    let Unresolved { snapshot, missing } = unresolved;
    format!("missing: snapshot {}: {}", short(snapshot), tame(&missing.to_string()))
}

fn damage_line(damage: &Damage) -> String {
    let Damage { object, snapshot, path, blob, detail } = damage;
    let mut places = Vec::new();
    if let Some(snapshot) = snapshot {
        places.push(format!("snapshot {}", short(snapshot)));
    }
    if let Some(path) = path {
        places.push(display_path(path));
    }
    if let Some(blob) = blob {
        places.push(format!("blob {}", blob.to_oci()));
    }
    // Most words of damage name the object already.
    if let Some(object) = object
        && !detail.contains(object.rsplit('/').next().unwrap_or(object))
    {
        places.push(format!("object {object}"));
    }
    places.push(tame(detail));
    format!("damage: {}", places.join(": "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_read_is_parsed() {
        assert_eq!(parse_read_data("all"), Ok(ReadData::Everything));
        assert_eq!(parse_read_data("100%"), Ok(ReadData::Everything));
        assert_eq!(parse_read_data("2.5%"), Ok(ReadData::Percent(2.5)));
        assert_eq!(parse_read_data("7/7"), Ok(ReadData::Part { part: 7, parts: 7 }));
        for text in ["", "5", "0%", "101%", "-1%", "NaN%", "inf%", "0/7", "8/7", "1/0", "a/b", "1/2/3"] {
            assert!(parse_read_data(text).is_err(), "{text}");
        }
    }

    #[test]
    fn damage_names_all_that_it_is_about() {
        let damage = Damage {
            object: None,
            snapshot: Some(dtrvault_ops::format::SnapshotId::new([0xab; 32])),
            path: Some(b"a/b".to_vec()),
            blob: None,
            detail: "gone\u{1b}[2J".into(),
        };
        assert_eq!(damage_line(&damage), "damage: snapshot abababababab: a/b: gone\\x1b[2J");
    }
}
