//! The Docker Engine: where it is, and how we wait for it.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bollard::{API_DEFAULT_VERSION, Docker};
use tokio::runtime::Handle;

use crate::error::{DtrError, Result};

/// Where an engine listens unless told otherwise.
pub const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";

/// Whether somebody wants us to end.
pub type Stop = Arc<dyn Fn() -> bool + Send + Sync>;

/// How often it is looked whether to stop.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Where an engine is.
#[derive(Debug, Clone)]
pub struct EngineAddress {
    /// `unix:///path`, `tcp://host:port`, as in `DOCKER_HOST`.
    pub host: String,
    /// The folder of `ca.pem`, `cert.pem` and `key.pem`: TLS is spoken when there is one.
    pub certificates: Option<PathBuf>,
    /// How long an answer may take.
    pub timeout: Duration,
}

/// An engine that answers.
#[derive(Clone)]
pub struct Engine {
    docker: Docker,
    handle: Handle,
    host: String,
}

impl Engine {
    /// Connects, and agrees on a version of the API.
    ///
    /// # Errors
    /// [`DtrError::BadAddress`], [`DtrError::NoEngine`].
    pub fn connect(address: &EngineAddress, handle: Handle) -> Result<Self> {
        let bad =
            |detail: &str| DtrError::BadAddress { host: address.host.clone(), detail: detail.to_owned() };
        let no_engine = |source| DtrError::NoEngine { host: address.host.clone(), source };
        let seconds = address.timeout.as_secs().max(1);
        let (scheme, rest) = address.host.split_once("://").ok_or_else(|| bad("it has no scheme"))?;
        if rest.is_empty() {
            return Err(bad("nothing follows the scheme"));
        }
        let docker = match (scheme, &address.certificates) {
            ("unix", _) => Docker::connect_with_unix(rest, seconds, API_DEFAULT_VERSION),
            ("tcp" | "https", Some(folder)) => {
                let file = |name: &str| certificate(folder, name);
                let (key, cert, ca) = (file("key.pem")?, file("cert.pem")?, file("ca.pem")?);
                Docker::connect_with_ssl(rest, &key, &cert, &ca, seconds, API_DEFAULT_VERSION)
            }
            ("tcp" | "http", None) => {
                Docker::connect_with_http(&format!("http://{rest}"), seconds, API_DEFAULT_VERSION)
            }
            ("https", None) => return Err(bad("TLS needs certificates: set DOCKER_CERT_PATH")),
            ("ssh", _) => {
                return Err(bad("SSH is not spoken here: run dtrvault on that host, or forward its socket"));
            }
            _ => return Err(bad("its scheme is none of unix and tcp")),
        };
        let docker = handle.block_on(docker.map_err(no_engine)?.negotiate_version()).map_err(no_engine)?;
        Ok(Self { docker, handle, host: address.host.clone() })
    }

    /// Its address.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether it runs on this very machine, so that its folders are ours.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.host.starts_with("unix://")
    }

    /// The folder in which it keeps its volumes, when it is on this machine.
    ///
    /// # Errors
    /// What it says.
    pub fn data_folder(&self) -> Result<Option<PathBuf>> {
        let info = self.wait("say where it keeps data", self.docker.info())?;
        Ok(info.docker_root_dir.filter(|_| self.is_local()).map(PathBuf::from))
    }

    pub(crate) fn docker(&self) -> &Docker {
        &self.docker
    }

    /// The runtime that talks to it.
    #[must_use]
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Waits for an answer.
    pub(crate) fn wait<T>(
        &self,
        action: impl Into<String>,
        call: impl Future<Output = std::result::Result<T, bollard::errors::Error>>,
    ) -> Result<T> {
        self.handle.block_on(call).map_err(DtrError::engine(action))
    }
}

/// A file of the folder of certificates, which must be there: what reads it says less.
fn certificate(folder: &Path, name: &str) -> Result<PathBuf> {
    let path = folder.join(name);
    match std::fs::metadata(&path) {
        Ok(_) => Ok(path),
        Err(source) => Err(DtrError::File { path, source }),
    }
}
