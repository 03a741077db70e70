//! Lists the members of a layer.

use dtrvault_codec::{MemberSink, TarEntry, TarKind};
use dtrvault_format::tree::is_below;
use dtrvault_repo::Repository;
use dtrvault_repo::read::Reader;

use super::name::BlobName;
use super::open::{LayerTar, ListError};
use crate::context::Context;
use crate::error::{OpsError, Result};
use crate::ls::{is_child, plain_path};

/// What to show.
#[derive(Debug, Clone)]
pub struct LayerOptions {
    /// Beginning of the snapshot's id, or `latest`.
    pub snapshot: String,
    /// Which blob of it, and which path in that.
    pub blob: BlobName,
    /// All that is below, and not only what is in the folder.
    pub recursive: bool,
}

/// Calls `show` for each member of the tar that a blob of a snapshot holds, in the order of the tar.
///
/// # Errors
/// [`OpsError::NoSuchBlob`], [`OpsError::NoTar`]; [`OpsError::BrokenTar`], after what stands was shown;
/// [`OpsError::NoSuchMember`]; those of damage, those of `show`, and those of the store.
pub fn list_layer(
    repo: &Repository,
    options: &LayerOptions,
    context: &Context,
    show: impl FnMut(&TarEntry) -> Result<()>,
) -> Result<()> {
    let (id, snapshot) = repo.find_snapshot(&options.snapshot)?;
    let reader = Reader::new(repo)?;
    let digest = options.blob.find(&reader, &id, &snapshot, context)?;
    let path = plain_path(&options.blob.path).to_vec();
    let found = path.is_empty();
    let mut listing =
        Listing { path, recursive: options.recursive, found, context, show, sum: blake3::Hasher::new() };
    LayerTar::open(&reader, &digest, context)?.list(&mut listing)?;
    if listing.found {
        return Ok(());
    }
    Err(OpsError::NoSuchMember { digest, path: options.blob.path.clone() })
}

struct Listing<'a, F> {
    path: Vec<u8>,
    recursive: bool,
    found: bool,
    context: &'a Context,
    show: F,
    /// Of nothing that anybody asks for.
    sum: blake3::Hasher,
}

impl<F: FnMut(&TarEntry) -> Result<()>> MemberSink for Listing<'_, F> {
    type Error = ListError;

    fn member(&mut self, entry: TarEntry) -> std::result::Result<bool, ListError> {
        self.context.proceed()?;
        let path = plain_path(&entry.path);
        let is_it = path == self.path;
        // A folder shows what is in it; anything else shows itself.
        let shown = if is_it {
            self.path.is_empty() || entry.kind != TarKind::Dir
        } else {
            is_below(path, &self.path) && (self.recursive || is_child(path, &self.path))
        };
        self.found |= is_it || is_below(path, &self.path);
        if shown {
            (self.show)(&entry)?;
        }
        Ok(false)
    }

    fn content(&mut self, _: &[u8]) -> std::result::Result<(), ListError> {
        Ok(self.context.proceed()?)
    }

    fn passed(&mut self) -> &mut blake3::Hasher {
        &mut self.sum
    }
}
