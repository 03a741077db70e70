//! `destroy` and `restore`: what is left of a replica is taken away, and a new one installed
//! from a metadata tar.

use std::io::Read;
use std::time::Duration;

use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListVolumesOptions, RemoveContainerOptionsBuilder, RemoveVolumeOptions,
};

use crate::command::{Command, Surroundings};
use crate::engine::Engine;
use crate::error::{DtrError, Result};
use crate::flags::{CONFIG_ONLY, STORAGE_CHOICE};
use crate::names::{self, ReplicaId};
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
    /// [`DtrError::NoSuchFlag`].
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

/// What stands of a replica, healthy or not.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Remains {
    /// Names of its containers.
    pub containers: Vec<String>,
    /// Names of its volumes.
    pub volumes: Vec<String>,
}

impl Remains {
    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.containers.is_empty() && self.volumes.is_empty()
    }

    /// Looks for containers and volumes by their names.
    ///
    /// # Errors
    /// What the engine says.
    pub fn find(engine: &Engine, replica: &ReplicaId) -> Result<Self> {
        let every = ListContainersOptionsBuilder::default().all(true).build();
        let containers = engine.wait("list containers", engine.docker().list_containers(Some(every)))?;
        let names = containers.into_iter().flat_map(|container| container.names.unwrap_or_default());
        let ours = names.filter(|name| names::container(name).is_some_and(|name| name.replica == *replica));
        let mut containers: Vec<_> = ours.map(|name| name.trim_start_matches('/').to_owned()).collect();
        let all = engine.wait("list volumes", engine.docker().list_volumes(None::<ListVolumesOptions>))?;
        let all = all.volumes.unwrap_or_default().into_iter().map(|volume| volume.name);
        let mut volumes: Vec<_> = all.filter(|name| is_volume_of(name, replica)).collect();
        containers.sort();
        volumes.sort();
        Ok(Self { containers, volumes })
    }

    /// Removes all of it by the engine but the volume `kept`: what an installation leaves that failed.
    ///
    /// # Errors
    /// What the engine says.
    pub fn remove_but(&self, engine: &Engine, kept: &str) -> Result<()> {
        let force = RemoveContainerOptionsBuilder::default().force(true).build();
        for container in &self.containers {
            let call = engine.docker().remove_container(container, Some(force.clone()));
            gone(engine.handle().block_on(call), || format!("remove container {container}"))?;
        }
        for volume in self.volumes.iter().filter(|volume| *volume != kept) {
            let call = engine.docker().remove_volume(volume, None::<RemoveVolumeOptions>);
            gone(engine.handle().block_on(call), || format!("remove volume {volume}"))?;
        }
        Ok(())
    }
}

/// Whether a volume is called as DTR calls those of a replica.
fn is_volume_of(name: &str, replica: &ReplicaId) -> bool {
    let part = name.strip_prefix("dtr-").and_then(|rest| rest.strip_suffix(replica.as_str()));
    part.and_then(|part| part.strip_suffix('-')).is_some_and(|part| !part.is_empty())
}

fn gone(
    done: std::result::Result<(), bollard::errors::Error>,
    action: impl FnOnce() -> String,
) -> Result<()> {
    match done {
        Ok(()) => Ok(()),
        Err(error) if DtrError::is_absence(&error) => Ok(()),
        Err(error) => Err(DtrError::engine(action())(error)),
    }
}

/// What an image says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFacts {
    /// The version of DTR, by its label, its environment, or its tag.
    pub version: Option<Version>,
}

impl ImageFacts {
    /// Looks at an image of the engine.
    ///
    /// # Errors
    /// [`DtrError::NoImage`]; what the engine says.
    pub fn of(engine: &Engine, image: &str) -> Result<Self> {
        let inside = match engine.handle().block_on(engine.docker().inspect_image(image)) {
            Ok(inside) => inside,
            Err(error) if DtrError::is_absence(&error) => {
                return Err(DtrError::NoImage { image: image.to_owned() });
            }
            Err(error) => return Err(DtrError::engine(format!("look at image {image}"))(error)),
        };
        let config = inside.config.unwrap_or_default();
        let label = config.labels.as_ref().and_then(|labels| labels.get(names::VERSION_LABEL)).cloned();
        let variable = config.env.iter().flatten().find_map(|variable| {
            let (name, value) = variable.split_once('=')?;
            (name == names::VERSION_VARIABLE).then(|| value.to_owned())
        });
        let tag = image.rsplit_once(':').map(|(_, tag)| tag.to_owned());
        let version = [label, variable, tag].into_iter().flatten().find_map(|text| text.parse().ok());
        Ok(Self { version })
    }
}

/// Where the engine keeps its volumes, when it is on this machine.
///
/// # Errors
/// What the engine says.
pub fn data_folder(engine: &Engine) -> Result<Option<std::path::PathBuf>> {
    let info = engine.wait("say where it keeps data", engine.docker().info())?;
    Ok(info.docker_root_dir.filter(|_| engine.is_local()).map(Into::into))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn volumes_are_known_by_their_names() {
        let id: ReplicaId = "0123456789ab".parse().unwrap();
        assert!(is_volume_of("dtr-nfs-registry-0123456789ab", &id));
        assert!(is_volume_of("dtr-ca-0123456789ab", &id));
        assert!(!is_volume_of("dtr-0123456789ab", &id));
        assert!(!is_volume_of("dtr-ca-0123456789ac", &id));
        assert!(!is_volume_of("acme", &id));
    }
}
