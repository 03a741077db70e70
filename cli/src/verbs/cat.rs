//! `cat`: shows one object of the repository, for people who debug.

use std::io::Write;

use clap::Subcommand;
use dtrvault_ops::{OpsError, cat};
use serde::Serialize;
use serde_json::Value;

use crate::app::App;
use crate::error::Result;
use crate::exit::Exit;
use crate::render::views::with_times;

/// Show an object of the repository, for debugging
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Shows an object of the repository, decrypted and decoded, as JSON; a log as it is. What it \
                  holds follows the repository's format (format-spec/), not the schema of the other verbs.",
    after_help = "\
Examples:
  dtrvault cat config
  dtrvault cat snapshot latest
  dtrvault cat index
  dtrvault cat pack packs/3f/3f1c0e…
  dtrvault cat log latest
  dtrvault cat tree latest | head"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    object: Object,
}

#[derive(Debug, Subcommand)]
enum Object {
    /// The config
    Config,
    /// A snapshot
    Snapshot {
        /// Its id, the beginning of it, or `latest`
        id: String,
    },
    /// An index segment; without an id, the ids of all
    Index {
        /// Its id, the beginning of it, or its key in the store
        id: Option<String>,
    },
    /// The directory of a pack
    Pack {
        /// Its id, the beginning of it, or its key in the store
        id: String,
    },
    /// What a backup of DTR said while it was taken, as text
    Log {
        /// Id of the snapshot, the beginning of it, or `latest`
        id: String,
    },
    /// The tree of a snapshot: one entry a line
    Tree {
        /// Id of the snapshot, the beginning of it, or `latest`
        id: String,
    },
}

pub(crate) fn run(app: &App, args: &Args) -> Result<Exit> {
    let repo = app.open()?;
    match &args.object {
        Object::Config => object(app, cat::config(&repo))?,
        Object::Snapshot { id } => object(app, &cat::snapshot(&repo, id)?)?,
        Object::Index { id: Some(id) } => object(app, &cat::segment(&repo, id)?)?,
        Object::Index { id: None } => {
            let mut segments = cat::segments(&repo)?;
            segments.sort();
            app.output.object(&serde_json::json!({ "segments": segments }))?;
        }
        Object::Pack { id } => object(app, &cat::pack(&repo, id)?)?,
        Object::Log { id } => {
            let mut out = app.output.stream();
            cat::log(&repo, id, &mut out)?;
            out.flush().map_err(OpsError::Output)?;
        }
        Object::Tree { id } => {
            let mut out = app.output.stream();
            let context = app.context();
            cat::tree(&repo, id, |entry| {
                context.proceed()?;
                let line = serde_json::to_value(entry).map(with_times);
                let line = line.map_err(|error| OpsError::Output(error.into()))?;
                writeln!(out, "{line}").map_err(OpsError::Output)
            })?;
            out.flush().map_err(OpsError::Output)?;
        }
    }
    Ok(Exit::Done)
}

fn object<T: Serialize>(app: &App, object: &T) -> Result<()> {
    let value: Value = with_times(serde_json::to_value(object)?);
    app.output.object(&value)
}
