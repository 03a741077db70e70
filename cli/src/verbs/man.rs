//! `man`: writes the man pages.

use std::fs;
use std::path::PathBuf;

use clap::CommandFactory;

use crate::cli::Cli;
use crate::error::{CliError, Result};
use crate::exit::Exit;
use crate::render::Output;

/// Write the man pages into a folder
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  dtrvault man /usr/local/share/man/man1
  dtrvault man . && man ./dtrvault-snapshot.1")]
pub(crate) struct Args {
    /// The folder; it is created if need be
    dir: PathBuf,
}

pub(crate) fn run(args: &Args, output: Output) -> Result<Exit> {
    let fail = |source| CliError::Output { name: args.dir.display().to_string(), source };
    fs::create_dir_all(&args.dir).map_err(fail)?;
    // The generator leaves out the words of what the short help leaves out.
    let command = Cli::command().mut_args(|argument| argument.hide_short_help(false));
    clap_mangen::generate_to(command, &args.dir).map_err(fail)?;
    if !output.quiet && !output.json {
        output.lines([format!("wrote the man pages to {}", args.dir.display())])?;
    }
    Ok(Exit::Done)
}
