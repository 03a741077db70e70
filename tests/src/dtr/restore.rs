//! `restore`: a fresh replica whose database comes from standard input.

use super::Refused;
use super::answers::Answers;
use super::ask::Ask;
use super::cluster::Shared;
use super::fault::Fault;
use super::members::known;
use super::metadata_tar;
use super::replica::{Replica, Storage, runs};
use super::tables::Tables;

/// Runs it.
pub(super) fn run(shared: &Shared, ask: &Ask, input: &[u8], answers: &mut Answers<'_>) -> Refused<u8> {
    let id = ask.text("replica-id");
    let (version, rows) = metadata_tar::read(input)?;
    if !version.same_minor(ask.version) {
        return Err(format!("a backup of {version} cannot be restored by {}", ask.version));
    }
    if version != ask.version {
        answers.tell("warning", &format!("the backup is of {version}, this image of {}", ask.version))?;
    }
    if known(shared, id).is_ok() || runs(&shared.engine, "rethinkdb", id).is_some() {
        return Err(format!("replica {id} exists: destroy it first"));
    }
    let replica = Replica {
        id: id.to_owned(),
        version: ask.version,
        image: shared.image.clone(),
        storage: storage(ask),
    };
    if let Storage::Volume(name) = &replica.storage
        && shared.engine.try_docker(&["volume", "inspect", name]).code != Some(0)
    {
        return Err(format!("storage volume {name} does not exist"));
    }
    let folder = replica.tables(&shared.engine);
    if folder.exists() {
        return Err(format!("volume {} exists: destroy the replica first", replica.volume("rethink")));
    }
    let port = match ask.text("replica-https-port") {
        "" => None,
        port => Some(port.parse().map_err(|_| format!("no port: {port:?}"))?),
    };
    answers.tell("info", &format!("Installing replica {id} of {}", ask.version))?;
    replica.create_volumes(&shared.engine);
    if matches!(shared.state().fault, Some(Fault::RestoreBreaks)) {
        return Err("Can't restore rethinkdb row: lost contact with primary replica".to_owned());
    }
    let tables = Tables::create(folder);
    for (table, rows) in &rows {
        tables.set(table, rows);
        answers.tell("info", &format!("Restored {} rows of {table}", rows.len()))?;
    }
    shared.install(&replica, port);
    answers.tell("info", "Restore completed; update the vulnerability database")?;
    Ok(0)
}

fn storage(ask: &Ask) -> Storage {
    match (ask.text("dtr-storage-volume"), ask.has("nfs-storage-url")) {
        ("", false) => Storage::Default,
        ("", true) => Storage::Nfs,
        (name, _) => Storage::Volume(name.to_owned()),
    }
}
