//! A DTR of one or more replicas on a Docker Engine of the tests: its containers, volumes and
//! network, a cluster (UCP) it belongs to, images that a real client pushed, and a database that is true to them.
//!
//! The image is the stand-in's (`tests/stand-in`). What its commands do is done here, in the process of the
//! test, which plays the cluster: see [`Fault`] for how it can fail.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dtrvault_dtr_stand_in::{Version, settings};

use crate::{DockerEngine, Run, Vault};

mod answers;
mod ask;
mod backup;
mod cluster;
mod content;
mod fault;
mod image;
mod layout;
mod members;
mod metadata_tar;
mod replica;
mod restore;
mod tables;

pub use ask::Ask;
use cluster::Cluster;
pub use fault::Fault;
pub use layout::{Blobs, Layout};
use replica::{Replica, Storage};
use tables::Tables;

/// A running DTR; gone with all its containers and volumes when dropped.
pub struct Dtr {
    cluster: Cluster,
    layout: Layout,
    version: Version,
}

impl Dtr {
    /// Installs one of a version on an engine, and pushes three images to it.
    ///
    /// # Panics
    ///
    /// When something of it fails.
    pub fn start(engine: &Arc<DockerEngine>, version: &str, layout: Layout) -> Self {
        let version: Version = version.parse().unwrap();
        let image = image::import(engine, version);
        let cluster = Cluster::start(Arc::clone(engine), &layout, image.clone());
        let storage = if layout.nfs { Storage::Nfs } else { Storage::Default };
        let replica = Replica { id: layout.replica.clone(), version, image, storage };
        replica.create_volumes(engine);
        let tables = Tables::create(replica.tables(engine));
        tables.fill(layout.events);
        cluster.shared().install(&replica, None);
        let dtr = Self { cluster, layout, version };
        dtr.push(&content::three_images());
        dtr
    }

    /// Pushes images: repository, tag, and layers as plain tars.
    ///
    /// # Panics
    ///
    /// When the registry does not take them.
    pub fn push(&self, images: &[(&str, &str, Vec<Vec<u8>>)]) {
        self.push_by(self.layout.blobs_of(self.version), images);
    }

    /// The same with blobs named like this: a DTR that was upgraded from 2.5 has both.
    pub fn push_by(&self, blobs: Blobs, images: &[(&str, &str, Vec<Vec<u8>>)]) {
        content::push(&self.registry_folder(), &self.tables(), blobs, images);
    }

    /// The engine it is on.
    pub fn engine(&self) -> &Arc<DockerEngine> {
        &self.cluster.shared().engine
    }

    /// An operator's environment with a new repository, on the engine of this DTR and with its administrator. It is
    /// called after the replica, so that its containers are told from those of other tests.
    pub fn vault(&self) -> Vault {
        let mut vault = Vault::init();
        vault.set("DTRVAULT_HOST", self.replica());
        vault.set("DOCKER_HOST", self.engine().host().as_str());
        for (name, value) in self.environment() {
            vault.set(&name, value.as_str());
        }
        vault
    }

    /// Id of its replica.
    pub fn replica(&self) -> &str {
        &self.layout.replica
    }

    /// Its version.
    pub fn version(&self) -> String {
        self.version.to_string()
    }

    /// Its image, that has the commands.
    pub fn image(&self) -> &str {
        &self.cluster.shared().image
    }

    /// Where its cluster is.
    pub fn ucp_url(&self) -> String {
        self.cluster.url()
    }

    /// The authority that signed the cluster's certificate, as PEM.
    pub fn ucp_ca(&self) -> &str {
        &self.cluster.shared().ca
    }

