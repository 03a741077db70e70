//! `destroy` and `restore`: what is left of a replica is taken away, and a new one installed
//! from a metadata tar.

use std::io::Read;
use std::time::Duration;

use crate::command::{Command, Surroundings};
use crate::engine::Engine;
use crate::error::Result;
use crate::flags::{CONFIG_ONLY, STORAGE_CHOICE};
use crate::names::ReplicaId;
use crate::secret::Secret;
use crate::ucp::Ucp;
use crate::version::Version;

/// Where the new replica keeps image content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewStorage {
    /// In a volume called after the replica.
    Default,
    /// In a volume of that name.
    Volume(String),
    /// On an NFS server, by its URL.
    Nfs(String),
}

impl NewStorage {
    /// Its kind in a word, as [`crate::Storage::kind`] has it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Default | Self::Volume(_) => "volume",
            Self::Nfs(_) => "nfs",
        }
    }

    /// The volume that a replica of that id will have.
    #[must_use]
    pub fn volume(&self, replica: &ReplicaId) -> String {
        match self {
            Self::Default => replica.registry_volume(),
            Self::Volume(name) => name.clone(),
            Self::Nfs(_) => replica.nfs_volume(),
        }
    }

    fn arguments(&self) -> Vec<String> {
        match self {
            Self::Default => vec!["--dtr-use-default-storage".to_owned()],
            Self::Volume(name) => vec!["--dtr-storage-volume".to_owned(), name.clone()],
            Self::Nfs(url) => vec!["--nfs-storage-url".to_owned(), url.clone()],
        }
    }
}

/// How a replica is to be installed from a tar.
#[derive(Clone)]
pub struct InstallOptions {
    /// The image.
    pub image: String,
    /// Its version.
    pub version: Version,
    /// The account that may.
    pub ucp: Ucp,
    /// The id that the replica will have.
    pub replica: ReplicaId,
    /// Where it keeps image content.
    pub storage: NewStorage,
    /// Take nothing but the configuration out of the tar.
    pub config_only: bool,
    /// Let it say more.
    pub debug: bool,
    /// More of its flags.
    pub arguments: Vec<String>,
    /// More of its environment: what must not be seen among arguments, such as a private key.
    pub variables: Vec<(String, Secret)>,
    /// How long it may say nothing.
    pub patience: Duration,
}

impl InstallOptions {
    /// The command that installs.
    ///
    /// # Errors
    /// [`crate::DtrError::NoSuchFlag`].
    pub fn command(&self) -> Result<Command> {
        let mut arguments = vec!["restore".to_owned(), "--replica-id".to_owned(), self.replica.to_string()];
        // Before a choice was asked for, the default was what came without one.
        if self.storage != NewStorage::Default || self.version >= STORAGE_CHOICE.since {
            arguments.extend(self.storage.arguments());
        }
        if self.config_only {
            arguments.push(CONFIG_ONLY.of(self.version)?);
        }
        if self.debug {
            arguments.push("--debug".to_owned());
        }
        arguments.extend(self.arguments.iter().cloned());
        let mut variables = self.ucp.variables();
        variables.extend(self.variables.iter().cloned());
        Ok(Command { image: self.image.clone(), arguments, variables })
    }

    /// The command that takes away what is left of the replica.
    #[must_use]
    pub fn destroy_command(&self) -> Command {
        let arguments = vec!["destroy".to_owned(), "--replica-id".to_owned(), self.replica.to_string()];
        Command { image: self.image.clone(), arguments, variables: self.ucp.variables() }
    }

    /// Takes away what is left of the replica: containers and volumes, image content included.
    ///
    /// # Errors
    /// What the command says, or the engine.
    pub fn destroy(&self, engine: &Engine, around: &Surroundings) -> Result<()> {
        self.destroy_command().run(engine, self.patience, around)
    }

    /// Installs the replica from `tar`. `sent` is told of every piece of it that was taken.
    ///
    /// # Errors
    /// What the command says, the engine, or `tar`.
    pub fn install(
        &self,
        engine: &Engine,
        tar: impl Read,
        sent: &dyn Fn(u64),
        around: &Surroundings,
    ) -> Result<()> {
        self.command()?.feed(engine, tar, sent, self.patience, around)
    }
}
