//! The binary in an environment that holds nothing of the machine's own.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::binary;
use crate::run::Run;
use crate::shapes;

/// Password of every repository of the tests, unless a test says otherwise.
const PASSWORD: &str = "correct horse battery staple";

/// A place to work in, a repository's URL, a password, a cache: an operator's environment.
pub struct Vault {
    dir: TempDir,
    env: Vec<(String, String)>,
}

impl Vault {
    /// An environment whose repository does not exist yet.
    ///
    /// # Panics
    ///
    /// When there is no room for a temporary folder.
    pub fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("dtrvault-test-").tempdir().unwrap();
        for folder in ["home", "tmp"] {
            std::fs::create_dir(dir.path().join(folder)).unwrap();
        }
        let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
        let env = [
            ("HOME", at("home")),
            ("TMPDIR", at("tmp")),
            ("XDG_CONFIG_HOME", at("home/config")),
            ("XDG_CACHE_HOME", at("home/cache")),
            ("DTRVAULT_CACHE_DIR", at("cache")),
            ("DTRVAULT_REPO", at("repo")),
            ("DTRVAULT_PASSWORD", PASSWORD.to_owned()),
            ("PATH", std::env::var("PATH").unwrap()),
            ("TZ", "UTC".to_owned()),
            ("LC_ALL", "C.UTF-8".to_owned()),
        ];
        let env = env.map(|(name, value)| (name.to_owned(), value)).to_vec();
        Self { dir, env }
    }

    /// An environment with a new repository.
    pub fn init() -> Self {
        let vault = Self::new();
        vault.run(["init"]).ok();
        vault
    }

    /// Sets a variable, or takes it away.
    pub fn set<'v>(&mut self, name: &str, value: impl Into<Option<&'v str>>) {
        self.env.retain(|(known, _)| known != name);
        if let Some(value) = value.into() {
            self.env.push((name.to_owned(), value.to_owned()));
        }
    }

    /// A path in the place to work in.
    pub fn at(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The repository's folder, when it is a local one.
    pub fn repo(&self) -> PathBuf {
        self.at("repo")
    }

    /// The cache folder.
    pub fn cache(&self) -> PathBuf {
        self.at("cache")
    }

    /// Objects below a folder of the local repository, sorted.
    pub fn objects(&self, folder: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.repo().join(folder)];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten() {
                let entry = entry.unwrap();
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                } else {
                    found.push(entry.path());
                }
            }
        }
        found.sort();
        found
    }

    /// The command line, ready to be changed and run.
    pub fn command<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Command {
        self.command_of(binary(), args)
    }

    /// The same with another copy of the binary.
    pub fn command_of<A: AsRef<OsStr>>(&self, binary: &Path, args: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(binary);
        command
            .args(args)
            .env_clear()
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs a command line to its end.
    pub fn run<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Run {
        finish(self.command(args), &[])
    }

    /// Runs a command line with something on standard input.
    pub fn feed<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>, input: &[u8]) -> Run {
        let mut command = self.command(args);
        command.stdin(Stdio::piped());
        finish(command, input)
    }

    /// Runs a command line that must end within `limit`, so that a hang is a failure.
    ///
    /// # Panics
    ///
    /// When it does not end.
    #[track_caller]
    pub fn run_within<A: AsRef<OsStr>>(&self, limit: Duration, args: impl IntoIterator<Item = A>) -> Run {
        let command = self.command(args);
        let line = shown(&command);
        let Some(run) = end_within(command, &line, limit) else {
            panic!("{line} hangs: it has not ended within {limit:?}");
        };
        run
    }

    /// Starts a command line and does not wait.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn start<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Child {
        self.command(args).spawn().unwrap()
    }

    /// Waits for what [`Vault::start`] started.
    ///
    /// # Panics
    ///
    /// When waiting fails.
    pub fn wait(child: Child) -> Run {
        Run::new("a started run".to_owned(), child.wait_with_output().unwrap())
    }

    /// Ids of the snapshots, oldest first.
    pub fn ids(&self) -> Vec<String> {
        let listed = self.run(["snapshots", "--json"]).ok().json();
        shapes::snapshots(&listed).iter().map(|snapshot| shapes::text(snapshot, "id")).collect()
    }

    /// Stores a metadata stream; asserts that it went well, and gives it back from `export`.
    pub fn round_trip(&self, metadata: &[u8]) -> Vec<u8> {
        let file = self.at("metadata-in");
        std::fs::write(&file, metadata).unwrap();
        self.run([OsStr::new("snapshot"), OsStr::new("--metadata"), file.as_os_str()]).ok();
        self.run(["export", "--tar"]).ok().stdout
    }
}

impl Default for Vault {
    fn default() -> Self {
        Self::new()
    }
}

/// A command line for messages: without the environment, which is shown before the program.
fn shown(command: &Command) -> String {
    let line = format!("{command:?}");
    line.split_once("dtrvault\"").map_or(line.clone(), |(_, args)| format!("dtrvault{args}"))
}

/// Runs a prepared command; kills it when it has not ended by then.
fn end_within(mut command: Command, line: &str, limit: Duration) -> Option<Run> {
    let child = command.spawn().expect("dtrvault starts");
    let pid = rustix::process::Pid::from_child(&child);
    let (sender, ended) = std::sync::mpsc::channel();
    let waiter = std::thread::spawn(move || sender.send(child.wait_with_output()));
    let output = ended.recv_timeout(limit).ok();
    if output.is_none() {
        // It may have ended this very moment, and nobody has its number yet.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
    let _ = waiter.join();
    output.map(|output| Run::new(line.to_owned(), output.unwrap()))
}

/// Runs a prepared command, feeding it from a thread of its own.
fn finish(mut command: Command, input: &[u8]) -> Run {
    let line = shown(&command);
    let mut child = command.spawn().expect("dtrvault starts");
    let stdin = child.stdin.take();
    std::thread::scope(|scope| {
        if let Some(mut stdin) = stdin {
            // A run that refuses its input closes the pipe early: not this thread's business.
            scope.spawn(move || drop(stdin.write_all(input)));
        }
        Run::new(line, child.wait_with_output().unwrap())
    })
}
