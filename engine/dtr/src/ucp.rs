//! UCP (today MKE), which DTR asks who somebody is: its address, an account, its certificate
//! authority.

use crate::error::Result;
use crate::https;
use crate::pin::Pins;
use crate::secret::{Masks, Secret};
use tokio::runtime::Handle;

/// How UCP is known to be the right one.
#[derive(Clone)]
pub enum Authority {
    /// By these certificates, PEM.
    Given(String),
    /// By those that it names itself at `/ca`: pinned when they are seen first.
    Pinned,
    /// Not at all.
    Insecure,
}

impl Authority {
    /// The same, with the certificates of the server at `url` when they are to be pinned.
    pub(crate) fn resolved(self, url: &str, pins: &Pins, handle: &Handle) -> Result<Self> {
        match self {
            Self::Pinned => Ok(Self::Given(pins.authority(&https::url(url)?, handle)?)),
            known => Ok(known),
        }
    }
}

/// An account of UCP.
#[derive(Clone)]
pub struct Ucp {
    /// Its URL, or `host:port`.
    pub url: String,
    /// An administrator of it.
    pub username: String,
    /// The password.
    pub password: Secret,
    /// How it is known.
    pub authority: Authority,
}

impl Ucp {
    /// What must never be seen.
    #[must_use]
    pub fn masks(&self) -> Masks {
        let mut masks = Masks::default();
        masks.add(&self.password);
        masks
    }

    /// Fetches the certificates, when they are to be pinned.
    ///
    /// # Errors
    /// [`crate::DtrError::OtherAuthority`] when they are not those of last time; those of fetching them.
    pub fn resolved(self, pins: &Pins, handle: &Handle) -> Result<Self> {
        let authority = self.authority.resolved(&self.url, pins, handle)?;
        Ok(Self { authority, url: self.url, username: self.username, password: self.password })
    }

    /// The environment by which a container of DTR's image is told; arguments would show in every list of processes.
    pub(crate) fn variables(&self) -> Vec<(String, Secret)> {
        let plain = |name: &str, value: &str| (name.to_owned(), Secret::new(value.to_owned()));
        let mut all = vec![
            plain("UCP_URL", &self.url),
            plain("UCP_USERNAME", &self.username),
            ("UCP_PASSWORD".to_owned(), self.password.clone()),
        ];
        match &self.authority {
            Authority::Given(pem) => all.push(plain("UCP_CA", pem)),
            Authority::Insecure => all.push(plain("UCP_INSECURE_TLS", "true")),
            Authority::Pinned => {}
        }
        all
    }
}
