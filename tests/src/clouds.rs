//! Operators whose repository is in a cloud, behind a line that may be bad.

use dtrvault_store::testing::{AzureServer, Proxy, S3Server, Weather};

use crate::Vault;

/// A cloud that lives as long as the test.
#[derive(Debug)]
pub enum Cloud {
    /// S3.
    S3(S3Server),
    /// Azure.
    Azure(AzureServer),
}

impl Cloud {
    /// S3, with the buckets `backups` and `registry`.
    ///
    /// # Panics
    ///
    /// When the server does not start.
    pub fn s3() -> Self {
        let server = S3Server::start().expect("an S3 server; `make packages` installs what it needs");
        server.create_bucket("backups").unwrap();
        server.create_bucket("registry").unwrap();
        Self::S3(server)
    }

    /// Azure, with the containers `backups` and `registry`.
    ///
    /// # Panics
    ///
    /// When the server does not start.
    pub fn azure() -> Self {
        let server = AzureServer::start().expect("an Azure server; `make packages` installs what it needs");
        server.create_container("backups").unwrap();
        server.create_container("registry").unwrap();
        Self::Azure(server)
    }

    /// An operator with a repository in it that does not exist yet, and the line to it. Small
    /// packs, so that there are many; a short patience, so that what is dead is soon known to be.
    ///
    /// # Panics
    ///
    /// When the proxy does not start.
    pub fn operator(&self, weather: Weather) -> (Vault, Proxy) {
        let (line, repo) = match self {
            Self::S3(server) => (server.behind(weather), "s3://backups/of/the/registry"),
            Self::Azure(server) => (server.behind(weather), "az://backups/of/the/registry"),
        };
        let line = line.unwrap();
        let environment = match self {
            Self::S3(server) => server.environment_at(line.port()),
            Self::Azure(server) => server.environment_at(line.port()),
        };
        let mut vault = Vault::new();
        for (name, value) in environment {
            vault.set(&name, value.as_str());
        }
        for (name, value) in [
            ("DTRVAULT_REPO", repo),
            ("DTRVAULT_PACK_SIZE", "1MiB"),
            ("DTRVAULT_TIMEOUT", "5s"),
            ("DTRVAULT_RETRY_TIME", "30s"),
        ] {
            vault.set(name, value);
        }
        (vault, line)
    }
}
