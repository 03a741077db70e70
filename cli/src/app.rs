//! What a verb is given: settings, output, and the way to a repository.

use std::sync::Arc;
use std::time::Duration;

use dtrvault_ops::repo::{Backend, OpenOptions, RepoError, Repository};
use dtrvault_ops::{Cancel, Context, registry};
use dtrvault_store::{Store, StoreError, StoreOptions};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::env::Env;
use crate::error::{CliError, Result};
use crate::place::Place;
use crate::progress::Terminal;
use crate::render::Output;
use crate::settings::{Config, Flags, Settings, config};
use crate::signals;

/// How long somebody who does not answer at all is called.
const FIRST_CONTACT: Duration = Duration::from_secs(5);

/// One run of the program.
pub(crate) struct App {
    /// The environment.
    pub(crate) env: Env,
    /// What it goes by.
    pub(crate) settings: Settings,
    /// Where results go.
    pub(crate) output: Output,
    progress: Arc<Terminal>,
    cancel: Cancel,
    runtime: Runtime,
}

impl App {
    /// Gathers the settings and starts what runs beside the verb.
    ///
    /// # Errors
    /// [`CliError::Usage`] and those of the configuration; [`CliError::Setup`].
    pub(crate) fn new(flags: &Flags, output: Output) -> Result<Self> {
        let env = Env::of_process()?;
        let config = match config::path(&env) {
            Some(path) => Config::load(&path)?,
            None => Config::default(),
        };
        let nodename = rustix::system::uname();
        let nodename = nodename.nodename().to_string_lossy();
        let settings = Settings::resolve(flags, &env, &config, &nodename)?;
        let cancel = Cancel::default();
        signals::listen(cancel.clone())?;
        let workers = std::thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 4));
        let runtime = Builder::new_multi_thread().worker_threads(workers).enable_all().build();
        Ok(Self {
            env,
            settings,
            output,
            progress: Arc::new(Terminal::new(flags.quiet, flags.no_progress)),
            cancel,
            runtime: runtime.map_err(CliError::Setup)?,
        })
    }

    /// What the verbs of the engine are given.
    pub(crate) fn context(&self) -> Context {
        Context { progress: self.progress.clone(), cancel: self.cancel.clone() }
    }

    /// Takes progress off the screen, so that what is shown next stands alone.
    pub(crate) fn end_progress(&self) {
        self.progress.clear();
    }

    /// The runtime that talks to stores.
    pub(crate) fn handle(&self) -> &Handle {
        self.runtime.handle()
    }

    /// The repository's store, which must exist unless it is to be created.
    ///
    /// # Errors
    /// [`RepoError::NoRepository`] when there is no such folder; those of URLs.
    pub(crate) fn repo_store(&self, create_dir: bool) -> Result<Arc<dyn Store>> {
        let url = self.settings.repo()?;
        let options = StoreOptions { create_dir, ..self.settings.store_options() };
        match dtrvault_store::open(url, &options) {
            Err(StoreError::NoRoot { url }) => Err(RepoError::NoRepository { url }.into()),
            store => store.map_err(CliError::Store),
        }
    }

    /// A store as the rest of the engine uses it.
    pub(crate) fn backend(&self, store: Arc<dyn Store>) -> Backend {
        Backend::new(store, self.handle().clone())
    }

    /// Opens the repository, and reads what is new in its index.
    ///
    /// # Errors
    /// Those of the store, the password, and of opening.
    pub(crate) fn open(&self) -> Result<Repository> {
        let repo = self.open_as(Repository::open)?;
        self.context().warn_of_damaged_index(&repo);
        Ok(repo)
    }

    /// Opens the repository for what reads the index under a lease, or not at all.
    ///
    /// # Errors
    /// As [`App::open`].
    pub(crate) fn open_unread(&self) -> Result<Repository> {
        self.open_as(Repository::open_unread)
    }

    /// The password is asked for when it is known that there is something to be opened.
    fn open_as(
        &self,
        open: impl FnOnce(Backend, &[u8], OpenOptions) -> std::result::Result<Repository, RepoError>,
    ) -> Result<Repository> {
        let options = self.settings.open_options()?;
        let store = self.repo_store(false)?;
        let backend = self.backend(Arc::clone(&store));
        if !self.has_config()? {
            return Err(RepoError::NoRepository { url: store.url().to_owned() }.into());
        }
        let password = self.settings.password.read(store.url())?;
        Ok(open(backend, &password, options)?)
    }

    /// Whether the store holds a repository's config. The first contact with it, and so not
    /// as patient as what follows: when nobody answers, the address is most likely wrong.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) fn has_config(&self) -> Result<bool> {
        let options = self.settings.store_options();
        let options = StoreOptions { retry_time: options.retry_time.min(FIRST_CONTACT), ..options };
        let store = dtrvault_store::open(self.settings.repo()?, &options).map_err(CliError::Store)?;
        match self.handle().block_on(store.size(dtrvault_ops::format::names::CONFIG)) {
            Ok(_) => Ok(true),
            Err(StoreError::NotFound { .. } | StoreError::NoRoot { .. }) => Ok(false),
            Err(source) => Err(RepoError::Store { url: store.url().to_owned(), source }.into()),
        }
    }

    /// A registry's storage to read.
    ///
    /// # Errors
    /// Those of opening it.
    pub(crate) fn source(&self, text: &str) -> Result<Box<dyn registry::Source>> {
        match Place::parse(text)? {
            Place::Folder(path) => {
                let local = registry::source::Local::new(&path).map_err(dtrvault_ops::OpsError::Source)?;
                Ok(Box::new(local))
            }
            Place::Url(url) => {
                let store = self.other_store(&url)?;
                Ok(Box::new(registry::source::Bucket::new(store, self.handle().clone())))
            }
        }
    }

    /// A place to restore to.
    ///
    /// # Errors
    /// Those of opening it.
    pub(crate) fn target(&self, text: &str) -> Result<Box<dyn registry::Target>> {
        match Place::parse(text)? {
            Place::Folder(path) => Ok(Box::new(registry::target::Local::new(&path))),
            Place::Url(url) => {
                let store = self.other_store(&url)?;
                Ok(Box::new(registry::target::Bucket::new(store, self.handle().clone())))
            }
        }
    }

    fn other_store(&self, url: &str) -> Result<Arc<dyn Store>> {
        dtrvault_store::open(url, &self.settings.store_options()).map_err(CliError::Store)
    }
}

/// Threads for what reads or writes many files.
pub(crate) fn file_threads() -> usize {
    std::thread::available_parallelism().map_or(4, |cores| cores.get().clamp(2, 8))
}
