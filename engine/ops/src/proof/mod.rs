//! Proof that images can be pulled again: every tag of a snapshot leads to a manifest, and every blob
//! that this needs is in the snapshot.
//!
//! What tags and manifests there are is said by DTR's metadata where the snapshot has it, and
//! otherwise by the registry's own link files and manifests. Either becomes a catalogue,
//! which is held against the blobs that are there. A snapshot that is being taken is held against its
//! metadata by the same code.

mod audit;
mod catalogue;
mod ids;
mod manifests;
mod rows;
mod stock;

use dtrvault_format::{MetadataForm, MetadataPart, Snapshot, SnapshotId};
use dtrvault_registry::metadata::dtr_version;
use dtrvault_repo::Repository;
use dtrvault_repo::read::{Proof as ReadProof, Reader};

pub use audit::Missing;
pub(crate) use audit::audit;
pub(crate) use catalogue::Catalogue;
pub(crate) use ids::Places;
pub(crate) use rows::{Described, RowWatch};
pub(crate) use stock::digest_of;

use crate::content::{open_tree, read_blob};
use crate::context::Context;
use crate::error::{OpsError, Result};
use stock::Stock;

/// Missing digests listed at most.
const MAX_LISTED: usize = 1000;

/// Who says which tags there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Witness {
    /// DTR's metadata.
    Metadata,
    /// Link files and manifests.
    Links,
}

/// What is proven of a snapshot, and what is not.
#[derive(Debug, serde::Serialize)]
pub struct ProofReport {
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// Who says which tags there are.
    pub witness: Witness,
    /// Tags.
    pub tags: u64,
    /// Those whose manifest and whose every blob is in the snapshot.
    pub proven_tags: u64,
    /// Manifests whose every blob is in the snapshot.
    pub manifests: u64,
    /// Blobs that those need.
    pub blobs: u64,
    /// Blobs and manifests that are needed and not in the snapshot, by digest: the first of them.
    pub missing: Vec<Missing>,
    /// All of them, counted.
    pub missing_count: u64,
}

impl ProofReport {
    /// Whether nothing is missing.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.missing_count == 0
    }
}

/// Proves that the images of a snapshot can be pulled once it is restored. `snapshot` is the
/// beginning of its id, or `latest`. Image content is not read: that it comes out with its digests, a restore proves.
///
/// # Errors
/// [`OpsError::NoSuchPart`] without image content; those of damage to tree or metadata, and of the store.
pub fn run(repo: &Repository, snapshot: &str, context: &Context) -> Result<ProofReport> {
    let (id, snapshot) = repo.find_snapshot(snapshot)?;
    prove(&Reader::new(repo)?, id, &snapshot, &|_| true, context)
}

/// The same, where content that is not usable counts for missing.
pub(crate) fn prove(
    reader: &Reader,
    id: SnapshotId,
    snapshot: &Snapshot,
    is_usable: &dyn Fn(&dtrvault_format::Digest) -> bool,
    context: &Context,
) -> Result<ProofReport> {
    let known = match &snapshot.metadata {
        Some(part) => described(reader, part, context)?.and_then(|described| described.catalogue),
        None => None,
    };
    let witness = if known.is_some() { Witness::Metadata } else { Witness::Links };
    let mut catalogue = known.unwrap_or_default();
    let mut stock = Stock::new(&catalogue, is_usable);
    for entry in open_tree(reader, &id, snapshot)? {
        context.proceed()?;
        stock.add(&entry?);
    }
    let Stock { mut blobs, places, tags, .. } = stock;
    if witness == Witness::Links {
        tags.iter().for_each(|(repository, tag, manifest)| catalogue.tag(repository, tag, *manifest));
        catalogue.seal();
    }
    manifests::read(reader, &mut catalogue, &mut blobs, context)?;
    let found = audit(&catalogue, &places, |digest| blobs.contains(digest));
    let missing_count = found.missing.len() as u64;
    let mut missing = found.missing;
    missing.truncate(MAX_LISTED);
    Ok(ProofReport {
        snapshot: id,
        witness,
        tags: found.tags,
        proven_tags: found.proven_tags,
        manifests: found.manifests,
        blobs: found.blobs,
        missing,
        missing_count,
    })
}

/// What a metadata part says; `None` when it is not DTR's, or is packed.
fn described(reader: &Reader, part: &MetadataPart, context: &Context) -> Result<Option<Described>> {
    let is_dtr = part.form == MetadataForm::Tar && part.root.as_deref().and_then(dtr_version).is_some();
    if !is_dtr {
        return Ok(None);
    }
    let mut watch = RowWatch::new(true);
    let mut tar = read_blob(reader, &part.digest, ReadProof::Chunks, context)?;
    dtrvault_codec::watch_tar(&mut tar, &mut watch)
        .map_err(|error| OpsError::from_io(error, OpsError::Output))?;
    Ok(Some(watch.finish()))
}
