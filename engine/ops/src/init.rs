//! `init`: creates a repository.

use dtrvault_format::{RepoId, SlotId};
use dtrvault_repo::{Backend, CreateOptions, Repository};

use crate::error::Result;

/// A new repository.
#[derive(Debug, serde::Serialize)]
pub struct InitReport {
    /// Its id.
    pub repository: RepoId,
    /// Its first key.
    pub key: SlotId,
    /// Where it is.
    pub location: String,
}

/// Creates a repository with one full key.
///
/// # Errors
/// [`dtrvault_repo::RepoError::Exists`] when there is one, and those of the store.
pub fn run(backend: &Backend, password: &[u8], options: &CreateOptions) -> Result<InitReport> {
    let created = Repository::create(backend, password, options)?;
    Ok(InitReport { repository: created.id, key: created.slot, location: backend.url().to_owned() })
}
