//! `completions`: what a shell needs to complete verbs and flags.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::error::{CliError, Result};
use crate::exit::Exit;

/// Write completions for a shell to standard output
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  dtrvault completions bash > /etc/bash_completion.d/dtrvault
  dtrvault completions zsh > /usr/local/share/zsh/site-functions/_dtrvault
  dtrvault completions fish > ~/.config/fish/completions/dtrvault.fish")]
pub(crate) struct Args {
    /// Which shell
    shell: Shell,
}

pub(crate) fn run(args: &Args) -> Result<Exit> {
    // The generator panics when it cannot write, so it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "dtrvault", &mut script);
    let mut out = io::stdout().lock();
    out.write_all(&script).and_then(|()| out.flush()).map_err(CliError::stdout)?;
    Ok(Exit::Done)
}
