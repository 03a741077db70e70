//! `cat`: shows one object of the repository as it stands, for people who debug.

use std::io::{self, Write};
use std::str::FromStr;

use dtrvault_format::names::Named;
use dtrvault_format::{Config, Directory, Entry, PackId, Segment, SegmentId, Snapshot};
use dtrvault_repo::packs::StoredPack;
use dtrvault_repo::read::Reader;
use dtrvault_repo::{RepoError, Repository};

use crate::content::open_tree;
use crate::error::{OpsError, Result};

/// The config.
#[must_use]
pub fn config(repo: &Repository) -> &Config {
    repo.config()
}

/// A snapshot.
///
/// # Errors
/// Those of ids, of damage, and of the store.
pub fn snapshot(repo: &Repository, prefix: &str) -> Result<Snapshot> {
    Ok(repo.find_snapshot(prefix)?.1)
}

/// An index segment.
///
/// # Errors
/// Those of ids, of damage, and of the store; [`RepoError::NeedsFullKey`].
pub fn segment(repo: &Repository, prefix: &str) -> Result<Segment> {
    repo.need_full_key()?;
    let id: SegmentId = one("index segment", prefix, repo.segment_ids()?)?;
    Ok(repo.segment(&id)?)
}

/// Ids of all index segments.
///
/// # Errors
/// Those of the store; [`RepoError::NeedsFullKey`].
pub fn segments(repo: &Repository) -> Result<Vec<SegmentId>> {
    repo.need_full_key()?;
    Ok(repo.segment_ids()?)
}

/// A pack's directory.
#[derive(Debug, serde::Serialize)]
pub struct PackListing {
    /// Name of the pack.
    pub id: PackId,
    /// Its length in the store.
    pub size_bytes: u64,
    /// What is in it.
    #[serde(flatten)]
    pub directory: Directory,
}

/// The directory of a pack.
///
/// # Errors
/// Those of ids, of damage, and of the store; [`RepoError::NeedsFullKey`].
pub fn pack(repo: &Repository, prefix: &str) -> Result<PackListing> {
    repo.need_full_key()?;
    let mut packs = Vec::new();
    repo.each_stored_pack(|pack| {
        if pack.id.to_string().starts_with(prefix) {
            packs.push(pack);
        }
        Ok(())
    })?;
    let id = one("pack", prefix, packs.iter().map(|pack| pack.id).collect())?;
    let size = packs.iter().find(|pack| pack.id == id).map_or(0, |pack| pack.size);
    let (_, directory) = repo.pack_directory(StoredPack { id, size })?;
    Ok(PackListing { id, size_bytes: size, directory })
}

/// Calls `show` for every entry of a snapshot's tree.
///
/// # Errors
/// Those of ids, of damage, of `show`, and of the store.
pub fn tree(repo: &Repository, prefix: &str, mut show: impl FnMut(&Entry) -> Result<()>) -> Result<()> {
    let (id, snapshot) = repo.find_snapshot(prefix)?;
    open_tree(&Reader::new(repo)?, &id, &snapshot)?.try_for_each(|entry| show(&entry?))
}

/// Writes what a backup said while a snapshot was taken; nothing when none was run for it.
///
/// # Errors
/// Those of ids, of damage, of `out`, and of the store.
pub fn log(repo: &Repository, prefix: &str, out: &mut dyn Write) -> Result<()> {
    let (_, snapshot) = repo.find_snapshot(prefix)?;
    let Some(log) = snapshot.metadata.and_then(|part| part.log) else { return Ok(()) };
    let mut stream = Reader::new(repo)?.stream(&log)?;
    let copied = io::copy(&mut stream, out);
    copied.map(drop).map_err(|error| OpsError::from_io(error, OpsError::Output))
}

/// The one id that begins with `prefix`. A whole key, as listings of the store show it, will do as well.
fn one<I: Named + Copy + ToString + FromStr>(what: &'static str, prefix: &str, ids: Vec<I>) -> Result<I> {
    let prefix = I::from_key(prefix).map_or_else(|| prefix.to_owned(), |id| id.to_string());
    let mut matching = ids.into_iter().filter(|id| !prefix.is_empty() && id.to_string().starts_with(&prefix));
    match (matching.next(), matching.next()) {
        (Some(id), None) => Ok(id),
        (None, _) => Err(RepoError::NoSuchId { what, prefix }.into()),
        _ => Err(RepoError::AmbiguousId { what, prefix }.into()),
    }
}
