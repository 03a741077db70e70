//! `stats`: what a repository holds, and what it takes to hold it.

use std::collections::BTreeMap;
use std::io::Read;

use dtrvault_codec::layer::made_by;
use dtrvault_format::limits::MAX_LONG_REPLAY_BYTES;
use dtrvault_format::{Content, File, Kind, Recipe, Replay, RepoId, StreamRef};
use dtrvault_repo::Repository;
use dtrvault_repo::read::Reader;

use crate::content::open_tree;
use crate::context::Context;
use crate::error::{OpsError, Result};
use crate::layers::DeepTotal;

/// What made a layer whose replay this program cannot read.
const UNKNOWN_ENCODER: &str = "unknown";

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
    /// Gzip blobs that are stored as their content, by what made them. What they take is not told apart:
    /// a chunk belongs to whatever holds it.
    pub encoders: BTreeMap<String, DeepTotal>,
}

/// Counts everything.
///
/// # Errors
/// [`dtrvault_repo::RepoError::NeedsFullKey`], those of damage, and those of the store.
pub fn run(repo: &Repository, context: &Context) -> Result<StatsReport> {
    context.progress.stage("counting", None);
    let reader = Reader::new(repo)?;
    // Lengths in snapshots and records are claims of whoever wrote them.
    let (mut restore_bytes, mut content_bytes, mut files) = (0_u64, 0_u64, 0);
    let snapshots = repo.snapshots()?;
    for (id, snapshot) in &snapshots.sound {
        let metadata_bytes = snapshot.metadata.as_ref().map_or(0, |part| part.size);
        restore_bytes = restore_bytes.saturating_add(metadata_bytes);
        content_bytes = content_bytes.saturating_add(metadata_bytes);
        if snapshot.images.is_some() {
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
    let mut encoders = Encoders::default();
    repo.index().each_blob(|blob| {
        blobs += 1;
        blob_bytes = blob_bytes.saturating_add(blob.size);
        let kind = recipes.entry(blob.recipe.kind_name()).or_default();
        kind.blobs += 1;
        kind.bytes = kind.bytes.saturating_add(blob.size);
        if let Recipe::Gzip { replay, .. } = &blob.recipe {
            encoders.add(blob.size, replay);
        }
        Ok(())
    })?;
    let encoders = encoders.finish(&reader, context)?;
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
    })
}

/// Length of a file, or of the streams that the content of a layer is kept in.
fn content_len(repo: &Repository, file: &File) -> Result<u64> {
    let Content::Blob(digest) = &file.content else { return Ok(file.size) };
    Ok(match repo.index().blob(digest)? {
        Some((_, Recipe::Gzip { content, .. })) => {
            content.streams().fold(0, |sum, stream| sum.saturating_add(stream.len))
        }
        _ => file.size,
    })
}

/// What made the gzip blobs that are stored as their content.
#[derive(Default)]
struct Encoders {
    totals: BTreeMap<String, DeepTotal>,
    /// Lengths of blobs, and replays of theirs that have to be read.
    long: Vec<(u64, StreamRef)>,
}

impl Encoders {
    fn add(&mut self, size: u64, replay: &Replay) {
        match replay {
            Replay::Short(replay) => self.count(size, replay),
            Replay::Long(stream) => self.long.push((size, *stream)),
        }
    }

    fn count(&mut self, size: u64, replay: &[u8]) {
        let (encoder, content_bytes) = made_by(replay).unwrap_or_default();
        let name = encoder.map_or_else(|| UNKNOWN_ENCODER.to_owned(), |encoder| encoder.to_string());
        self.totals.entry(name).or_default().add(1, size, content_bytes);
    }

    fn finish(mut self, reader: &Reader, context: &Context) -> Result<BTreeMap<String, DeepTotal>> {
        for (size, stream) in std::mem::take(&mut self.long) {
            context.proceed()?;
            let mut replay = Vec::new();
            let read = reader.stream(&stream)?.take(MAX_LONG_REPLAY_BYTES).read_to_end(&mut replay);
            read.map_err(|error| OpsError::from_io(error, OpsError::Cache))?;
            self.count(size, &replay);
        }
        Ok(self.totals)
    }
}

/// How many times `part` goes into `whole`; 1 for nothing.
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "a ratio for people")]
pub fn ratio(whole: u64, part: u64) -> f64 {
    if part == 0 { 1.0 } else { whole as f64 / part as f64 }
}
