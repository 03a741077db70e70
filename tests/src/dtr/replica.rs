//! Containers, volumes and network of a replica.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use dtrvault_dtr_stand_in::Version;
use dtrvault_dtr_stand_in::part::{CERTIFICATES_AT, PARTS, TABLES_AT};

use super::image::part_image;
use crate::{DockerEngine, Run};

/// Where a replica's images are.
#[derive(Debug, Clone)]
pub(super) enum Storage {
    /// `dtr-registry-<id>`.
    Default,
    /// `dtr-nfs-registry-<id>`.
    Nfs,
    /// A volume of another name.
    Volume(String),
}

/// A replica.
#[derive(Debug, Clone)]
pub(super) struct Replica {
    pub(super) id: String,
    pub(super) version: Version,
    /// The image with the commands.
    pub(super) image: String,
    pub(super) storage: Storage,
}

impl Replica {
    /// A volume of its own.
    pub(super) fn volume(&self, kind: &str) -> String {
        format!("dtr-{kind}-{}", self.id)
    }

    /// The volume that holds images.
    pub(super) fn registry_volume(&self) -> String {
        match &self.storage {
            Storage::Default => self.volume("registry"),
            Storage::Nfs => self.volume("nfs-registry"),
            Storage::Volume(name) => name.clone(),
        }
    }

    /// The folder of its database.
    pub(super) fn tables(&self, engine: &DockerEngine) -> PathBuf {
        engine.volume(&self.volume("rethink"))
    }

    /// Makes its volumes; those that are there stay as they are.
    pub(super) fn create_volumes(&self, engine: &DockerEngine) {
        let kinds = ["ca", "notary", "postgres", "rethink"].map(|kind| self.volume(kind));
        for volume in kinds.iter().chain([&self.registry_volume()]) {
            engine.docker(&["volume", "create", volume]);
        }
    }

    /// Makes and starts its containers; the web server is published at `https_port`.
    pub(super) fn create_containers(&self, engine: &DockerEngine, https_port: u16) {
        create_network(engine);
        std::thread::scope(|scope| {
            for part in PARTS {
                scope.spawn(move || engine.docker(&self.container(part, https_port)));
            }
        });
    }

    fn container(&self, part: &str, https_port: u16) -> Vec<String> {
        let (id, version) = (&self.id, self.version);
        let mut args = vec!["run".to_owned(), "--detach".to_owned()];
        let mut option = |name: &str, value: String| args.extend([name.to_owned(), value]);
        option("--name", format!("dtr-{part}-{id}"));
        option("--label", format!("com.docker.dtr.version={version}"));
        option("--label", format!("com.docker.dtr.replica={id}"));
        option("--network", "dtr-ol".to_owned());
        // It has nothing to save when it is stopped.
        option("--stop-signal", "SIGKILL".to_owned());
        match part {
            "nginx" => {
                option("--publish", format!("{https_port}:443"));
                option("--volume", format!("{}:{CERTIFICATES_AT}", self.volume("ca")));
                option("--volume", format!("{}:{TABLES_AT}", self.volume("rethink")));
            }
            "rethinkdb" => option("--volume", format!("{}:{TABLES_AT}", self.volume("rethink"))),
            "registry" => {
                option("--env", format!("DTR_VERSION={version}"));
                option("--volume", format!("{}:/storage", self.registry_volume()));
            }
            "notary-signer" => option("--volume", format!("{}:/notary", self.volume("notary"))),
            "scanningstore" => option("--volume", format!("{}:/postgres", self.volume("postgres"))),
            _ => {}
        }
        args.extend([part_image(&self.image, part), "part".to_owned(), part.to_owned()]);
        args
    }
}

/// Makes the network that replicas share. An engine takes two of one name when they are made at once.
fn create_network(engine: &DockerEngine) {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    if engine.docker(&["network", "ls", "--quiet", "--filter", "name=^dtr-ol$"]).is_empty() {
        engine.docker(&["network", "create", "dtr-ol"]);
    }
}

/// Removes the containers of a replica.
pub(super) fn remove_containers(engine: &DockerEngine, id: &str) {
    let names: Vec<String> = PARTS.iter().map(|part| format!("dtr-{part}-{id}")).collect();
    let words = ["rm", "--force"].into_iter().chain(names.iter().map(String::as_str));
    // Those that are not there are no failure.
    let _ = engine.try_docker(&words.collect::<Vec<_>>());
}

/// Removes the volumes of a replica, images included.
pub(super) fn remove_volumes(engine: &DockerEngine, id: &str) -> Run {
    let volumes = ["ca", "notary", "postgres", "rethink", "registry", "nfs-registry"];
    let names: Vec<String> = volumes.iter().map(|kind| format!("dtr-{kind}-{id}")).collect();
    let words = ["volume", "rm", "--force"].into_iter().chain(names.iter().map(String::as_str));
    engine.try_docker(&words.collect::<Vec<_>>())
}

/// Removes containers and volumes of a replica, which must succeed.
pub(super) fn destroy(engine: &DockerEngine, id: &str) {
    remove_containers(engine, id);
    remove_volumes(engine, id).ok();
}

/// Whether a container of a replica runs; `None` when there is no such container.
pub(super) fn runs(engine: &DockerEngine, part: &str, id: &str) -> Option<bool> {
    let name = format!("dtr-{part}-{id}");
    let run = engine.try_docker(&["inspect", "--type", "container", "--format", "{{.State.Running}}", &name]);
    (run.code == Some(0)).then(|| run.text().trim() == "true")
}
