//! `ls`: shows what is in a snapshot.

use dtrvault_format::tree::is_below;
use dtrvault_format::{Entry, Kind};
use dtrvault_repo::Repository;
use dtrvault_repo::read::Reader;

use crate::content::open_tree;
use crate::context::Context;
use crate::error::{OpsError, Result};

/// What to show.
#[derive(Debug, Clone, Default)]
pub struct LsOptions {
    /// Beginning of the snapshot's id, or `latest`.
    pub snapshot: String,
    /// What to look at, from the root on; the root itself when empty.
    pub path: Vec<u8>,
    /// All that is below, and not only what is in the folder.
    pub recursive: bool,
}

/// Calls `show` for each entry, in order.
///
/// # Errors
/// [`OpsError::NoSuchPath`], those of damage, those of `show`, and those of the store.
pub fn run(
    repo: &Repository,
    options: &LsOptions,
    context: &Context,
    mut show: impl FnMut(&Entry) -> Result<()>,
) -> Result<()> {
    let (id, snapshot) = repo.find_snapshot(&options.snapshot)?;
    let reader = Reader::new(repo)?;
    let mut found = options.path.is_empty();
    for entry in open_tree(&reader, &id, &snapshot)? {
        context.proceed()?;
        let entry = entry?;
        if entry.path == options.path {
            found = true;
            // A folder shows what is in it; anything else shows itself.
            if entry.kind == Kind::Dir && !options.path.is_empty() || entry.path.is_empty() {
                continue;
            }
            show(&entry)?;
        } else if is_below(&entry.path, &options.path) {
            // In a bucket nothing stands for the folders themselves.
            found = true;
            if options.recursive || is_child(&entry.path, &options.path) {
                show(&entry)?;
            }
        } else if found && !options.path.is_empty() {
            break;
        }
    }
    if found {
        return Ok(());
    }
    Err(OpsError::NoSuchPath { snapshot: id.to_string(), path: options.path.clone() })
}

/// A path without what people and tars put around it: `./usr/` and `/usr` are `usr`.
#[must_use]
pub fn plain_path(mut path: &[u8]) -> &[u8] {
    while let Some(rest) = path.strip_prefix(b"./").or_else(|| path.strip_prefix(b"/")) {
        path = rest;
    }
    while let Some(rest) = path.strip_suffix(b"/") {
        path = rest;
    }
    if path == b"." { b"" } else { path }
}

/// Whether `path`, which lies below `folder`, lies directly in it.
pub(crate) fn is_child(path: &[u8], folder: &[u8]) -> bool {
    let skipped = if folder.is_empty() { 0 } else { folder.len() + 1 };
    path.get(skipped..).is_some_and(|rest| !rest.contains(&b'/'))
}
