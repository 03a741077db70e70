//! borg (<https://www.borgbackup.org>), with zstd of level 3 as the others have, where it helps.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Program, Site, Source, name_of, with_input};
use crate::process::output;

/// borg at a path.
#[derive(Debug)]
pub(super) struct Borg(pub(super) PathBuf);

impl Borg {
    fn command(&self, site: &Site, verb: &str) -> Command {
        let mut command = site.command(&self.0);
        command.env("BORG_REPO", &site.repository).env("BORG_PASSPHRASE", "bench");
        command.env("BORG_BASE_DIR", site.home.join("borg")).arg(verb);
        command
    }
}

impl Program for Borg {
    fn name(&self) -> &'static str {
        "borg"
    }

    fn version(&self) -> io::Result<String> {
        output(Command::new(&self.0).arg("--version"))
    }

    fn init(&self, site: &Site) -> Vec<Command> {
        let mut command = self.command(site, "init");
        command.args(["--encryption", "repokey-blake2"]);
        vec![command]
    }

    fn backup(&self, site: &Site, source: Source<'_>, day: u32) -> io::Result<Command> {
        let mut command = self.command(site, "create");
        command.args(["--compression", "auto,zstd,3"]).arg(format!("::{}", name_of(day)));
        match source {
            Source::Registry(path) => {
                command.arg(".").current_dir(path);
                Ok(command)
            }
            Source::Stream(path) => {
                command.arg("-");
                with_input(command, path)
            }
        }
    }

    fn restore(&self, site: &Site, source: Source<'_>, target: &Path, day: u32) -> io::Result<Command> {
        let mut command = self.command(site, "extract");
        match source {
            Source::Registry(_) => command.current_dir(target),
            Source::Stream(_) => command.arg("--stdout"),
        };
        command.arg(format!("::{}", name_of(day)));
        Ok(command)
    }
}
