//! The command line as a whole: its verbs, and the flags that all of them take.

use clap::{Parser, Subcommand};

use crate::app::App;
use crate::error::Result;
use crate::exit::{EXIT_CODES, Exit};
use crate::render::Output;
use crate::settings::Flags;
use crate::verbs;

const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (repository format 1)");

const AFTER_HELP: &str = "\
Examples:
  export DTRVAULT_REPO=/backup/registry DTRVAULT_PASSWORD_FILE=/root/dtrvault.password
  dtrvault init
  dtrvault snapshot --registry /var/lib/registry
  dtrvault snapshots
  dtrvault restore --snapshot latest --target /var/lib/registry-restored
  dtrvault check --read-data=10%

`dtrvault help VERB` says more of each verb, and `dtrvault --help` lists the exit codes.";

/// Deduplicating, encrypted backups of Docker registries
#[derive(Debug, Parser)]
#[command(
    name = "dtrvault",
    version = VERSION,
    propagate_version = false,
    arg_required_else_help = true,
    subcommand_value_name = "VERB",
    subcommand_help_heading = "Verbs",
    disable_help_subcommand = false,
    max_term_width = 100,
    after_help = AFTER_HELP,
    after_long_help = long_help(),
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) flags: Flags,
    #[command(subcommand)]
    verb: Verb,
}

fn long_help() -> String {
    format!("{AFTER_HELP}\n\n{EXIT_CODES}")
}

#[derive(Debug, Subcommand)]
enum Verb {
    Init(verbs::init::Args),
    Snapshot(Box<verbs::snapshot::Args>),
    Snapshots(verbs::snapshots::Args),
    Ls(verbs::ls::Args),
    Diff(verbs::diff::Args),
    Dtr(verbs::dtr::Args),
    Stats(verbs::stats::Args),
    Export(verbs::export::Args),
    Restore(Box<verbs::restore::Args>),
    Check(verbs::check::Args),
    Optimize(verbs::optimize::Args),
    RebuildIndex(verbs::rebuild_index::Args),
    Key(verbs::key::Args),
    Cat(verbs::cat::Args),
    Completions(verbs::completions::Args),
    Man(verbs::man::Args),
}

impl Cli {
    /// Runs the verb.
    pub(crate) fn run(&self, output: Output) -> Result<Exit> {
        // Those that need no settings must work without any, be they wrong.
        match &self.verb {
            Verb::Completions(args) => return verbs::completions::run(args),
            Verb::Man(args) => return verbs::man::run(args, output),
            _ => {}
        }
        let app = App::new(&self.flags, output)?;
        let done = match &self.verb {
            Verb::Init(args) => verbs::init::run(&app, args),
            Verb::Snapshot(args) => verbs::snapshot::run(&app, args),
            Verb::Snapshots(args) => verbs::snapshots::run(&app, args),
            Verb::Ls(args) => verbs::ls::run(&app, args),
            Verb::Diff(args) => verbs::diff::run(&app, args),
            Verb::Dtr(args) => verbs::dtr::run(&app, args),
            Verb::Stats(args) => verbs::stats::run(&app, args),
            Verb::Export(args) => verbs::export::run(&app, args),
            Verb::Restore(args) => verbs::restore::run(&app, args),
            Verb::Check(args) => verbs::check::run(&app, args),
            Verb::Optimize(args) => verbs::optimize::run(&app, args),
            Verb::RebuildIndex(args) => verbs::rebuild_index::run(&app, args),
            Verb::Key(args) => verbs::key::run(&app, args),
            Verb::Cat(args) => verbs::cat::run(&app, args),
            Verb::Completions(_) | Verb::Man(_) => Ok(Exit::Done),
        };
        app.end_progress();
        done
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> std::result::Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_verb_and_flag_is_explained_and_has_examples() {
        let mut command = Cli::command();
        command.build();
        for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help") {
            assert!(verb.get_about().is_some(), "{}", verb.get_name());
            assert!(verb.get_after_help().is_some(), "no examples of {}", verb.get_name());
            for argument in verb.get_arguments() {
                assert!(argument.get_help().is_some(), "{} {}", verb.get_name(), argument.get_id());
            }
        }
    }

    #[test]
    fn no_password_fits_on_the_command_line() {
        for line in ["dtrvault --password x snapshots", "dtrvault key add --new-password x"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn flags_stand_before_or_after_the_verb() {
        for line in ["dtrvault --repo r --json snapshots", "dtrvault snapshots --json -r r"] {
            let flags = parse(line).unwrap().flags;
            assert_eq!((flags.repo.as_deref(), flags.json), (Some("r"), true));
        }
        assert!(parse("dtrvault snapshots --password-file a --password-command b").is_err());
        assert!(parse("dtrvault restore --snapshot latest --include x").is_err());
        assert!(parse("dtrvault export").is_err());
        assert!(parse("dtrvault check --read-data=101%").is_err());
    }
}
