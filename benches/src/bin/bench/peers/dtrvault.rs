//! dtrvault.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::{Program, Site, Source, name_of};
use crate::process::output;

/// dtrvault itself.
#[derive(Debug)]
pub(crate) struct Dtrvault {
    binary: PathBuf,
}

impl Dtrvault {
    pub(crate) fn new(binary: &Path) -> Self {
        Self { binary: binary.to_owned() }
    }

    fn command(&self, site: &Site, verb: &str) -> Command {
        let mut command = site.command(&self.binary);
        command.env("DTRVAULT_REPO", &site.repository).env("DTRVAULT_PASSWORD", "bench");
        command.env("DTRVAULT_CACHE_DIR", site.home.join("cache")).args([verb, "--quiet"]);
        command
    }

    fn id(&self, site: &Site, day: u32) -> io::Result<String> {
        let list = output(self.command(site, "snapshots").arg("--json"))?;
        let list: Value = serde_json::from_str(&list)?;
        let named = Value::from(name_of(day));
        let has = |one: &&Value| one["tags"].as_array().is_some_and(|tags| tags.contains(&named));
        let found = list["snapshots"].as_array().into_iter().flatten().rfind(has);
        let id = found.and_then(|one| one["id"].as_str());
        id.map(str::to_owned).ok_or_else(|| io::Error::other(format!("no snapshot of day {day}: {list}")))
    }
}

impl Program for Dtrvault {
    fn name(&self) -> &'static str {
        "dtrvault"
    }

    fn version(&self) -> io::Result<String> {
        output(Command::new(&self.binary).arg("--version"))
    }

    fn init(&self, site: &Site) -> Vec<Command> {
        vec![self.command(site, "init")]
    }

    fn backup(&self, site: &Site, source: Source<'_>, day: u32) -> io::Result<Command> {
        let mut command = self.command(site, "snapshot");
        command.args(["--host", "bench", "--tag", &name_of(day)]);
        match source {
            Source::Registry(path) => command.arg("--registry").arg(path),
            Source::Stream(path) => command.arg("--metadata").arg(path),
        };
        Ok(command)
    }

    fn restore(&self, site: &Site, source: Source<'_>, target: &Path, day: u32) -> io::Result<Command> {
        let id = self.id(site, day)?;
        Ok(match source {
            Source::Registry(_) => {
                let mut command = self.command(site, "restore");
                command.args(["--snapshot", &id, "--target"]).arg(target);
                command
            }
            Source::Stream(_) => {
                let mut command = self.command(site, "export");
                command.args(["--tar", "--snapshot", &id]);
                command
            }
        })
    }

    /// 3: what links name is not all there, which is so in some of the registries made up here.
    fn good(&self) -> &'static [i32] {
        &[0, 3]
    }
}
