//! `stats`: what a repository holds, and what it takes to hold it.

mod layers;

use std::collections::BTreeMap;

use dtrvault_format::{Content, File, Kind, RepoId};
use dtrvault_repo::read::Reader;
use dtrvault_repo::{RepoError, Repository};

pub use self::layers::EncoderStats;
use self::layers::{Encoders, Reasons};
use crate::content::{kept_bytes, open_tree};
use crate::context::Context;
use crate::error::Result;
use crate::layers::LayerTotal;

/// What is counted beside the rest.
#[derive(Debug, Clone, Copy, Default)]
pub struct StatsOptions {
    /// What the layers of each encoder take: reads the lists of all of them.
    pub stored_layers: bool,
}

/// Blobs of one kind of recipe.
#[derive(Debug, Clone, Copy, Default, serde::Serialize)]
pub struct RecipeStats {
    /// How many.
    pub blobs: u64,
    /// Their lengths.
    pub bytes: u64,
}

/// A repository in numbers.
#[derive(Debug, serde::Serialize)]
pub struct StatsReport {
    /// Its id.
    pub repository: RepoId,
    /// Snapshots.
    pub snapshots: u64,
    /// What the snapshots hold, each counted whole.
    pub restore_bytes: u64,
    /// The same, with the content of layers that are taken apart in their place.
    pub restore_content_bytes: u64,
    /// Files in them, each snapshot's counted.
    pub files: u64,
    /// Blobs, each once.
    pub blobs: u64,
    /// Their lengths.
    pub blob_bytes: u64,
    /// Chunks, each once.
    pub chunks: u64,
    /// Their plain lengths.
    pub chunk_bytes: u64,
    /// Packs in the index.
    pub packs: u64,
    /// Their lengths in the store.
    pub pack_bytes: u64,
    /// Packs in the store that the index does not name.
    pub unreferenced_packs: u64,
    /// Their lengths.
    pub unreferenced_pack_bytes: u64,
    /// What snapshots hold, layers by their content, by the plain lengths of chunks.
    pub dedup_ratio: f64,
    /// Plain lengths of chunks, by the lengths of packs.
    pub compression_ratio: f64,
    /// What snapshots restore to, by the lengths of packs.
    pub total_ratio: f64,
    /// Blobs by how they are made.
    pub recipes: BTreeMap<&'static str, RecipeStats>,
    /// Gzip blobs that are stored as their content, by what made them.
    pub encoders: BTreeMap<String, EncoderStats>,
    /// Blobs that snapshots have read and stored as they are, by why: as these said when they were taken.
    pub opaque: BTreeMap<String, LayerTotal>,
    /// Snapshots of image content that do not say.
    pub silent_snapshots: u64,
}

/// Counts everything.
///
/// # Errors
/// [`dtrvault_repo::RepoError::NeedsFullKey`], those of damage, and those of the store.
pub fn run(repo: &Repository, options: StatsOptions, context: &Context) -> Result<StatsReport> {
    context.progress.stage("counting", None);
    let reader = Reader::new(repo)?;
    // Lengths in snapshots and records are claims of whoever wrote them.
    let (mut restore_bytes, mut content_bytes, mut files) = (0_u64, 0_u64, 0);
    let mut reasons = Reasons::default();
    let snapshots = repo.snapshots()?;
    for (id, snapshot) in &snapshots.sound {
        let metadata_bytes = snapshot.metadata.as_ref().map_or(0, |part| part.size);
        restore_bytes = restore_bytes.saturating_add(metadata_bytes);
        content_bytes = content_bytes.saturating_add(metadata_bytes);
        if snapshot.images.is_some() {
            reasons.add(snapshot.layers.as_ref());
            for entry in open_tree(&reader, id, snapshot)? {
                context.proceed()?;
                if let Kind::File(file) = entry?.kind {
                    files += 1;
                    restore_bytes = restore_bytes.saturating_add(file.size);
                    content_bytes = content_bytes.saturating_add(content_len(repo, &file)?);
                }
            }
        }
    }
    let mut recipes: BTreeMap<&'static str, RecipeStats> = BTreeMap::new();
    let (mut blobs, mut blob_bytes) = (0, 0_u64);
    let is_cancelled = || context.cancel.is_cancelled();
    let shares = options.stored_layers.then(|| reader.shares(&is_cancelled));
    let mut encoders = Encoders::new(&reader, shares);
    let walked = repo.index().each_blob(|blob| {
        if is_cancelled() {
            return Err(RepoError::Aborted);
        }
        blobs += 1;
        blob_bytes = blob_bytes.saturating_add(blob.size);
        let kind = recipes.entry(blob.recipe.kind_name()).or_default();
        kind.blobs += 1;
        kind.bytes = kind.bytes.saturating_add(blob.size);
        encoders.add(&blob)
    });
    context.proceed()?;
    walked?;
    let encoders = encoders.finish();
    context.proceed()?;
    let encoders = encoders?;
    let (mut chunks, mut chunk_bytes) = (0, 0);
    repo.index().each_chunk(|location| {
        chunks += 1;
        chunk_bytes += u64::from(location.len);
        Ok(())
    })?;
    let (mut packs, mut pack_bytes) = (0, 0);
    repo.index().each_pack(|_, pack| {
        packs += 1;
        pack_bytes += pack.size;
        Ok(())
    })?;
    let (mut unreferenced_packs, mut unreferenced_pack_bytes) = (0, 0_u64);
    repo.each_stored_pack(|pack| {
        if repo.index().pack_number(&pack.id)?.is_none() {
            unreferenced_packs += 1;
            unreferenced_pack_bytes = unreferenced_pack_bytes.saturating_add(pack.size);
        }
        Ok(())
    })?;
    Ok(StatsReport {
        repository: repo.id(),
        snapshots: snapshots.sound.len() as u64,
        restore_bytes,
        restore_content_bytes: content_bytes,
        files,
        blobs,
        blob_bytes,
        chunks,
        chunk_bytes,
        packs,
        pack_bytes,
        unreferenced_packs,
        unreferenced_pack_bytes,
        dedup_ratio: ratio(content_bytes, chunk_bytes),
        compression_ratio: ratio(chunk_bytes, pack_bytes),
        total_ratio: ratio(restore_bytes, pack_bytes),
        recipes,
        encoders,
        opaque: reasons.totals,
        silent_snapshots: reasons.silent_snapshots,
    })
}

/// Length of a file where it is kept.
fn content_len(repo: &Repository, file: &File) -> Result<u64> {
    let Content::Blob(digest) = &file.content else { return Ok(file.size) };
    let blob = repo.index().blob(digest)?;
    Ok(blob.map_or(file.size, |(_, recipe)| kept_bytes(&recipe, file.size)))
}

/// How many times `part` goes into `whole`; 1 for nothing.
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "a ratio for people")]
pub fn ratio(whole: u64, part: u64) -> f64 {
    if part == 0 { 1.0 } else { whole as f64 / part as f64 }
}
