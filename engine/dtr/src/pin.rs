//! Certificate authorities of UCP and DTR, pinned when they are seen first.

use std::fs;
use std::path::PathBuf;

use tokio::runtime::Handle;
use url::Url;

use crate::error::{DtrError, Result};
use crate::https;
use crate::kept;

/// What a certificate looks like in PEM.
const PEM_MARK: &str = "-----BEGIN CERTIFICATE-----";

/// A folder of pinned authorities, a file for each server.
#[derive(Debug, Clone)]
pub struct Pins {
    folder: PathBuf,
}

impl Pins {
    /// Pins are kept in that folder, which need not exist yet.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The authority of a server: as it says at `/ca`, which must be what it said the first time.
    ///
    /// # Errors
    /// [`DtrError::OtherAuthority`], [`DtrError::NoCertificate`], those of files and of the server.
    pub fn authority(&self, server: &Url, handle: &Handle) -> Result<String> {
        let at = server.join("ca").map_err(|_| DtrError::NoCertificate { place: server.to_string() })?;
        let pem = https::get_untrusted(&at, handle)?;
        if !pem.contains(PEM_MARK) {
            return Err(DtrError::NoCertificate { place: at.to_string() });
        }
        let path = self.path(server);
        match fs::read_to_string(&path) {
            Ok(pinned) if pinned.trim() == pem.trim() => Ok(pem),
            Ok(_) => Err(DtrError::OtherAuthority { host: place(server), pin: path }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                kept::write(&path, pem.as_bytes())?;
                Ok(pem)
            }
            Err(source) => Err(DtrError::File { path, source }),
        }
    }

    /// Forgets the authority of a server, which was set up anew.
    ///
    /// # Errors
    /// [`DtrError::File`]; [`DtrError::BadAddress`].
    pub fn forget(&self, server: &str) -> Result<()> {
        kept::remove(&self.path(&https::url(server)?))
    }

    fn path(&self, server: &Url) -> PathBuf {
        self.folder.join(format!("{}.pem", place(server).replace(['/', ':'], "_")))
    }
}

/// Name and port.
fn place(server: &Url) -> String {
    let port = server.port_or_known_default().unwrap_or(443);
    format!("{}:{port}", server.host_str().unwrap_or_default())
}
