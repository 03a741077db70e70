//! Commands that change which replicas there are.

use std::fs;

use super::Refused;
use super::answers::Answers;
use super::ask::Ask;
use super::cluster::Shared;
use super::fault::Fault;
use super::replica::{self, Replica, Storage};

/// Removes all of a replica, images included.
pub(super) fn destroy(shared: &Shared, ask: &Ask, answers: &mut Answers<'_>) -> Refused<u8> {
    let id = ask.text("replica-id");
    known(shared, id)?;
    answers.tell("info", &format!("Force removing replica from cluster: {id}"))?;
    if matches!(shared.state().fault, Some(Fault::DestroyBreaks)) {
        replica::remove_containers(&shared.engine, id);
        return Err(format!("Couldn't remove volumes of replica {id}: volume is in use"));
    }
    replica::destroy(&shared.engine, id);
    shared.state().members.retain(|member| member != id);
    answers.tell("info", "Replica removed")?;
    Ok(0)
}

/// A further replica with the same database, where images are on storage that all of them see.
pub(super) fn join(shared: &Shared, ask: &Ask, answers: &mut Answers<'_>) -> Refused<u8> {
    let existing = ask.text("existing-replica-id");
    majority(shared)?;
    healthy(shared, existing)?;
    let id = ask.text("replica-id");
    if id.is_empty() || known(shared, id).is_ok() {
        return Err(format!("replica id {id:?} cannot be used"));
    }
    let port =
        ask.text("replica-https-port").parse().map_err(|_| "port 443 is in use on this node".to_owned())?;
    let version = ask.version;
    let new = Replica { id: id.to_owned(), version, image: shared.image.clone(), storage: Storage::Default };
    let old = Replica { id: existing.to_owned(), ..new.clone() };
    if shared.engine.try_docker(&["volume", "inspect", &old.volume("registry")]).code == Some(0) {
        return Err("the storage backend is a volume of one node: no replica can join".to_owned());
    }
    let new = Replica { storage: Storage::Volume(old.volume("nfs-registry")), ..new };
    new.create_volumes(&shared.engine);
    let (from, to) = (old.tables(&shared.engine), new.tables(&shared.engine));
    for table in super::tables::TABLES {
        fs::copy(from.join(table), to.join(table)).map_err(super::told)?;
    }
    shared.install(&new, Some(port));
    answers.tell("info", &format!("Replica {id} has joined"))?;
    Ok(0)
}

/// Removes replicas that another one outlives.
pub(super) fn remove(shared: &Shared, ask: &Ask, answers: &mut Answers<'_>) -> Refused<u8> {
    let existing = ask.text("existing-replica-id");
    healthy(shared, existing)?;
    for id in ask.text("replica-ids").split(',') {
        known(shared, id)?;
        if id == existing {
            return Err(format!("replica {id} cannot remove itself"));
        }
        replica::destroy(&shared.engine, id);
        shared.state().members.retain(|member| member != id);
        answers.tell("info", &format!("Replica {id} removed"))?;
    }
    Ok(0)
}

/// Goes on with the one replica that is left.
pub(super) fn emergency_repair(shared: &Shared, ask: &Ask, answers: &mut Answers<'_>) -> Refused<u8> {
    let id = ask.text("existing-replica-id");
    healthy(shared, id)?;
    shared.state().members.retain(|member| member == id);
    answers.tell("warning", &format!("The cluster is now replica {id} alone"))?;
    Ok(0)
}

/// Refuses a replica that the cluster does not know.
pub(super) fn known(shared: &Shared, id: &str) -> Refused<()> {
    let members = shared.state().members.clone();
    if members.iter().any(|member| member == id) {
        return Ok(());
    }
    Err(format!("replica {id:?} does not exist; there are: {}", members.join(", ")))
}

/// Refuses a replica whose database does not run.
pub(super) fn healthy(shared: &Shared, id: &str) -> Refused<()> {
    known(shared, id)?;
    match replica::runs(&shared.engine, "rethinkdb", id) {
        Some(true) => Ok(()),
        Some(false) => Err(format!("dtr-rethinkdb-{id} is not running")),
        None => Err(format!("no container dtr-rethinkdb-{id}")),
    }
}

/// Refuses a database without a majority.
pub(super) fn majority(shared: &Shared) -> Refused<()> {
    let members = shared.state().members.clone();
    let healthy = members.iter().filter(|id| healthy(shared, id).is_ok()).count();
    if healthy > members.len() / 2 {
        return Ok(());
    }
    Err(format!("{healthy} of {} replicas are healthy: the database has no quorum", members.len()))
}
