//! Where the Docker Engine is: flags over the variables that `docker` itself goes by.

use std::path::PathBuf;
use std::time::Duration;

use dtrvault_ops::OpsError;
use dtrvault_ops::cluster::{DEFAULT_HOST, Engine, EngineAddress};

use crate::app::App;
use crate::env::Env;
use crate::error::Result;

/// How long an engine may take to answer.
const TIMEOUT: Duration = Duration::from_secs(120);

/// The Docker Engine of a DTR.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Docker Engine")]
pub(crate) struct EngineArgs {
    /// Where it listens: unix:///path or tcp://host:port [env: DOCKER_HOST]
    #[arg(long, value_name = "URL")]
    docker_host: Option<String>,

    /// Folder of ca.pem, cert.pem and key.pem for tcp:// [env: DOCKER_CERT_PATH]
    #[arg(long, value_name = "DIR")]
    docker_cert_path: Option<PathBuf>,
}

impl EngineArgs {
    /// Connects.
    ///
    /// # Errors
    /// Those of the engine.
    pub(crate) fn connect(&self, app: &App) -> Result<Engine> {
        let engine = Engine::connect(&self.address(&app.env), app.handle().clone());
        Ok(engine.map_err(OpsError::from)?)
    }

    fn address(&self, env: &Env) -> EngineAddress {
        let host = self.docker_host.clone().or_else(|| env.get("DOCKER_HOST").map(str::to_owned));
        // As docker does: certificates in its folder are used when TLS is asked for.
        let asked = || env.has("DOCKER_TLS_VERIFY") || env.has("DOCKER_TLS");
        let certificates = self
            .docker_cert_path
            .clone()
            .or_else(|| env.get("DOCKER_CERT_PATH").map(PathBuf::from))
            .or_else(|| env.home().filter(|_| asked()).map(|home| home.join(".docker")));
        EngineAddress {
            host: host.unwrap_or_else(|| DEFAULT_HOST.to_owned()),
            certificates,
            timeout: TIMEOUT,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_engine_is_found_as_docker_finds_it() {
        let none = EngineArgs::default();
        let address = none.address(&Env::from([("HOME", "/h")]));
        assert_eq!((address.host.as_str(), address.certificates), (DEFAULT_HOST, None));
        let env = Env::from([("HOME", "/h"), ("DOCKER_HOST", "tcp://a:2376"), ("DOCKER_TLS_VERIFY", "1")]);
        let address = none.address(&env);
        assert_eq!(address.host, "tcp://a:2376");
        assert_eq!(address.certificates.as_deref(), Some(Path::new("/h/.docker")));
        let env = Env::from([("DOCKER_CERT_PATH", "/c"), ("DOCKER_HOST", "tcp://a:2376")]);
        assert_eq!(none.address(&env).certificates.as_deref(), Some(Path::new("/c")));
        let flags = EngineArgs { docker_host: Some("unix:///x".into()), docker_cert_path: None };
        assert_eq!(flags.address(&env).host, "unix:///x");
    }
}
