//! One run of the bench: who is measured, where, and what came out so far.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use crate::folder::{content, same, warm};
use crate::peers::{Program, Site, Source};
use crate::process::{Usage, run, settle};
use crate::results::{Key, Record, Results, Stored};
use crate::scale::Scale;

/// The run.
pub(crate) struct Bench {
    /// Those that are there; dtrvault first.
    pub(crate) programs: Vec<Arc<dyn Program>>,
    /// dtrvault, for commands that its peers do not have.
    pub(crate) binary: PathBuf,
    /// An S3 server's program, if it is there.
    pub(crate) s3: PathBuf,
    /// Folder for data and repositories, on the disk that is measured.
    pub(crate) work: PathBuf,
    pub(crate) scale: Scale,
    pub(crate) results: Results,
    /// States of a registry, one after the other; none to have some made.
    pub(crate) registries: Vec<PathBuf>,
    /// Steps that are wanted; an empty set is all.
    pub(crate) wanted: BTreeSet<String>,
}

impl Bench {
    /// Whether a scenario was asked for by name.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.wanted.is_empty() || self.wanted.contains(name)
    }

    /// An empty folder of the work folder.
    pub(crate) fn fresh(&self, name: &str) -> io::Result<PathBuf> {
        let path = self.work.join(name);
        remove(&path)?;
        fs::create_dir_all(&path)?;
        Ok(path)
    }

    /// dtrvault, for what only it is measured by; none when it was not asked for.
    pub(crate) fn dtrvault(&self) -> Option<Arc<dyn Program>> {
        self.programs.iter().find(|program| program.name() == "dtrvault").cloned()
    }

    /// Notes which S3 server was used.
    pub(crate) fn note_server(&mut self, name: &str) {
        let line = ("S3 server".to_owned(), name.to_owned());
        if !self.results.versions.contains(&line) {
            self.results.versions.push(line);
        }
    }

    /// Says what is going on.
    #[allow(clippy::print_stderr, clippy::unused_self)]
    pub(crate) fn say(&self, words: &str) {
        eprintln!("{words}");
    }

    /// Lets each program do `work` in a site of its own, `rounds` times, one after another in
    /// each round, so that whatever else the machine does hits all alike. A program that fails
    /// is said so and left out from then on.
    pub(crate) fn each_program(
        &mut self,
        scenario: &str,
        rounds: u32,
        work: impl Fn(&mut Self, &dyn Program, &Site) -> io::Result<()>,
    ) -> io::Result<()> {
        let programs = self.programs.clone();
        let mut failed = BTreeSet::new();
        for round in 1..=rounds {
            for program in &programs {
                let name = program.name();
                if failed.contains(name) {
                    continue;
                }
                self.say(&format!("{scenario}, round {round} of {rounds}: {name}"));
                let site = Site::local(&self.fresh("site")?)?;
                if let Err(error) = self.with_site(program.as_ref(), &site, &work) {
                    failed.insert(name);
                    self.failed(&format!("{name}, {scenario}"), &error);
                }
            }
        }
        remove(&self.work.join("site"))
    }

    fn with_site(
        &mut self,
        program: &dyn Program,
        site: &Site,
        work: impl Fn(&mut Self, &dyn Program, &Site) -> io::Result<()>,
    ) -> io::Result<()> {
        self.init(program, site)?;
        work(self, program, site)
    }

    /// Makes the repository of a site.
    pub(crate) fn init(&self, program: &dyn Program, site: &Site) -> io::Result<()> {
        program.init(site).iter_mut().try_for_each(|command| run(command, &site.log(), None, &[0]).map(drop))
    }

    /// Notes that something could not be measured, and says so at once.
    pub(crate) fn failed(&mut self, what: &str, error: &io::Error) {
        self.say(&format!("FAILED: {what}: {error}"));
        self.results.failures.push((what.to_owned(), error.to_string()));
    }

    /// Measures a backup of a source that is in memory.
    pub(crate) fn backup<'a>(
        &'a mut self,
        key: &Key,
        program: &dyn Program,
        site: &Site,
        source: Source<'_>,
        day: u32,
    ) -> io::Result<&'a mut Record> {
        let (Source::Registry(path) | Source::Stream(path)) = source;
        warm(path)?;
        let data = if path.is_file() { fs::metadata(path)?.len() } else { content(path)?.bytes };
        let repository = Path::new(&site.repository);
        let before = stored(repository, 0)?;
        let mut command = program.backup(site, source, day)?;
        let usage = self.run(&mut command, &site.log(), None, program.good())?;
        let after = stored(repository, before.map_or(0, |before| before.bytes))?;
        Ok(self.results.add(key, data, usage, after))
    }

    /// Measures a restore of a repository that is in memory, and looks at what came back: names
    /// and lengths of a registry, every byte of a stream.
    pub(crate) fn restore<'a>(
        &'a mut self,
        key: &Key,
        program: &dyn Program,
        site: &Site,
        source: Source<'_>,
        day: u32,
    ) -> io::Result<&'a mut Record> {
        let repository = Path::new(&site.repository);
        if stored(repository, 0)?.is_some() {
            warm(repository)?;
        }
        let target = self.fresh("target")?;
        let mut command = program.restore(site, source, &target, day)?;
        let (usage, data) = match source {
            Source::Registry(path) => {
                let usage = self.run(&mut command, &site.log(), None, program.good())?;
                let (expected, found) = (content(path)?, content(&target)?);
                if expected != found {
                    let words = format!("restored {found:?} instead of {expected:?}");
                    return Err(io::Error::other(words));
                }
                (usage, expected.bytes)
            }
            Source::Stream(path) => {
                let out = target.join("out.tar");
                let usage = self.run(&mut command, &site.log(), Some(File::create(&out)?), program.good())?;
                if !same(path, &out)? {
                    return Err(io::Error::other("the stream that came back is another one"));
                }
                (usage, fs::metadata(&out)?.len())
            }
        };
        remove(&target)?;
        Ok(self.results.add(key, data, usage, None))
    }

    /// Measures a command, and says what it took; arguments as of [`run`].
    pub(crate) fn run(
        &self,
        command: &mut Command,
        log: &Path,
        out: Option<File>,
        good: &[i32],
    ) -> io::Result<Usage> {
        if self.scale.settle {
            settle();
        }
        let mut usage = run(command, log, out, good)?;
        if self.scale.settle {
            usage.sync_s = settle();
        }
        self.say(&format!(
            "  {:.2} s, {:.2} s of processors, {} MiB",
            usage.wall_s,
            usage.cpu_s,
            usage.peak_rss_bytes >> 20
        ));
        Ok(usage)
    }
}

/// What a local repository holds; nothing is known of one on a server.
pub(crate) fn stored(path: &Path, before: u64) -> io::Result<Option<Stored>> {
    if !path.is_absolute() || !path.exists() {
        return Ok(None);
    }
    let found = content(path)?;
    Ok(Some(Stored {
        bytes: found.bytes,
        added_bytes: found.bytes.saturating_sub(before),
        files: found.files,
    }))
}

/// Removes a folder, if there is one.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
