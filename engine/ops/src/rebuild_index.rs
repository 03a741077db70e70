//! `rebuild-index`: brings `index/` in line with the packs themselves.

use dtrvault_repo::{Rebuilt, Repository};

use crate::context::Context;
use crate::error::Result;

/// What was rebuilt.
#[derive(Debug, Default, serde::Serialize)]
pub struct RebuildReport {
    /// Packs that are in the index now and were not before.
    pub packs: u64,
    /// Chunks in them.
    pub chunks: u64,
    /// Packs that cannot be used: damaged, or not of this repository.
    pub unusable_packs: u64,
    /// Blobs that are in the index now and were not before.
    pub blobs: u64,
    /// Recipes that need chunks which are in no pack.
    pub incomplete_blobs: u64,
    /// Packs that were in the index, and are missing or cut short.
    pub lost_packs: u64,
    /// Blobs that were in the index, and cannot be made without them.
    pub lost_blobs: u64,
    /// Segments that could not be read, and were replaced.
    pub damaged_segments: u64,
}

/// Rebuilds the index.
///
/// # Errors
/// [`dtrvault_repo::RepoError::NeedsFullKey`], and those of the store.
pub fn run(repo: &Repository, context: &Context) -> Result<RebuildReport> {
    context.progress.stage("packs", None);
    let rebuilt = repo.rebuild_index(|packs| context.progress.advance(0, packs))?;
    let Rebuilt { packs, blobs, incomplete_blobs, lost_packs, lost_blobs, damaged_segments } = rebuilt;
    Ok(RebuildReport {
        packs: packs.packs,
        chunks: packs.chunks,
        unusable_packs: packs.unusable,
        blobs,
        incomplete_blobs,
        lost_packs,
        lost_blobs,
        damaged_segments,
    })
}
