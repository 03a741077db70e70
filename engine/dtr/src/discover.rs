//! Finds a DTR on a Docker Engine: by the labels of its containers, then by their names.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use bollard::models::{ContainerInspectResponse, ContainerSummary, ContainerSummaryStateEnum, Volume};
use bollard::query_parameters::{InspectContainerOptions, ListContainersOptionsBuilder, ListVolumesOptions};

use crate::cluster::{Cluster, Part, Replica, Storage};
use crate::engine::Engine;
use crate::error::{DtrError, Result};
use crate::names::{
    self, PROJECT_LABEL, REPLICA_LABEL, ReplicaId, STORAGE_MOUNT, VERSION_LABEL, VERSION_VARIABLE,
};

/// The port of nginx within its container.
const HTTPS: u16 = 443;
/// Names of the variable by which `distribution` is told its storage driver begin so.
const STORAGE_VARIABLE: &str = "REGISTRY_STORAGE";

/// Looks at all containers of the engine.
///
/// # Errors
/// [`DtrError::NoDtr`] when none is of a DTR; what the engine says.
pub fn discover(engine: &Engine) -> Result<Cluster> {
    let mut found: BTreeMap<ReplicaId, Replica> = BTreeMap::new();
    let every = ListContainersOptionsBuilder::default().all(true).build();
    for container in engine.wait("list containers", engine.docker().list_containers(Some(every)))? {
        let Some((name, summary)) = named(container) else { continue };
        let replica = found.entry(name.replica.clone()).or_insert_with(|| bare(name.replica.clone()));
        take_in(replica, &name, summary);
    }
    if found.is_empty() {
        return Err(DtrError::NoDtr { host: engine.host().to_owned() });
    }
    let volumes = engine.wait("list volumes", engine.docker().list_volumes(None::<ListVolumesOptions>))?;
    let volumes: HashMap<_, _> =
        volumes.volumes.unwrap_or_default().into_iter().map(|volume| (volume.name.clone(), volume)).collect();
    for replica in found.values_mut() {
        look_inside(engine, replica, &volumes)?;
    }
    Ok(Cluster { id: cluster_id(engine)?, replicas: found.into_values().collect() })
}

/// Id of the UCP or MKE cluster that an engine is in, which is that of its swarm; only managers know it.
///
/// # Errors
/// What the engine says.
pub fn cluster_id(engine: &Engine) -> Result<Option<String>> {
    let info = engine.wait("say which cluster it is in", engine.docker().info())?;
    let swarm = info.swarm.and_then(|swarm| swarm.cluster).and_then(|cluster| cluster.id);
    Ok(swarm.filter(|id| !id.is_empty()))
}

fn bare(id: ReplicaId) -> Replica {
    Replica {
        id,
        version: None,
        image: None,
        node: None,
        parts: BTreeMap::new(),
        storage: Storage::Unknown,
        https_port: None,
    }
}

/// What a container's labels say it is, or else its name.
fn named(container: ContainerSummary) -> Option<(names::ContainerName, ContainerSummary)> {
    let mut name = container.names.iter().flatten().find_map(|name| names::container(name))?;
    let label = |key| container.labels.as_ref().and_then(|labels| labels.get(key));
    // The project is called after the replica, with or without a word before its id.
    let labelled = label(REPLICA_LABEL).and_then(|id| id.parse().ok()).or_else(|| {
        let project = label(PROJECT_LABEL)?;
        project.rsplit(['-', '_']).next()?.parse().ok()
    });
    if let Some(replica) = labelled {
        name.replica = replica;
    }
    Some((name, container))
}

fn take_in(replica: &mut Replica, name: &names::ContainerName, container: ContainerSummary) {
    let status = container.status.unwrap_or_default();
    let running = container.state == Some(ContainerSummaryStateEnum::RUNNING);
    let healthy = running && !status.contains("(unhealthy)");
    let part = Part { container: container.id.unwrap_or_default(), healthy, status };
    let version = container.labels.as_ref().and_then(|labels| labels.get(VERSION_LABEL));
    if let Some(version) = version.and_then(|version| version.parse().ok()) {
        replica.version = Some(version);
    }
    let program = container.image.as_deref().and_then(|image| names::program_image(image, name.part));
    replica.image = replica.image.take().or(program);
    replica.node = replica.node.take().or_else(|| name.node.clone());
    if name.part == "nginx" {
        let port = container.ports.iter().flatten().find(|port| port.private_port == HTTPS);
        replica.https_port = port.and_then(|port| port.public_port);
    }
    replica.parts.insert(name.part, part);
}

/// What only the registry's container says.
fn look_inside(engine: &Engine, replica: &mut Replica, volumes: &HashMap<String, Volume>) -> Result<()> {
    let volume = |name: &str| volumes.get(name).map(|volume| of_volume(name, Some(volume)));
    if let Some(part) = replica.parts.get("registry") {
        let call = engine.docker().inspect_container(&part.container, None::<InspectContainerOptions>);
        match engine.handle().block_on(call) {
            Ok(inside) => {
                let variables = variables(&inside);
                if replica.version.is_none() {
                    replica.version = variables.get(VERSION_VARIABLE).and_then(|text| text.parse().ok());
                }
                replica.storage = storage(&inside, &variables, volumes);
            }
            // It has gone since it was listed, as when a replica is being removed.
            Err(error) if DtrError::is_absence(&error) => {}
            Err(error) => return Err(DtrError::engine("look at a container")(error)),
        }
    }
    // What a lost replica leaves.
    if replica.storage == Storage::Unknown {
        let left = volume(&replica.id.nfs_volume()).or_else(|| volume(&replica.id.registry_volume()));
        replica.storage = left.unwrap_or(Storage::Unknown);
    }
    if replica.version.is_none() {
        let tag = replica.image.as_deref().and_then(|image| image.rsplit_once(':'));
        replica.version = tag.and_then(|(_, tag)| tag.parse().ok());
    }
    Ok(())
}