    /// The variables that a command needs to reach the cluster.
    pub fn environment(&self) -> Vec<(String, String)> {
        [
            ("UCP_URL", self.ucp_url()),
            ("UCP_USERNAME", self.layout.user.clone()),
            ("UCP_PASSWORD", self.layout.password.clone()),
            ("UCP_CA", self.ucp_ca().to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// Where its web server is from this machine: the port that stands for 443.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.cluster.shared().https_port)
    }

    /// Runs a command of the image as an operator does, `docker run -i --rm --log-driver none`, with the
    /// variables of [`Self::environment`].
    pub fn run(&self, command: &[&str], input: &[u8]) -> Run {
        self.run_with(&["--log-driver", "none"], command, input)
    }

    /// The same with other options of `docker run`.
    pub fn run_with(&self, docker: &[&str], command: &[&str], input: &[u8]) -> Run {
        let mut args = vec!["run".to_owned(), "-i".to_owned(), "--rm".to_owned()];
        for (name, value) in self.environment() {
            args.extend(["--env".to_owned(), format!("{name}={value}")]);
        }
        args.extend(docker.iter().map(|word| (*word).to_owned()));
        args.push(self.image().to_owned());
        args.extend(command.iter().map(|word| (*word).to_owned()));
        self.engine().docker_with(&args, input)
    }

    /// All rows of all tables, whatever their order; empty tables are left out.
    pub fn rows(&self) -> BTreeMap<String, BTreeSet<String>> {
        self.tables().all()
    }

    /// Whether the registry takes no pushes.
    ///
    /// # Panics
    ///
    /// When there is no database.
    pub fn is_read_only(&self) -> bool {
        settings::is_read_only(&self.replica_tables()).unwrap()
    }

    /// Names of its replica's containers, running or not.
    pub fn containers(&self) -> BTreeSet<String> {
        self.containers_of(self.replica(), &["--all"])
    }

    /// Names of those that run.
    pub fn running(&self) -> BTreeSet<String> {
        self.containers_of(self.replica(), &[])
    }

    fn containers_of(&self, replica: &str, options: &[&str]) -> BTreeSet<String> {
        let label = format!("label=com.docker.dtr.replica={replica}");
        let args = [&["ps", "--format", "{{.Names}}", "--filter", &label], options].concat();
        self.listed(&args)
    }

    /// Names of its replica's volumes.
    pub fn volumes(&self) -> BTreeSet<String> {
        self.listed(&[
            "volume",
            "ls",
            "--format",
            "{{.Name}}",
            "--filter",
            &format!("name={}", self.replica()),
        ])
    }

    fn listed(&self, args: &[&str]) -> BTreeSet<String> {
        self.engine()
            .docker(args)
            .lines()
            .map(str::to_owned)
            .filter(|name| name.starts_with("dtr-"))
            .collect()
    }

    /// Containers that dtrvault has made for this DTR, told by the host it was called, and that are still there.
    pub fn strangers(&self) -> Vec<String> {
        let format = "{{.Names}} {{.Label \"dtrvault.owner\"}}";
        let all =
            self.engine().docker(&["ps", "--all", "--format", format, "--filter", "label=dtrvault.owner"]);
        let ours = all.lines().filter(|line| line.ends_with(&format!("@{}", self.replica())));
        ours.filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
    }

    /// Whether those are all gone; one that has ended removes itself, which takes a moment.
    pub fn is_left_alone(&self) -> bool {
        let begun = Instant::now();
        while !self.strangers().is_empty() {
            if begun.elapsed() > Duration::from_secs(20) {
                return false;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        true
    }

    /// The folder that holds `docker/registry/v2`, in the registry's volume.
    pub fn registry_folder(&self) -> PathBuf {
        let kind = if self.layout.nfs { "nfs-registry" } else { "registry" };
        self.engine().volume(&format!("dtr-{kind}-{}", self.replica()))
    }

    /// The engine's part of the disaster: every container and volume of the replica is gone, and with them its images;
    /// its cluster remembers it.
    pub fn lose_all(&self) {
        replica::destroy(self.engine(), self.replica());
    }

    /// The disaster: all of the replica is gone, and nobody remembers it.
    pub fn destroy_all(&self) {
        self.lose_all();
        self.cluster.shared().state().members.retain(|member| member != self.replica());
    }

    /// From now on commands fail like this; `None`: as they should.
    pub fn fails(&self, fault: impl Into<Option<Fault>>) {
        self.cluster.shared().state().fault = fault.into();
    }

    /// With `--debug` commands now tell their secrets on standard error.
    pub fn tells_secrets(&self) {
        self.cluster.shared().state().tells_secrets = true;
    }

    /// Every command that came to the cluster with the right password, in order.
    pub fn asked(&self) -> Vec<Ask> {
        self.cluster.shared().state().asked.clone()
    }

    fn tables(&self) -> Tables {
        Tables::at(self.replica_tables())
    }

    fn replica_tables(&self) -> PathBuf {
        self.engine().volume(&format!("dtr-rethink-{}", self.replica()))
    }
}

impl Drop for Dtr {
    fn drop(&mut self) {
        let members = self.cluster.shared().state().members.clone();
        // What a restore that broke left behind belongs to no member.
        for id in members.iter().chain([&self.layout.replica]) {
            replica::remove_containers(self.engine(), id);
            replica::remove_volumes(self.engine(), id);
        }
    }
}

/// What a command of the cluster says when it cannot.
type Refused<T> = Result<T, String>;

/// Of what a test's own disk says.
fn told(error: io::Error) -> String {
    error.to_string()
}
