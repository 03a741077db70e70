//! Brings the cache up to what `index/` says.

use std::collections::{HashSet, VecDeque};

use bytes::Bytes;
use dtrvault_crypto::{KeyRing, SharedKind};
use dtrvault_format::cbor::Object;
use dtrvault_format::limits::MAX_SEGMENT_BYTES;
use dtrvault_format::names::{INDEX, Named};
use dtrvault_format::{Segment, SegmentId};

use super::IndexCache;
use crate::backend::{Backend, check_name};
use crate::error::{RepoError, Result};

/// Segments are fetched at most this many at a time.
const BATCH: usize = 8;
/// And no more than this many bytes at a time, unless one alone is longer: one is at most
/// [`MAX_SEGMENT_BYTES`] long, and each is decoded when it is its turn.
const BATCH_BYTES: u64 = 32 << 20;

/// Adds every segment of the store that the cache lacks. When one that the cache has is gone
/// from the store, the cache is built anew: packs may have gone with it.
///
/// A damaged segment hides what only it names and nothing else: it is passed over, and given
/// back, so that all the rest can still be read.
pub(crate) fn sync(backend: &Backend, ring: &KeyRing, cache: &IndexCache) -> Result<Vec<RepoError>> {
    let stored: Vec<(SegmentId, u64)> = backend.list_sized(INDEX)?;
    let mut cached: HashSet<SegmentId> = cache.segments()?.into_iter().collect();
    let known = stored.iter().filter(|(id, _)| cached.contains(id)).count();
    if known < cached.len() {
        cache.clear()?;
        cached.clear();
    }
    let mut missing: VecDeque<(SegmentId, u64)> =
        stored.into_iter().filter(|(id, _)| !cached.contains(id)).collect();
    let mut damaged = Vec::new();
    if missing.is_empty() {
        return Ok(damaged);
    }
    missing.make_contiguous().sort_unstable();
    let mut fetched: Vec<(SegmentId, Result<Bytes>)> = Vec::new();
    cache.add(|| {
        loop {
            while let Some((id, bytes)) = fetched.pop() {
                match bytes.and_then(|bytes| open_segment(ring, &id, &bytes)) {
                    Ok(segment) => return Ok(Some((id, segment))),
                    Err(error) if error.is_damage() => damaged.push(error),
                    Err(error) => return Err(error),
                }
            }
            if missing.is_empty() {
                return Ok(None);
            }
            fetched = backend.get_many(&next_batch(&mut missing), MAX_SEGMENT_BYTES);
        }
    })?;
    Ok(damaged)
}

/// Takes the segments that are fetched next.
fn next_batch(missing: &mut VecDeque<(SegmentId, u64)>) -> Vec<SegmentId> {
    let (mut batch, mut bytes) = (Vec::new(), 0_u64);
    while let Some((id, size)) = missing.front().filter(|_| batch.len() < BATCH) {
        bytes = bytes.saturating_add(*size);
        if bytes > BATCH_BYTES && !batch.is_empty() {
            break;
        }
        batch.push(*id);
        missing.pop_front();
    }
    batch
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
