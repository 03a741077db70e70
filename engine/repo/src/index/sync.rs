//! Brings the cache up to what `index/` says.

use std::collections::HashSet;

use bytes::Bytes;
use dtrvault_crypto::{KeyRing, SharedKind};
use dtrvault_format::cbor::Object;
use dtrvault_format::limits::MAX_SEGMENT_BYTES;
use dtrvault_format::names::{INDEX, Named};
use dtrvault_format::{Segment, SegmentId};
use rayon::prelude::*;

use super::IndexCache;
use crate::backend::{Backend, check_name};
use crate::error::{RepoError, Result};

/// Segments are fetched and opened so many at a time,
const BATCH: usize = 16;
/// and no more than so many bytes of them, unless one alone has more. Opened, they take about
/// three times that.
const BATCH_BYTES: u64 = 8 << 20;

/// Adds every segment of the store that the cache lacks. When one that the cache has is gone
/// from the store, the cache is built anew: packs may have gone with it.
///
/// A damaged segment hides what only it names and nothing else: it is passed over, and given
/// back, so that all the rest can still be read.
pub(crate) fn sync(backend: &Backend, ring: &KeyRing, cache: &IndexCache) -> Result<Vec<RepoError>> {
    let mut stored: Vec<(SegmentId, u64)> = backend.list_sized(INDEX)?;
    let mut cached: HashSet<SegmentId> = cache.segments()?.into_iter().collect();
    let known = stored.iter().filter(|(id, _)| cached.contains(id)).count();
    if known < cached.len() {
        cache.clear()?;
        cached.clear();
    }
    stored.retain(|(id, _)| !cached.contains(id));
    let mut missing = stored;
    let mut damaged = Vec::new();
    if missing.is_empty() {
        return Ok(damaged);
    }
    missing.sort_unstable();
    let mut fetched = Vec::new();
    cache.add(|| {
        while fetched.is_empty() && !missing.is_empty() {
            let batch = next_batch(&mut missing);
            let opened: Vec<_> = backend
                .get_many(&batch, MAX_SEGMENT_BYTES)
                .into_par_iter()
                .map(|(id, bytes)| (id, bytes.and_then(|bytes| open_segment(ring, &id, bytes))))
                .collect();
            for (id, segment) in opened {
                match segment {
                    Ok(segment) => fetched.push((id, segment)),
                    Err(error) if error.is_damage() => damaged.push(error),
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(fetched.pop())
    })?;
    Ok(damaged)
}

/// Takes from the end of `missing` what is fetched at once.
fn next_batch(missing: &mut Vec<(SegmentId, u64)>) -> Vec<SegmentId> {
    let mut batch = Vec::new();
    let mut bytes = 0;
    while let Some((id, size)) = missing.last().copied() {
        bytes += size;
        if !batch.is_empty() && (bytes > BATCH_BYTES || batch.len() >= BATCH) {
            break;
        }
        batch.push(id);
        missing.pop();
    }
    batch
}

/// Reads one segment.
pub(crate) fn read_segment(backend: &Backend, ring: &KeyRing, id: &SegmentId) -> Result<Segment> {
    open_segment(ring, id, backend.get(&id.key(), MAX_SEGMENT_BYTES)?)
}

fn open_segment(ring: &KeyRing, id: &SegmentId, bytes: Bytes) -> Result<Segment> {
    check_name(id, &bytes)?;
    let plain = ring
        .open_shared(SharedKind::Segment, &bytes)
        .map_err(|source| RepoError::Unsealed { key: id.key(), source })?;
    drop(bytes);
    Segment::from_bytes(&plain).map_err(|source| RepoError::Malformed { key: id.key(), source })
}
