//! `init`: creates a repository.

use dtrvault_ops::format::names::CONFIG;
use dtrvault_ops::init;
use dtrvault_ops::repo::{CreateOptions, RepoError};

use crate::app::App;
use crate::error::Result;
use crate::exit::Exit;

/// Create a repository
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Creates a repository at --repo, with one key of the role full. Refuses a place that \
                  holds one. On a terminal the password is asked for twice.",
    after_help = "\
Examples:
  dtrvault init --repo /backup/registry
  dtrvault init --repo s3://backups/registry --password-file /root/dtrvault.password"
)]
pub(crate) struct Args {
    /// Name of the first key, for `key list`
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true, value_parser = super::key::parse_label)]
    label: String,
}

pub(crate) fn run(app: &App, args: &Args) -> Result<Exit> {
    let url = app.settings.repo()?;
    // Before a password is thought of: is there one already?
    if let Ok(store) = app.repo_store(false)
        && app.has_config()?
    {
        return Err(RepoError::Exists { url: store.url().to_owned(), key: CONFIG.to_owned() }.into());
    }
    let hint = "set DTRVAULT_PASSWORD_FILE, DTRVAULT_PASSWORD_COMMAND or DTRVAULT_PASSWORD, or use \
                --password-file; there is no terminal to ask at";
    let password = app.settings.password.read_new(&format!("New password for {url}"), hint)?;
    let backend = app.backend(app.repo_store(true)?);
    let options = CreateOptions { label: args.label.clone(), ..CreateOptions::default() };
    let report = init::run(&backend, &password, &options)?;
    if app.output.json {
        app.output.object(&report)?;
    } else if app.output.quiet {
        app.output.lines([report.repository.to_string()])?;
    } else {
        app.output.lines([
            format!("created repository {}", report.repository),
            format!("at {}", report.location),
            String::new(),
            "Keep safe, and elsewhere than on this machine:".to_owned(),
            "  the password     without it nobody reads this repository again, not even you".to_owned(),
            "  config, keys/    a copy of these small objects guards against their loss; they".to_owned(),
            "                   are of no use without the password".to_owned(),
        ])?;
    }
    Ok(Exit::Done)
}
