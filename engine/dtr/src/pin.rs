//! Certificate authorities of UCP and DTR, pinned when they are seen first.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use tokio::runtime::Handle;
use url::Url;

use crate::error::{DtrError, Result};
use crate::https;

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
        let host = format!(
            "{}_{}",
            server.host_str().unwrap_or_default(),
            server.port_or_known_default().unwrap_or(443)
        );
        let path = self.folder.join(format!("{}.pem", host.replace(['/', ':'], "_")));
        let failed = |source| DtrError::File { path: path.clone(), source };
        match fs::read_to_string(&path) {
            Ok(pinned) if pinned.trim() == pem.trim() => Ok(pem),
            Ok(_) => Err(DtrError::OtherAuthority { host, pin: path }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                fs::create_dir_all(&self.folder).map_err(failed)?;
                let mut file = fs::File::create_new(&path).map_err(failed)?;
                file.write_all(pem.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
                Ok(pem)
            }
            Err(error) => Err(failed(error)),
        }
    }
}
