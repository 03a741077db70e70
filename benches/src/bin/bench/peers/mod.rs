//! The programs that are measured, and how each is told to do the same.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

mod borg;
mod bupstash;
mod dtrvault;
mod restic;
mod rustic;

/// What is backed up.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source<'a> {
    /// A folder that holds `docker/registry/v2`.
    Registry(&'a Path),
    /// A file whose bytes are one stream.
    Stream(&'a Path),
}

/// A repository of one program, and the home it runs in: caches begin cold.
#[derive(Debug)]
pub(crate) struct Site {
    /// A path, or a URL as the program writes it.
    pub(crate) repository: String,
    /// Settings, caches, logs.
    pub(crate) home: PathBuf,
    /// More environment: how to reach a server.
    pub(crate) environment: Vec<(String, String)>,
}

impl Site {
    /// A local one, in a new folder `at`.
    pub(crate) fn local(at: &Path) -> io::Result<Self> {
        let site = Self {
            repository: at.join("repository").to_string_lossy().into_owned(),
            home: at.join("home"),
            environment: Vec::new(),
        };
        fs::create_dir_all(&site.home)?;
        Ok(site)
    }

    /// `program`, with nothing of the user's own settings.
    fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().current_dir(&self.home);
        command.envs(std::env::vars_os().filter(|(name, _)| name == "PATH" || name == "TMPDIR"));
        command.env("HOME", &self.home).env("LANG", "C.UTF-8");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Where the words of programs go.
    pub(crate) fn log(&self) -> PathBuf {
        self.home.join("log")
    }
}

/// A backup program, or how one is told to do things.
pub(crate) trait Program: Send + Sync {
    /// As in the table.
    fn name(&self) -> &'static str;

    /// What it says of its version; an error when it is not there.
    fn version(&self) -> io::Result<String>;

    /// Makes the repository.
    fn init(&self, site: &Site) -> Vec<Command>;

    /// Backs up `source` as of day `day`.
    fn backup(&self, site: &Site, source: Source<'_>, day: u32) -> io::Result<Command>;

    /// Gives back what was backed up on day `day`: a registry into the folder `target`, which is
    /// there and empty; a stream to standard output.
    fn restore(&self, site: &Site, source: Source<'_>, target: &Path, day: u32) -> io::Result<Command>;

    /// Exit codes of a success.
    fn good(&self) -> &'static [i32] {
        &[0]
    }
}

/// dtrvault first, then its peers.
pub(crate) fn programs(binary: &Path, peers: &Path) -> Vec<Arc<dyn Program>> {
    let at = |name: &str| peers.join(name);
    vec![
        Arc::new(dtrvault::Dtrvault::new(binary)),
        Arc::new(restic::Restic(at("restic"))),
        Arc::new(rustic::Rustic(at("rustic"))),
        Arc::new(borg::Borg(at("borg"))),
        Arc::new(bupstash::Bupstash(at("bupstash"))),
    ]
}

/// A tag or a name for the snapshot of a day.
fn name_of(day: u32) -> String {
    format!("day{day}")
}

/// Gives a stream to a program's standard input.
fn with_input(mut command: Command, path: &Path) -> io::Result<Command> {
    command.stdin(File::open(path)?);
    Ok(command)
}
