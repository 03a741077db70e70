//! bupstash (<https://bupstash.io>), as it comes.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Program, Site, Source, name_of, with_input};
use crate::process::output;

/// bupstash at a path.
#[derive(Debug)]
pub(super) struct Bupstash(pub(super) PathBuf);

impl Bupstash {
    fn command(&self, site: &Site, verb: &str) -> Command {
        let mut command = site.command(&self.0);
        command.env("BUPSTASH_REPOSITORY", &site.repository);
        command.env("BUPSTASH_KEY", site.home.join("key")).arg(verb);
        command
    }
}

impl Program for Bupstash {
    fn name(&self) -> &'static str {
        "bupstash"
    }

    fn version(&self) -> io::Result<String> {
        output(Command::new(&self.0).arg("--version"))
    }

    fn init(&self, site: &Site) -> Vec<Command> {
        let mut key = site.command(&self.0);
        key.arg("new-key").arg("-o").arg(site.home.join("key"));
        vec![key, self.command(site, "init")]
    }

    fn backup(&self, site: &Site, source: Source<'_>, day: u32) -> io::Result<Command> {
        let mut command = self.command(site, "put");
        command.arg("--quiet").arg("--send-log").arg(site.home.join("sent"));
        command.arg(format!("day={}", name_of(day))).arg("::");
        match source {
            Source::Registry(path) => {
                command.arg(path);
                Ok(command)
            }
            Source::Stream(path) => {
                command.arg("-");
                with_input(command, path)
            }
        }
    }

    fn restore(&self, site: &Site, source: Source<'_>, target: &Path, day: u32) -> io::Result<Command> {
        let mut command =
            self.command(site, if matches!(source, Source::Registry(_)) { "restore" } else { "get" });
        command.arg("--quiet");
        if matches!(source, Source::Registry(_)) {
            command.args(["--ownership", "--into"]).arg(target);
        }
        command.arg(format!("day={}", name_of(day)));
        Ok(command)
    }
}
