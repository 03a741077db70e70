//! `backup`: the database as a tar on standard output, and its many ways to fail.

use std::time::Duration;

use super::Refused;
use super::answers::Answers;
use super::ask::Ask;
use super::cluster::Shared;
use super::fault::Fault;
use super::members::{healthy, known, majority};
use super::metadata_tar::{self, Rows};
use super::tables::{TABLES, Tables};

/// Bytes that come at once.
const PIECE: usize = 64 << 10;

/// Runs it.
pub(super) fn run(shared: &Shared, ask: &Ask, answers: &mut Answers<'_>) -> Refused<u8> {
    let id = ask.text("existing-replica-id");
    known(shared, id)?;
    majority(shared)?;
    healthy(shared, id)?;
    same_version(shared, ask, id)?;
    unlogged(shared, ask)?;
    let offline = ask.has("offline-backup");
    let rows = rows(shared, ask, id);
    let database = format!("dtr-rethinkdb-{id}");
    if offline {
        answers.tell("info", "Stopping RethinkDB of the replica")?;
        shared.engine.docker(&["stop", &database]);
    }
    answers.tell("info", &format!("Backing up {} tables of replica {id}", rows.len()))?;
    if ask.has("debug") {
        for (table, rows) in &rows {
            answers.tell("debug", &format!("table {table}: {} rows", rows.len()))?;
        }
    }
    let tar = metadata_tar::write(&metadata_tar::root(ask.version, offline), &rows);
    let sent = send(shared, ask, tar, answers);
    if offline {
        shared.engine.docker(&["start", &database]);
    }
    sent
}

/// Refuses a replica of another version than the image's.
fn same_version(shared: &Shared, ask: &Ask, id: &str) -> Refused<()> {
    let name = format!("dtr-rethinkdb-{id}");
    let label = "{{index .Config.Labels \"com.docker.dtr.version\"}}";
    let version = shared.engine.docker(&["inspect", "--format", label, &name]);
    if version == ask.version.to_string() {
        return Ok(());
    }
    Err(format!("replica {id} is of version {version}, this image is of {}", ask.version))
}

/// Refuses a container whose output, with all its secrets, is kept by a log driver.
fn unlogged(shared: &Shared, ask: &Ask) -> Refused<()> {
    let driver = "{{.HostConfig.LogConfig.Type}}";
    match shared.engine.docker(&["inspect", "--format", driver, &ask.container]).as_str() {
        "none" => Ok(()),
        driver => {
            Err(format!("log driver {driver} would keep the backup and its secrets: use --log-driver none"))
        }
    }
}

fn rows(shared: &Shared, ask: &Ask, id: &str) -> Rows {
    let tables = Tables::at(shared.engine.volume(&format!("dtr-rethink-{id}")));
    let missing = match &shared.state().fault {
        Some(Fault::MissingTable(table)) => table.clone(),
        _ => String::new(),
    };
    let left_out = |table: &str| {
        table == missing
            || (table == "events" && ask.has("ignore-events-table"))
            || (table.starts_with("scanned_") && ask.has("ignore-scan-data"))
    };
    let wanted = TABLES.iter().filter(|table| !left_out(table));
    wanted.map(|table| ((*table).to_owned(), tables.rows(table))).collect()
}

fn send(shared: &Shared, ask: &Ask, mut tar: Vec<u8>, answers: &mut Answers<'_>) -> Refused<u8> {
    let fault = shared.state().fault.clone();
    if !matches!(fault, Some(Fault::NoEndBlocks)) {
        tar.extend_from_slice(&[0; 1024]);
    }
    match fault {
        Some(Fault::Exit { after, code }) => {
            pieces(&tar[..after.min(tar.len())], answers, |_| Ok(()))?;
            answers.tell("error", "lost contact with primary replica")?;
            return Ok(code);
        }
        Some(Fault::Cut { after }) => pieces(&tar[..after.min(tar.len())], answers, |_| Ok(()))?,
        Some(Fault::Stall { after }) => {
            pieces(&tar[..after.min(tar.len())], answers, |_| Ok(()))?;
            while !shared.has_ended() {
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        Some(Fault::Killed { after }) => {
            pieces(&tar[..after.min(tar.len())], answers, |_| Ok(()))?;
            shared.engine.docker(&["kill", &ask.container]);
        }
        Some(Fault::Garbage(garbage)) => {
            answers.output(&garbage)?;
            pieces(&tar, answers, |_| Ok(()))?;
        }
        Some(Fault::Chatter { bytes }) => {
            let share = bytes / tar.len().div_ceil(PIECE);
            pieces(&tar, answers, |answers| chatter(share, answers))?;
        }
        Some(Fault::Slow(pause)) => pieces(&tar, answers, |_| {
            std::thread::sleep(pause);
            Ok(())
        })?,
        _ => pieces(&tar, answers, |_| Ok(()))?,
    }
    Ok(0)
}

fn pieces<'a>(
    bytes: &[u8],
    answers: &mut Answers<'a>,
    mut before: impl FnMut(&mut Answers<'a>) -> Refused<()>,
) -> Refused<()> {
    for piece in bytes.chunks(PIECE) {
        before(answers)?;
        answers.output(piece)?;
    }
    Ok(())
}

fn chatter(bytes: usize, answers: &mut Answers<'_>) -> Refused<()> {
    let line = "waiting for the changefeed of a table to settle ".repeat(20);
    for _ in 0..bytes.div_ceil(line.len()) {
        answers.tell("warning", &line)?;
    }
    Ok(())
}