fn variables(container: &ContainerInspectResponse) -> HashMap<String, String> {
    let variables = container.config.as_ref().and_then(|config| config.env.as_ref());
    let pairs = variables.into_iter().flatten().filter_map(|variable| variable.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn storage(
    container: &ContainerInspectResponse,
    variables: &HashMap<String, String>,
    volumes: &HashMap<String, Volume>,
) -> Storage {
    if let Some(driver) = driver(variables) {
        return Storage::Objects { driver };
    }
    let mount =
        container.mounts.iter().flatten().find(|mount| mount.destination.as_deref() == Some(STORAGE_MOUNT));
    let Some(mount) = mount else { return Storage::Unknown };
    match (&mount.name, &mount.source) {
        (Some(name), _) if !name.is_empty() => of_volume(name, volumes.get(name)),
        (_, Some(folder)) => Storage::Folder { mountpoint: PathBuf::from(folder) },
        _ => Storage::Unknown,
    }
}

/// The storage driver, when variables choose one that keeps objects.
fn driver(variables: &HashMap<String, String>) -> Option<String> {
    let named = variables.get(STORAGE_VARIABLE).map(String::as_str);
    let implied = variables.keys().find_map(|name| {
        let rest = name.strip_prefix(STORAGE_VARIABLE)?.strip_prefix('_')?;
        let driver = rest.split('_').next()?.to_lowercase();
        ["s3", "gcs", "azure", "swift", "oss"].contains(&driver.as_str()).then_some(driver)
    });
    named.map(str::to_owned).or(implied).filter(|driver| driver != "filesystem" && !driver.is_empty())
}

fn of_volume(name: &str, volume: Option<&Volume>) -> Storage {
    let mountpoint =
        volume.map(|volume| PathBuf::from(&volume.mountpoint)).filter(|path| !path.as_os_str().is_empty());
    let over_nfs =
        volume.and_then(|volume| volume.options.get("type")).is_some_and(|kind| kind.starts_with("nfs"));
    let name = name.to_owned();
    if over_nfs || name.starts_with("dtr-nfs-registry-") {
        Storage::Nfs { name, mountpoint }
    } else {
        Storage::Volume { name, mountpoint }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn summary(name: &str, labels: &[(&str, &str)]) -> ContainerSummary {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        ContainerSummary {
            names: Some(vec![name.to_owned()]),
            labels: Some(labels),
            ..ContainerSummary::default()
        }
    }

    #[test]
    fn a_container_is_of_the_replica_that_its_labels_name_or_else_its_name() {
        let replica = |name: &str, labels: &[(&str, &str)]| {
            named(summary(name, labels)).map(|(name, _)| name.replica.to_string())
        };
        let name = "/node-1/dtr-api-00000000000a";
        assert_eq!(replica(name, &[]).unwrap(), "00000000000a");
        assert_eq!(replica(name, &[(REPLICA_LABEL, "00000000000b")]).unwrap(), "00000000000b");
        assert_eq!(replica(name, &[(PROJECT_LABEL, "dtr-00000000000c")]).unwrap(), "00000000000c");
        assert_eq!(replica(name, &[(PROJECT_LABEL, "web")]).unwrap(), "00000000000a");
        assert_eq!(replica("/web", &[(REPLICA_LABEL, "00000000000b")]), None);
    }

    #[test]
    fn an_object_store_is_told_by_the_variables_of_distribution() {
        let told = |variables: &[(&str, &str)]| {
            let all = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            driver(&all.collect())
        };
        assert_eq!(told(&[("REGISTRY_STORAGE", "gcs")]).as_deref(), Some("gcs"));
        assert_eq!(told(&[("REGISTRY_STORAGE_S3_BUCKET", "images")]).as_deref(), Some("s3"));
        assert_eq!(told(&[("REGISTRY_STORAGE", "filesystem")]), None);
        assert_eq!(told(&[("REGISTRY_STORAGE_DELETE_ENABLED", "true"), ("PATH", "/bin")]), None);
    }

    #[test]
    fn a_volume_over_nfs_is_told_from_one_of_the_node() {
        let volume = Volume {
            mountpoint: "/m".to_owned(),
            options: HashMap::from([("type".to_owned(), "nfs4".to_owned())]),
            ..Volume::default()
        };
        assert_eq!(of_volume("images", Some(&volume)).kind(), "nfs");
        assert_eq!(of_volume("dtr-nfs-registry-00000000000a", None).kind(), "nfs");
        let plain = of_volume("dtr-registry-00000000000a", Some(&Volume::default()));
        assert_eq!((plain.kind(), plain.mountpoint()), ("volume", None));
    }
}
