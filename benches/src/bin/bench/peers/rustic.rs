//! rustic (<https://rustic.cli.rs>), as it comes. It writes restic's format.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Program, Site, Source, name_of, with_input};
use crate::process::output;

/// rustic at a path.
#[derive(Debug)]
pub(super) struct Rustic(pub(super) PathBuf);

impl Rustic {
    fn command(&self, site: &Site, verb: &str) -> Command {
        let mut command = site.command(&self.0);
        command.env("RUSTIC_REPOSITORY", &site.repository).env("RUSTIC_PASSWORD", "bench");
        command.env("RUSTIC_CACHE_DIR", site.home.join("cache")).env("RUSTIC_NO_PROGRESS", "true");
        command.arg(verb);
        command
    }
}

impl Program for Rustic {
    fn name(&self) -> &'static str {
        "rustic"
    }

    fn version(&self) -> io::Result<String> {
        output(Command::new(&self.0).arg("--version"))
    }

    fn init(&self, site: &Site) -> Vec<Command> {
        vec![self.command(site, "init")]
    }

    fn backup(&self, site: &Site, source: Source<'_>, day: u32) -> io::Result<Command> {
        let mut command = self.command(site, "backup");
        command.args(["--host", "bench", "--tag", &name_of(day)]);
        match source {
            Source::Registry(path) => {
                command.arg(path);
                Ok(command)
            }
            Source::Stream(path) => {
                // Else a stream is taken for unchanged when it is as long as yesterday's.
                command.args(["--force", "--stdin-filename", "backup.tar", "-"]);
                with_input(command, path)
            }
        }
    }

    fn restore(&self, site: &Site, source: Source<'_>, target: &Path, day: u32) -> io::Result<Command> {
        let filter = name_of(day);
        Ok(match source {
            Source::Registry(path) => {
                let mut command = self.command(site, "restore");
                command.args(["--filter-tags", &filter, &format!("latest:{}", path.display())]).arg(target);
                command
            }
            Source::Stream(_) => {
                let mut command = self.command(site, "dump");
                command.args(["--filter-tags", &filter, "latest:backup.tar"]);
                command
            }
        })
    }
}
