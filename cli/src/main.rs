//! `dtrvault`: the command line. Arguments, passwords, progress, results, exit codes; what a
//! verb does stands in `dtrvault-ops`.
//!
//! - `verbs`: one file a verb: its arguments, the call, what it shows.
//! - `settings`: flags over environment over `config.toml`; `password`: where one comes from.
//! - `render`: results for people and for programs; `progress`, `failure`: standard error.
//! - `verdict`, `exit`: what a failure means, as a hint and as an exit code.

mod app;
mod cli;
mod dtr;
mod env;
mod error;
mod exit;
mod failure;
mod password;
mod place;
mod progress;
mod render;
mod settings;
mod signals;
mod verbs;
mod verdict;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use crate::cli::Cli;
use crate::error::CliError;
use crate::exit::Exit;
use crate::render::Output;

/// It gives freed memory back at once, as `.cargo/config.toml` says; the system's own allocator
/// keeps it, and with it twice as much at the peak.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let exit = match Cli::try_parse() {
        Ok(cli) => run(&cli),
        Err(error) => refuse(&error),
    };
    ExitCode::from(exit.code())
}

fn run(cli: &Cli) -> Exit {
    let output = Output { json: cli.flags.json, quiet: cli.flags.quiet };
    match cli.run(output) {
        Ok(exit) => exit,
        Err(error) => failure::report(&error, output),
    }
}

/// Shows help, the version, or what is wrong with the command line.
fn refuse(error: &clap::Error) -> Exit {
    let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    let json = std::env::args_os().any(|arg| arg == "--json");
    if json && !asked {
        let message = error.to_string();
        // Behind the first empty line stand usage and tips, for people.
        let words = message.lines().take_while(|line| !line.is_empty()).map(str::trim);
        let message = words.collect::<Vec<_>>().join(" ").trim_start_matches("error: ").to_owned();
        let error = CliError::usage(message, "`dtrvault help` lists the verbs and flags");
        return failure::report(&error, Output { json, quiet: false });
    }
    // That nobody reads it changes nothing.
    drop(error.print());
    if asked { Exit::Done } else { Exit::Usage }
}
