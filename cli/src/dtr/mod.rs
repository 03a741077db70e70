//! What verbs on a DTR are told: where the Docker Engine is, which account, which certificates.

mod account;
mod ask;
mod engine;
mod install;

use std::path::PathBuf;

pub(crate) use account::{AccountArgs, authority};
pub(crate) use ask::{answer, confirm, refused};
pub(crate) use engine::EngineArgs;
pub(crate) use install::InstallArgs;

use dtrvault_ops::cluster::{NoReplicaId, Owner, Pins, ReplicaId};

use crate::app::App;
use crate::error::{CliError, Result};

/// The folder where is kept what outlives a run and is no cache: pinned certificates, notes of what is to be set
/// right again.
pub(crate) fn state_folder(app: &App) -> Result<PathBuf> {
    let folder = app.env.xdg("XDG_STATE_HOME", ".local/state").map(|folder| folder.join("dtrvault"));
    folder.ok_or_else(|| {
        CliError::usage("there is no place for what is to be remembered", "set HOME or XDG_STATE_HOME")
    })
}

/// Reads a replica's id from the command line.
///
/// # Errors
/// What is wrong with it, for people.
pub(crate) fn parse_replica(text: &str) -> std::result::Result<ReplicaId, String> {
    text.parse().map_err(|error: NoReplicaId| error.to_string())
}

/// Pinned certificates.
pub(crate) fn pins(app: &App) -> Result<Pins> {
    Ok(Pins::new(state_folder(app)?.join("authorities")))
}

/// Whose containers those are that this run makes.
pub(crate) fn owner(app: &App) -> Owner {
    Owner::this_process(&app.settings.host)
}
