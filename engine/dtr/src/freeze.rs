//! A registry that is read-only for a while, through its API, and always set back: by whoever
//! froze it, or, should that one die, by whoever comes next, who finds a note of it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tokio::runtime::Handle;
use url::Url;

use crate::error::{DtrError, Result};
use crate::https;
use crate::kept;
use crate::leftovers::Owner;
use crate::pin::Pins;
use crate::secret::Secret;
use crate::ucp::Authority;

/// Where DTR's API keeps its settings.
const SETTINGS: &str = "api/v0/meta/settings";
/// The setting.
const READ_ONLY: &str = "readOnlyRegistry";
/// Names of notes begin so.
const NOTE: &str = "frozen-";

/// The API of a DTR.
#[derive(Clone)]
pub struct Api {
    /// Its URL, or `host:port`.
    pub url: String,
    /// An administrator.
    pub username: String,
    /// The password.
    pub password: Secret,
    /// How it is known.
    pub authority: Authority,
}

/// A registry that was made read-only, until this is thawed or dropped.
pub struct Frozen {
    api: Api,
    note: PathBuf,
    handle: Handle,
    thawed: bool,
}

/// Makes the registry read-only, and writes a note of it into `folder` first. Nothing when it is already so by
/// somebody else's will, which is then left as it is.
///
/// # Errors
/// [`DtrError::NotFrozen`]; those of the API and of the note.
pub fn freeze(api: &Api, folder: &Path, here: &Owner, handle: &Handle) -> Result<Option<Frozen>> {
    let note = note(api, folder)?;
    if api.is_read_only(handle)? {
        return Ok(None);
    }
    kept::write(&note, format!("{here}\n{}\n", api.url).as_bytes())?;
    let frozen = Frozen { api: api.clone(), note, handle: handle.clone(), thawed: false };
    api.set_read_only(true, handle)?;
    if !api.is_read_only(handle)? {
        return Err(DtrError::NotFrozen { url: api.url.clone() });
    }
    Ok(Some(frozen))
}

/// Sets a registry back that was left frozen by a run that has died. Says whether there was one.
///
/// # Errors
/// Those of the API and of the note.
pub fn thaw_left(api: &Api, folder: &Path, here: &Owner, handle: &Handle) -> Result<bool> {
    let note = note(api, folder)?;
    if !read_note(&note).is_some_and(|(owner, _)| owner.is_gone(here)) {
        return Ok(false);
    }
    Frozen { api: api.clone(), note, handle: handle.clone(), thawed: false }.thaw()?;
    Ok(true)
}

/// Servers that were left frozen by runs of this host that have died.
#[must_use]
pub fn left_frozen(folder: &Path, here: &Owner) -> Vec<String> {
    let notes = fs::read_dir(folder).into_iter().flatten().filter_map(std::result::Result::ok);
    let notes = notes.filter(|note| note.file_name().to_string_lossy().starts_with(NOTE));
    let notes = notes.filter_map(|note| read_note(&note.path()));
    notes.filter(|(owner, _)| owner.is_gone(here)).map(|(_, url)| url).collect()
}

impl Frozen {
    /// Lets the registry be written again.
    ///
    /// # Errors
    /// Those of the API and of the note: the registry may be read-only still.
    pub fn thaw(mut self) -> Result<()> {
        self.set_back()
    }

    fn set_back(&mut self) -> Result<()> {
        self.thawed = true;
        self.api.set_read_only(false, &self.handle)?;
        kept::remove(&self.note)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        if !self.thawed {
            // Where this fails the note stays, and the next run does it.
            let _ = self.set_back();
        }
    }
}

impl Api {
    /// Fetches the certificates of the server, when they are to be pinned.
    ///
    /// # Errors
    /// As [`crate::Ucp::resolved`].
    pub fn resolved(self, pins: &Pins, handle: &Handle) -> Result<Self> {
        let authority = self.authority.clone().resolved(&self.url, pins, handle)?;
        Ok(Self { authority, ..self })
    }

    fn at(&self) -> Result<Url> {
        let url = https::url(&self.url)?;
        url.join(SETTINGS)
            .map_err(|_| DtrError::BadAddress { host: self.url.clone(), detail: "it is no URL".to_owned() })
    }

    fn is_read_only(&self, handle: &Handle) -> Result<bool> {
        let answer = self.ask(None, handle)?;
        let settings: Value = serde_json::from_str(&answer).unwrap_or_default();
        // Versions that do not know it are writable.
        match settings.get(READ_ONLY) {
            None if settings.is_object() => Ok(false),
            Some(Value::Bool(read_only)) => Ok(*read_only),
            _ => Err(DtrError::NoSettings { url: self.at()?.to_string() }),
        }
    }

    /// Makes the registry read-only, or lets it be written again.
    ///
    /// # Errors
    /// What DTR answers, or that it does not.
    pub fn set_read_only(&self, read_only: bool, handle: &Handle) -> Result<()> {
        self.ask(Some(&json!({ READ_ONLY: read_only })), handle).map(drop)
    }

    /// The settings; or, with some to change, what DTR says to that.
    fn ask(&self, change: Option<&Value>, handle: &Handle) -> Result<String> {
        let at = self.at()?;
        let client = https::client(&self.authority, at.as_str())?;
        let request = match change {
            None => client.get(at.clone()),
            Some(settings) => client.post(at.clone()).json(settings),
        };
        let request = request.basic_auth(&self.username, Some(self.password.expose()));
        handle.block_on(async {
            let answer = request.send().await.map_err(|source| https::failed(at.as_str(), source))?;
            https::text(answer).await
        })
    }
}

fn note(api: &Api, folder: &Path) -> Result<PathBuf> {
    let url = https::url(&api.url)?;
    let port = url.port_or_known_default().unwrap_or(443);
    let host = url.host_str().unwrap_or_default().replace([':', '/'], "_");
    Ok(folder.join(format!("{NOTE}{host}_{port}")))
}

/// Who froze which server.
fn read_note(path: &Path) -> Option<(Owner, String)> {
    let text = fs::read_to_string(path).ok()?;
    let (owner, url) = text.trim().split_once('\n')?;
    Some((Owner::parse(owner)?, url.to_owned()))
}
