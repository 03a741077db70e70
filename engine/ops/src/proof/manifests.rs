//! Manifests that are blobs, read back for what they need.

use std::collections::{HashMap, HashSet};
use std::io::Read;

use dtrvault_format::Digest;
use dtrvault_registry::manifest::{self, MAX_MANIFEST_BYTES, Role};
use dtrvault_repo::read::{Proof, Reader};

use super::catalogue::{Catalogue, Number};
use crate::content::read_blob;
use crate::context::Context;
use crate::error::{OpsError, Result};

/// Adds what the manifests need that tags name, of which nothing is said yet and that are blobs. One
/// that is damaged is struck from `blobs`.
pub(super) fn read(
    reader: &Reader,
    catalogue: &mut Catalogue,
    blobs: &mut HashSet<Digest>,
    context: &Context,
) -> Result<()> {
    let mut next = unknown(catalogue, blobs);
    let mut seen: HashSet<Digest> = next.iter().map(|(_, digest)| *digest).collect();
    while let Some((repository, digest)) = next.pop() {
        context.proceed()?;
        let bytes = match bytes_of(reader, &digest, context) {
            Err(error) if error.is_damage() => {
                blobs.remove(&digest);
                continue;
            }
            bytes => bytes?,
        };
        // What is no manifest needs nothing; that its bytes are right is all there is to prove.
        let Ok(found) = manifest::references(&bytes) else { continue };
        for named in found.list.iter().filter(|named| named.role == Role::Manifest) {
            if let Some(child) = named.digest.sha256()
                && blobs.contains(&child)
                && seen.insert(child)
            {
                next.push((repository.clone(), child));
            }
        }
        catalogue.manifest(&repository, digest, found.required());
    }
    Ok(())
}

/// Repositories and digests of manifests that tags name, by digest.
fn unknown(catalogue: &Catalogue, blobs: &HashSet<Digest>) -> Vec<(String, Digest)> {
    let mut named: HashMap<Number, String> = HashMap::new();
    for tag in catalogue.tags.iter().filter(|tag| catalogue.needs(tag.manifest).is_none()) {
        named.entry(tag.manifest).or_insert_with(|| catalogue.name_of(tag).0.to_owned());
    }
    let mut found: Vec<(String, Digest)> = catalogue
        .digests()
        .filter(|(digest, _)| blobs.contains(*digest))
        .filter_map(|(digest, number)| Some((named.remove(&number)?, *digest)))
        .collect();
    found.sort_unstable_by_key(|(_, digest)| *digest);
    found
}

/// A blob's bytes; none of one that is too long for a manifest.
fn bytes_of(reader: &Reader, digest: &Digest, context: &Context) -> Result<Vec<u8>> {
    let mut blob = read_blob(reader, digest, Proof::Chunks, context)?;
    let mut bytes = Vec::new();
    if blob.size() <= MAX_MANIFEST_BYTES as u64 {
        blob.read_to_end(&mut bytes).map_err(|error| OpsError::from_io(error, OpsError::Output))?;
    }
    Ok(bytes)
}
