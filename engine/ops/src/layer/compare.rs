//! Compares two layers, path by path.
//!
//! First by headers, and by the chunks that contents are made of: where these are the same, nothing is read. Of
//! what may still be the same contents are read, in a second listing, and compared by their BLAKE3.

use std::iter::from_fn;

use dtrvault_format::{Digest, SnapshotId};
use dtrvault_repo::Repository;
use dtrvault_repo::read::Reader;

use super::collect::{Places, collect};
use super::name::BlobName;
use super::record::Record;
use super::sorted::Sorted;
use crate::context::Context;
use crate::diff::{Change, ChangedPath, DiffReport};
use crate::error::Result;
use crate::pairs::each_pair;

/// One of the two.
#[derive(Debug, Clone)]
pub struct LayerSide {
    /// Beginning of a snapshot's id, or `latest`.
    pub snapshot: String,
    /// Which blob of it; its path is not looked at.
    pub blob: BlobName,
}

/// Compares the tars that two blobs hold, and calls `show` for each path that changed, in order. Of several
/// members with one path the last counts, as when a tar is unpacked.
///
/// # Errors
/// As [`super::list_layer`]; a tar that is cut or damaged is not compared at all.
pub fn compare_layers(
    repo: &Repository,
    before: &LayerSide,
    after: &LayerSide,
    context: &Context,
    mut show: impl FnMut(&ChangedPath) -> Result<()>,
) -> Result<DiffReport> {
    let reader = Reader::new(repo)?;
    let mut report = DiffReport::default();
    let find = |side: &LayerSide| -> Result<(SnapshotId, Digest)> {
        let (id, snapshot) = repo.find_snapshot(&side.snapshot)?;
        Ok((id, side.blob.find(&reader, &id, &snapshot, context)?))
    };
    let (before_id, before) = find(before)?;
    let (after_id, after) = find(after)?;
    (report.before, report.after) = (Some(before_id), Some(after_id));
    (report.before_blob, report.after_blob) = (Some(before), Some(after));
    let nothing = Places::default();
    let mut old = collect(&reader, &before, &nothing, context)?;
    let mut new = collect(&reader, &after, &nothing, context)?;
    let (mut old_doubts, mut new_doubts) = (Places::default(), Places::default());
    each_path(&old, &new, context, |was, is| {
        if let (Some(was), Some(is)) = (&was, &is)
            && is_doubtful(was, is)
        {
            old_doubts.add(was.number);
            new_doubts.add(is.number);
        }
        Ok(())
    })?;
    resolve(&mut old, &reader, &before, &old_doubts, context)?;
    resolve(&mut new, &reader, &after, &new_doubts, context)?;
    each_path(&old, &new, context, |was, is| {
        let Some(changed) = changed(was.as_ref(), is.as_ref()) else { return Ok(()) };
        report.count(&changed);
        show(&changed)
    })?;
    Ok(report)
}

/// Lists the layer again and reads the contents that are in doubt, if any.
fn resolve(
    layer: &mut Sorted,
    reader: &Reader,
    digest: &Digest,
    doubts: &Places,
    context: &Context,
) -> Result<()> {
    if !doubts.is_empty() {
        *layer = collect(reader, digest, doubts, context)?;
    }
    Ok(())
}

/// Calls `visit` for every path of the two, in order, with what each has there.
fn each_path(
    old: &Sorted,
    new: &Sorted,
    context: &Context,
    visit: impl FnMut(Option<Record>, Option<Record>) -> Result<()>,
) -> Result<()> {
    let (mut old, mut new) = (old.records()?, new.records()?);
    let old = from_fn(|| old.next().transpose());
    let new = from_fn(|| new.next().transpose());
    each_pair(old, new, Record::order_of_paths, context, visit)
}

/// Whether only the contents themselves tell if they are the same.
fn is_doubtful(was: &Record, is: &Record) -> bool {
    let same = was.content == is.content && was.is_read == is.is_read;
    was.kind == is.kind && was.size == is.size && !same && !(was.is_read && is.is_read)
}

fn changed(was: Option<&Record>, is: Option<&Record>) -> Option<ChangedPath> {
    let (change, path) = match (was, is) {
        (Some(was), None) => (Change::Removed, &was.path),
        (None, Some(is)) => (Change::Added, &is.path),
        (Some(was), Some(is)) => {
            let same = was.kind == is.kind && was.size == is.size && was.content == is.content;
            match (same, was.meta == is.meta) {
                (false, _) => (Change::Modified, &is.path),
                (true, false) => (Change::Metadata, &is.path),
                (true, true) => return None,
            }
        }
        (None, None) => return None,
    };
    let size = |record: Option<&Record>| record.and_then(|record| record.size);
    Some(ChangedPath { change, path: path.clone(), size_before_bytes: size(was), size_after_bytes: size(is) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::record::record;

    #[test]
    fn contents_are_read_only_where_they_tell() {
        let passed = Record { is_read: false, ..record("a", 4) };
        let other = Record { content: [9; 32], ..passed.clone() };
        let read = Record { is_read: true, ..other.clone() };
        assert!(!is_doubtful(&passed, &passed));
        assert!(is_doubtful(&passed, &other) && is_doubtful(&passed, &read) && is_doubtful(&other, &read));
        assert!(!is_doubtful(&read, &Record { content: [8; 32], ..read.clone() }));
        assert!(!is_doubtful(&passed, &Record { size: Some(5), ..other.clone() }));
        assert!(!is_doubtful(&passed, &Record { kind: [7; 32], ..other }));
    }
}
