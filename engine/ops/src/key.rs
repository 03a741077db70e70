//! `key`: lists, adds, removes, and changes passwords.

use dtrvault_format::{Argon2Params, Role, SlotHead, SlotId};
use dtrvault_repo::keys::NewSlot;
use dtrvault_repo::{RepoError, Repository};

use crate::error::Result;

/// A key.
#[derive(Debug, serde::Serialize)]
pub struct KeyRow {
    /// Its id.
    pub id: SlotId,
    /// What is known of it without its password.
    #[serde(flatten)]
    pub head: SlotHead,
    /// It is the one that opened the repository.
    pub current: bool,
}

/// Cost of a new password, measured on this machine.
///
/// # Errors
/// [`RepoError::Crypto`].
pub fn tuned_argon2() -> Result<Argon2Params> {
    Ok(dtrvault_repo::keys::tuned_argon2().map_err(RepoError::from)?)
}

/// Lists keys, oldest first.
///
/// # Errors
/// [`RepoError::NeedsFullKey`], and those of the store.
pub fn list(repo: &Repository) -> Result<Vec<KeyRow>> {
    let keys = repo.key_list()?;
    Ok(keys.into_iter().map(|(id, head)| KeyRow { id, head, current: id == repo.slot() }).collect())
}

/// Adds a key.
///
/// # Errors
/// [`RepoError::NeedsFullKey`], and those of the store.
pub fn add(
    repo: &Repository,
    password: &[u8],
    role: Role,
    label: &str,
    argon2: Argon2Params,
) -> Result<SlotId> {
    Ok(repo.key_add(password, &NewSlot { role, label: label.to_owned(), argon2 })?)
}

/// Removes the key whose id begins with `prefix`.
///
/// # Errors
/// [`RepoError::LastFullKey`], [`RepoError::NeedsFullKey`], those of ids and of the store.
pub fn remove(repo: &Repository, prefix: &str) -> Result<SlotId> {
    Ok(repo.key_remove(prefix)?)
}

/// Gives the key that opened the repository another password.
///
/// # Errors
/// Those of the store.
pub fn change_password(repo: &Repository, password: &[u8], argon2: Argon2Params) -> Result<SlotId> {
    Ok(repo.key_change_password(password, argon2)?)
}
