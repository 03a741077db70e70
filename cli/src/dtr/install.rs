//! The flags of DTR's own `restore`, by their own names. What must not be seen goes by the environment.

use std::path::{Path, PathBuf};

use dtrvault_ops::cluster::Secret;
use dtrvault_ops::cluster::restore::NewStorage;

use crate::env::Env;
use crate::error::{CliError, Result};

/// How DTR installs the new replica.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "As DTR's own restore takes them")]
pub(crate) struct InstallArgs {
    /// Keep images in the volume dtr-registry-ID: what is done unless another storage is named
    #[arg(long, conflicts_with_all = ["dtr_storage_volume", "nfs_storage_url"])]
    dtr_use_default_storage: bool,

    /// Keep images in this volume
    #[arg(long, value_name = "VOLUME", conflicts_with = "nfs_storage_url")]
    dtr_storage_volume: Option<String>,

    /// Keep images on this NFS server: nfs://host/path
    #[arg(long, value_name = "URL")]
    nfs_storage_url: Option<String>,

    /// Mount NFS without waiting for writes [MSR 2.8]
    #[arg(long, requires = "nfs_storage_url")]
    async_nfs: bool,

    /// Port of DTR's redirect to HTTPS
    #[arg(long, value_name = "PORT")]
    replica_http_port: Option<u16>,

    /// Port of DTR's web page and registry
    #[arg(long, value_name = "PORT")]
    replica_https_port: Option<u16>,

    /// Memory of the database's cache, MB
    #[arg(long, value_name = "MB")]
    replica_rethinkdb_cache_mb: Option<u64>,

    /// Where clients find DTR, or its load balancer
    #[arg(long, value_name = "URL")]
    dtr_external_url: Option<String>,

    /// The same, as older versions call it
    #[arg(long, value_name = "URL", conflicts_with = "dtr_external_url")]
    dtr_load_balancer: Option<String>,

    /// File of the certificate authority of DTR's certificate, PEM
    #[arg(long, value_name = "FILE", id = "install_dtr_ca")]
    dtr_ca: Option<PathBuf>,

    /// File of DTR's certificate, PEM
    #[arg(long, value_name = "FILE", requires = "dtr_key")]
    dtr_cert: Option<PathBuf>,

    /// File of the key of DTR's certificate, PEM
    #[arg(long, value_name = "FILE", requires = "dtr_cert")]
    dtr_key: Option<PathBuf>,

    /// File of the certificate authorities of clients, PEM [MSR 2.8]
    #[arg(long, value_name = "FILE")]
    client_cert_auth_ca: Option<PathBuf>,

    /// Proxy for HTTP
    #[arg(long, value_name = "URL")]
    http_proxy: Option<String>,

    /// Proxy for HTTPS
    #[arg(long, value_name = "URL")]
    https_proxy: Option<String>,

    /// Hosts that no proxy is used for
    #[arg(long, value_name = "HOSTS")]
    no_proxy: Option<String>,

    /// Protocol of the log server: tcp, udp, internal
    #[arg(long, value_name = "PROTOCOL")]
    log_protocol: Option<String>,

    /// The log server
    #[arg(long, value_name = "HOST:PORT")]
    log_host: Option<String>,

    /// How much is logged
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,

    /// Serve profiles of DTR
    #[arg(long)]
    enable_pprof: bool,

    /// The node that DTR is installed on
    #[arg(long, value_name = "NODE")]
    ucp_node: Option<String>,

    /// One more argument for DTR's restore; may be repeated
    #[arg(long, value_name = "ARGUMENT", allow_hyphen_values = true)]
    restore_arg: Vec<String>,
}

/// What DTR is told.
pub(crate) struct Install {
    pub(crate) storage: NewStorage,
    pub(crate) arguments: Vec<String>,
    pub(crate) variables: Vec<(String, Secret)>,
}

impl InstallArgs {
    /// The file of the certificate authority that DTR's certificate will be of.
    pub(crate) fn dtr_ca(&self) -> Option<&Path> {
        self.dtr_ca.as_deref()
    }

    /// Reads the files.
    ///
    /// # Errors
    /// [`CliError::CertificateFile`].
    pub(crate) fn resolve(&self, env: &Env) -> Result<Install> {
        let storage = match (&self.dtr_storage_volume, &self.nfs_storage_url) {
            (Some(volume), _) => NewStorage::Volume(volume.clone()),
            (None, Some(url)) => NewStorage::Nfs(url.clone()),
            (None, None) => NewStorage::Default,
        };
        let number = |port: Option<u16>| port.map(|port| port.to_string());
        let mut arguments = Vec::new();
        for (name, value) in [
            ("--replica-http-port", number(self.replica_http_port)),
            ("--replica-https-port", number(self.replica_https_port)),
            ("--replica-rethinkdb-cache-mb", self.replica_rethinkdb_cache_mb.map(|mb| mb.to_string())),
            ("--dtr-external-url", self.dtr_external_url.clone()),
            ("--dtr-load-balancer", self.dtr_load_balancer.clone()),
            ("--no-proxy", self.no_proxy.clone()),
            ("--log-protocol", self.log_protocol.clone()),
            ("--log-host", self.log_host.clone()),
            ("--log-level", self.log_level.clone()),
            ("--ucp-node", self.ucp_node.clone().or_else(|| env.get("UCP_NODE").map(str::to_owned))),
        ] {
            if let Some(value) = value {
                arguments.extend([name.to_owned(), value]);
            }
        }
        for (name, wanted) in [("--enable-pprof", self.enable_pprof), ("--async-nfs", self.async_nfs)] {
            if wanted {
                arguments.push(name.to_owned());
            }
        }
        if let Some(path) = &self.client_cert_auth_ca {
            arguments.extend(["--client-cert-auth-ca".to_owned(), read(path)?]);
        }
        arguments.extend(self.restore_arg.iter().cloned());
        // The address of a proxy may hold a password, and a key is one.
        let mut variables = Vec::new();
        for (name, value) in [("DTR_HTTP_PROXY", &self.http_proxy), ("DTR_HTTPS_PROXY", &self.https_proxy)] {
            if let Some(value) = value {
                variables.push((name.to_owned(), Secret::new(value.clone())));
            }
        }
        for (name, path) in
            [("DTR_CA", &self.dtr_ca), ("DTR_CERT", &self.dtr_cert), ("DTR_KEY", &self.dtr_key)]
        {
            if let Some(path) = path {
                variables.push((name.to_owned(), Secret::new(read(path)?)));
            }
        }
        Ok(Install { storage, arguments, variables })
    }
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path)
        .map_err(|source| CliError::CertificateFile { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn keys_go_by_the_environment_and_the_rest_by_arguments() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, name).unwrap();
            Some(path)
        };
        let args = InstallArgs {
            replica_https_port: Some(4443),
            enable_pprof: true,
            dtr_cert: file("cert"),
            dtr_key: file("key"),
            nfs_storage_url: Some("nfs://a/b".into()),
            restore_arg: vec!["--new".into()],
            ..InstallArgs::default()
        };
        let install = args.resolve(&Env::from([("UCP_NODE", "node-1")])).unwrap();
        assert_eq!(install.storage, NewStorage::Nfs("nfs://a/b".into()));
        let expected = ["--replica-https-port", "4443", "--ucp-node", "node-1", "--enable-pprof", "--new"];
        assert_eq!(install.arguments, expected);
        let names: Vec<_> = install.variables.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["DTR_CERT", "DTR_KEY"]);
    }
}
