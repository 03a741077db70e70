//! restic (<https://restic.net>), as it comes.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Program, Site, Source, name_of, with_input};
use crate::process::output;

/// restic at a path.
#[derive(Debug)]
pub(super) struct Restic(pub(super) PathBuf);

impl Restic {
    fn command(&self, site: &Site) -> Command {
        let mut command = site.command(&self.0);
        command.env("RESTIC_REPOSITORY", &site.repository).env("RESTIC_PASSWORD", "bench");
        command.env("RESTIC_CACHE_DIR", site.home.join("cache")).arg("--quiet");
        command
    }
}

impl Program for Restic {
    fn name(&self) -> &'static str {
        "restic"
    }

    fn version(&self) -> io::Result<String> {
        output(Command::new(&self.0).arg("version"))
    }

    fn init(&self, site: &Site) -> Vec<Command> {
        let mut command = self.command(site);
        command.arg("init");
        vec![command]
    }

    fn backup(&self, site: &Site, source: Source<'_>, day: u32) -> io::Result<Command> {
        let mut command = self.command(site);
        command.args(["backup", "--host", "bench", "--tag", &name_of(day)]);
        match source {
            Source::Registry(path) => {
                command.arg(".").current_dir(path);
                Ok(command)
            }
            Source::Stream(path) => {
                command.args(["--stdin", "--stdin-filename", "backup.tar"]);
                with_input(command, path)
            }
        }
    }

    fn restore(&self, site: &Site, source: Source<'_>, target: &Path, day: u32) -> io::Result<Command> {
        let mut command = self.command(site);
        match source {
            // What is in a folder given as `.` stands at the snapshot's root.
            Source::Registry(_) => {
                command.args(["restore", "latest", "--tag", &name_of(day), "--target"]).arg(target)
            }
            Source::Stream(_) => command.args(["dump", "latest", "--tag", &name_of(day), "/backup.tar"]),
        };
        Ok(command)
    }
}
