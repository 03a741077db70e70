//! Brings the cache up to what `index/` says.

use std::collections::HashSet;

use dtrvault_crypto::{KeyRing, SharedKind};
use dtrvault_format::cbor::Object;
use dtrvault_format::limits::MAX_SEGMENT_BYTES;
use dtrvault_format::names::{INDEX, Named};
use dtrvault_format::{Segment, SegmentId};

use super::IndexCache;
use crate::backend::{Backend, check_name};
use crate::error::{RepoError, Result};

/// Segments are fetched this many at a time, which bounds the memory they take.
const BATCH: usize = 8;

/// Adds every segment of the store that the cache lacks. When one that the cache has is gone
/// from the store, the cache is built anew: packs may have gone with it.
///
/// A damaged segment hides what only it names and nothing else: it is passed over, and given
/// back, so that all the rest can still be read.
pub(crate) fn sync(backend: &Backend, ring: &KeyRing, cache: &IndexCache) -> Result<Vec<RepoError>> {
    let stored: Vec<SegmentId> = backend.list(INDEX)?;
    let mut cached: HashSet<SegmentId> = cache.segments()?.into_iter().collect();
    let known = stored.iter().filter(|id| cached.contains(*id)).count();
    if known < cached.len() {
        cache.clear()?;
        cached.clear();
    }
    let mut missing: Vec<SegmentId> = stored.into_iter().filter(|id| !cached.contains(id)).collect();
    let mut damaged = Vec::new();
    if missing.is_empty() {
        return Ok(damaged);
    }
    missing.sort_unstable();
    let mut fetched = Vec::new();
    cache.add(|| {
        while fetched.is_empty() && !missing.is_empty() {
            let batch: Vec<_> = missing.drain(..missing.len().min(BATCH)).collect();
            for (id, bytes) in backend.get_many(&batch, MAX_SEGMENT_BYTES) {
                match bytes.and_then(|bytes| open_segment(ring, &id, &bytes)) {
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

/// Reads one segment.
pub(crate) fn read_segment(backend: &Backend, ring: &KeyRing, id: &SegmentId) -> Result<Segment> {
    open_segment(ring, id, &backend.get(&id.key(), MAX_SEGMENT_BYTES)?)
}

fn open_segment(ring: &KeyRing, id: &SegmentId, bytes: &[u8]) -> Result<Segment> {
    check_name(id, bytes)?;
    let plain = ring
        .open_shared(SharedKind::Segment, bytes)
        .map_err(|source| RepoError::Unsealed { key: id.key(), source })?;
    Segment::from_bytes(&plain).map_err(|source| RepoError::Malformed { key: id.key(), source })
}
