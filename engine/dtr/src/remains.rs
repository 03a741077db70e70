//! What stands of a replica, and how it is taken away without DTR's help.

use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListVolumesOptions, RemoveContainerOptionsBuilder, RemoveVolumeOptions,
};

use crate::engine::Engine;
use crate::error::{DtrError, Result};
use crate::names::{self, ReplicaId};

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

    /// Removes all of it by the engine: what an installation leaves that failed.
    ///
    /// # Errors
    /// What the engine says.
    pub fn remove(&self, engine: &Engine) -> Result<()> {
        let force = RemoveContainerOptionsBuilder::default().force(true).build();
        for container in &self.containers {
            let call = engine.docker().remove_container(container, Some(force.clone()));
            gone(engine.handle().block_on(call), || format!("remove container {container}"))?;
        }
        for volume in &self.volumes {
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
