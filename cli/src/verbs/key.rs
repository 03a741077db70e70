//! `key`: who may open the repository, and what for.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use dtrvault_ops::format::limits::MAX_LABEL_BYTES;
use dtrvault_ops::format::{Argon2Params, Role, SlotId};
use dtrvault_ops::key::{self, KeyRow};
use serde::Serialize;

use crate::app::App;
use crate::error::Result;
use crate::exit::Exit;
use crate::password::{Password, PasswordSource};
use crate::render::table::Table;
use crate::render::time::{local, utc};
use crate::render::{short, tame};

/// List, add and remove keys; change a password
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Every key is a password that opens the repository. A key of the role `full` does \
                  everything. One of the role `write` adds snapshots and finds duplicates, but reads nothing \
                  back: it is for the registry's own machine, which may be taken over one day.",
    after_help = "\
Examples:
  dtrvault key list
  dtrvault key add --role write --label node-1 --new-password-file /root/node-1.password
  dtrvault key remove 5d3e
  dtrvault key change-password"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the keys
    List,
    /// Add a key with a password of its own
    Add {
        /// What it may do
        #[arg(long, value_enum, default_value = "full")]
        role: RoleArg,
        /// Whose it is, for `key list`
        #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true, value_parser = parse_label)]
        label: String,
        #[command(flatten)]
        new: NewPassword,
    },
    /// Remove a key; the last full one stays
    Remove {
        /// The key: its id, or the beginning of it
        id: String,
    },
    /// Give the key that is used for this another password
    ChangePassword {
        #[command(flatten)]
        new: NewPassword,
    },
}

#[derive(Debug, clap::Args)]
struct NewPassword {
    /// Read the new password from this file [env: DTRVAULT_NEW_PASSWORD_FILE, DTRVAULT_NEW_PASSWORD]
    #[arg(long, value_name = "FILE")]
    new_password_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RoleArg {
    /// Everything
    Full,
    /// Adds snapshots, reads nothing back
    Write,
}

pub(super) fn parse_label(text: &str) -> std::result::Result<String, String> {
    if text.len() <= MAX_LABEL_BYTES {
        Ok(text.to_owned())
    } else {
        Err(format!("it is longer than {MAX_LABEL_BYTES} bytes"))
    }
}

impl NewPassword {
    fn read(&self, app: &App, prompts: &str) -> Result<Password> {
        let source = PasswordSource::resolve_new(self.new_password_file.as_deref(), &app.env);
        source.read_new(
            prompts,
            "use --new-password-file, DTRVAULT_NEW_PASSWORD_FILE or DTRVAULT_NEW_PASSWORD; there is no \
             terminal to ask at",
        )
    }
}

#[derive(Serialize)]
struct Listing<'a> {
    keys: Vec<KeyView<'a>>,
}

#[derive(Serialize)]
struct KeyView<'a> {
    id: String,
    role: Role,
    label: &'a str,
    created: String,
    current: bool,
    argon2: &'a Argon2Params,
}

#[derive(Serialize)]
struct Changed {
    #[serde(skip_serializing_if = "Option::is_none")]
    added: Option<SlotId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    removed: Option<SlotId>,
}

pub(crate) fn run(app: &App, args: &Args) -> Result<Exit> {
    let repo = app.open_unread()?;
    match &args.verb {
        Verb::List => list(app, &key::list(&repo)?)?,
        Verb::Add { role, label, new } => {
            repo.need_full_key()?;
            let role = match role {
                RoleArg::Full => Role::Full,
                RoleArg::Write => Role::Write,
            };
            let password = new.read(app, "Password of the new key")?;
            let id = key::add(&repo, &password, role, label, key::tuned_argon2()?)?;
            changed(app, Some(id), None, &format!("added key {}, role {role}", short(&id)))?;
        }
        Verb::Remove { id } => {
            let id = key::remove(&repo, id)?;
            let mut words = format!("removed key {}", short(&id));
            if id == repo.slot() {
                words.push_str(", which was the one in use: its password opens this repository no more");
            }
            changed(app, None, Some(id), &words)?;
        }
        Verb::ChangePassword { new } => {
            let old = repo.slot();
            let password = new.read(app, "New password")?;
            let id = key::change_password(&repo, &password, key::tuned_argon2()?)?;
            changed(app, Some(id), Some(old), &format!("changed: key {} has the new password", short(&id)))?;
        }
    }
    Ok(Exit::Done)
}

fn changed(app: &App, added: Option<SlotId>, removed: Option<SlotId>, words: &str) -> Result<()> {
    match (app.output.json, app.output.quiet) {
        (true, _) => app.output.object(&Changed { added, removed }),
        (false, true) => Ok(()),
        (false, false) => app.output.lines([words]),
    }
}

fn list(app: &App, rows: &[KeyRow]) -> Result<()> {
    if app.output.json {
        let keys = rows.iter().map(|row| KeyView {
            id: row.id.to_string(),
            role: row.head.role,
            label: &row.head.label,
            created: utc(row.head.created),
            current: row.current,
            argon2: &row.head.argon2,
        });
        return app.output.object(&Listing { keys: keys.collect() });
    }
    let mut table = Table::new(&["ID", "Role", "Created", "Label", ""], &[]);
    for row in rows {
        table.row(vec![
            short(&row.id),
            row.head.role.to_string(),
            local(row.head.created),
            tame(&row.head.label),
            if row.current { "in use".to_owned() } else { String::new() },
        ]);
    }
    app.output.lines(table.lines())
}
