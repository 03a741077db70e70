//! Reading chunks: found in the index, fetched in few requests, opened, and verified.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf, Bytes, BytesMut};
use dtrvault_crypto::PackOpener;
use dtrvault_format::ChunkId;
use dtrvault_format::limits::MAX_CHUNK_BYTES;
use dtrvault_format::names::Named;
use dtrvault_format::pack::TAG_BYTES;
use futures::{StreamExt, TryStreamExt};
use rayon::prelude::*;

use super::cache::{FrameCache, FrameKey};
use super::stream::WINDOW_BYTES;
use crate::error::{RepoError, Result};
use crate::index::{FrameSpan, Location, PackInfo, PackNo};
use crate::packs;
use crate::repository::Repository;

/// Frames that lie no further apart than this are fetched with one request, bytes.
const GAP_BYTES: u64 = 128 << 10;
/// A request is not made longer than this by joining frames, bytes.
const REQUEST_BYTES: u64 = 8 << 20;
/// Plain bytes of frames that one call holds beside what the cache keeps.
const FRAMES_BYTES: u64 = 32 << 20;
/// Plain bytes of chunks that one call gives at most: a window, and the chunk that ends it.
pub(super) const FETCH_BYTES: u64 = WINDOW_BYTES + MAX_CHUNK_BYTES as u64;
/// Requests at once, for one call.
const PARALLEL: usize = 8;
/// Form byte and tag: what a frame is longer by that was not compressed.
const STORED_AS_IT_IS_BYTES: usize = 1 + TAG_BYTES;
/// Openers of packs that are kept,
const MAX_OPENERS: usize = 1024;
/// and frames of all of them: 16 MiB.
const MAX_OPENER_FRAMES: usize = 1 << 20;

/// What bytes are held against before they are given out. Frames are authentic either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Each chunk against its id.
    Chunks,
    /// By the caller, against a digest of the whole: it can use nothing before.
    Whole,
}

/// Chunks that are asked for at once.
#[derive(Clone, Copy)]
struct Asked<'a> {
    ids: &'a [ChunkId],
    proof: Proof,
}

/// Reads what is stored. Cheap to clone; clones share their caches.
#[derive(Clone)]
pub struct Reader {
    inner: Arc<Inner>,
}

struct Inner {
    repo: Repository,
    frames: Mutex<FrameCache>,
    openers: Mutex<Openers>,
    /// Of the database whose pack numbers the caches go by.
    generation: AtomicU64,
}

/// Openers that are kept, and how many frames their packs have.
#[derive(Default)]
struct Openers {
    packs: HashMap<PackNo, Arc<OpenedPack>>,
    frames: usize,
}

struct OpenedPack {
    info: Arc<PackInfo>,
    opener: PackOpener,
}

/// A frame to be read.
struct WantedFrame {
    key: FrameKey,
    span: FrameSpan,
    pack: Arc<OpenedPack>,
    /// It has other chunks than the ones that are wanted now, so it may be wanted again.
    is_shared: bool,
}

impl Reader {
    /// A reader of `repo`.
    ///
    /// # Errors
    /// [`RepoError::NeedsFullKey`].
    pub fn new(repo: &Repository) -> Result<Self> {
        repo.need_full_key()?;
        let inner = Inner {
            repo: repo.clone(),
            frames: Mutex::new(FrameCache::new(repo.options().frame_cache_bytes)),
            openers: Mutex::default(),
            generation: AtomicU64::new(repo.index().generation()),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The repository that is read.
    #[must_use]
    pub fn repo(&self) -> &Repository {
        &self.inner.repo
    }

    /// The plain bytes of chunks, in the order asked for.
    ///
    /// # Errors
    /// [`RepoError::MissingChunk`], [`RepoError::DamagedFrame`], and those of the store;
    /// [`RepoError::DamagedStream`] for chunks that are longer together than a window may be,
    /// because a list lied about their lengths.
    pub fn fetch(&self, ids: &[ChunkId], proof: Proof) -> Result<Vec<Bytes>> {
        let index = self.inner.repo.index();
        loop {
            let generation = index.generation();
            self.forget_other_generations(generation);
            let fetched = self.fetch_from(Asked { ids, proof });
            // When the cache was built anew meanwhile, pack numbers meant other packs.
            let doubtful = match &fetched {
                Ok(_) => proof == Proof::Whole,
                Err(error) => error.is_damage(),
            };
            if !doubtful || index.generation() == generation {
                return fetched;
            }
        }
    }

    /// Forgets what is known by the pack numbers of another database.
    fn forget_other_generations(&self, generation: u64) {
        if self.inner.generation.swap(generation, Ordering::AcqRel) != generation {
            *self.inner.openers.lock().unwrap_or_else(PoisonError::into_inner) = Openers::default();
            self.frames().clear();
        }
    }

    fn fetch_from(&self, asked: Asked<'_>) -> Result<Vec<Bytes>> {
        let ids = asked.ids;
        let mut wanted: BTreeMap<FrameKey, Vec<(usize, Location)>> = BTreeMap::new();
        let mut bytes = 0;
        for (at, id) in ids.iter().enumerate() {
            let found = self.inner.repo.index().locate(id)?;
            let location = found.ok_or(RepoError::MissingChunk { id: *id })?;
            bytes += u64::from(location.len);
            wanted.entry((location.pack, location.frame)).or_default().push((at, location));
        }
        if bytes > FETCH_BYTES {
            return Err(RepoError::DamagedStream { detail: "its chunks are longer than its list says" });
        }
        let mut chunks = vec![Bytes::new(); ids.len()];
        // Chunks that lie scattered need many frames, which are a hundred times as long: so
        // frames are read, cut and let go some at a time.
        let mut missing: Vec<WantedFrame> = Vec::new();
        let mut missing_bytes = 0;
        for (key, places) in &wanted {
            let cached = self.frames().get(*key);
            if let Some(frame) = cached {
                self.cut_all(&frame, places, asked, &mut chunks)?;
                continue;
            }
            let frame = self.wanted_frame(*key, places)?;
            let plain_bytes = u64::from(frame.span.plain_len);
            if missing_bytes + plain_bytes > FRAMES_BYTES {
                self.read_and_cut(&std::mem::take(&mut missing), &wanted, asked, &mut chunks)?;
                missing_bytes = 0;
            }
            missing_bytes += plain_bytes;
            missing.push(frame);
        }
        self.read_and_cut(&missing, &wanted, asked, &mut chunks)?;
        Ok(chunks)
    }

    fn read_and_cut(
        &self,
        missing: &[WantedFrame],
        wanted: &BTreeMap<FrameKey, Vec<(usize, Location)>>,
        asked: Asked<'_>,
        chunks: &mut [Bytes],
    ) -> Result<()> {
        for (key, frame) in self.read_frames(missing)? {
            let places = wanted.get(&key).map(Vec::as_slice).unwrap_or_default();
            self.cut_all(&frame, places, asked, chunks)?;
        }
        Ok(())
    }

    /// Cuts chunks out of their frame. Where they are the smaller part of it they are copied,
    /// so that they do not keep all of it in memory.
    fn cut_all(
        &self,
        frame: &Bytes,
        places: &[(usize, Location)],
        asked: Asked<'_>,
        chunks: &mut [Bytes],
    ) -> Result<()> {
        let used: usize = places.iter().map(|(_, location)| location.len as usize).sum();
        for (at, location) in places {
            if let (Some(id), Some(chunk)) = (asked.ids.get(*at), chunks.get_mut(*at)) {
                let cut = self.cut(frame, *location, id, asked.proof)?;
                *chunk = if used < frame.len() / 2 { Bytes::copy_from_slice(&cut) } else { cut };
            }
        }
        Ok(())
    }

    /// Cuts one chunk out of its frame.
    fn cut(&self, frame: &Bytes, location: Location, id: &ChunkId, proof: Proof) -> Result<Bytes> {
        let start = location.offset as usize;
        let end = start.saturating_add(location.len as usize);
        if end <= frame.len() {
            let chunk = frame.slice(start..end);
            if proof == Proof::Whole || self.inner.repo.ring().chunk_id(&chunk) == *id {
                return Ok(chunk);
            }
        }
        let pack = self.opened(location.pack)?.info.id;
        let detail = format!("holds other bytes than chunk {id} has");
        Err(RepoError::DamagedFrame { pack, frame: location.frame, detail })
    }

    fn frames(&self) -> std::sync::MutexGuard<'_, FrameCache> {
        self.inner.frames.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wanted_frame(&self, key: FrameKey, places: &[(usize, Location)]) -> Result<WantedFrame> {
        let pack = self.opened(key.0)?;
        let span = usize::try_from(key.1).ok().and_then(|number| pack.info.frames.get(number)).copied();
        let span = span.ok_or_else(|| RepoError::DamagedFrame {
            pack: pack.info.id,
            frame: key.1,
            detail: "is not in the index".to_owned(),
        })?;
        let is_shared = places.iter().any(|(_, location)| location.len < span.plain_len);
        Ok(WantedFrame { key, span, pack, is_shared })
    }

    /// The opener of a pack, made once.
    fn opened(&self, number: PackNo) -> Result<Arc<OpenedPack>> {
        let openers = || self.inner.openers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pack) = openers().packs.get(&number) {
            return Ok(Arc::clone(pack));
        }
        let info = self.inner.repo.index().pack(number)?.ok_or(RepoError::DamagedStream {
            detail: "a chunk stands in a pack that the index does not know",
        })?;
        let opener = self.inner.repo.ring().open_pack(&info.header);
        let opener = opener.map_err(|source| RepoError::Unsealed { key: info.id.key(), source })?;
        let pack = Arc::new(OpenedPack { info, opener });
        let mut openers = openers();
        openers.frames += pack.info.frames.len();
        if openers.packs.len() >= MAX_OPENERS || openers.frames > MAX_OPENER_FRAMES {
            *openers = Openers { frames: pack.info.frames.len(), ..Openers::default() };
        }
        openers.packs.insert(number, Arc::clone(&pack));
        Ok(pack)
    }

    /// Fetches and opens frames, which are sorted by pack and number.
    fn read_frames(&self, wanted: &[WantedFrame]) -> Result<Vec<(FrameKey, Bytes)>> {
        let runs = runs(wanted);
        let backend = self.inner.repo.backend();
        let fetched: Vec<Bytes> = backend.wait(
            futures::stream::iter(runs.iter().map(|run| async move {
                let (Some(first), Some(last)) = (run.first(), run.last()) else {
                    return Ok(Bytes::new());
                };
                let end = last.span.offset + u64::from(last.span.stored_len);
                let key = first.pack.info.id.key();
                backend.store().get_range(&key, first.span.offset, end - first.span.offset).await
            }))
            .buffered(PARALLEL)
            .try_collect(),
        )?;
        let stored: Vec<(&WantedFrame, BytesMut)> = runs.iter().zip(fetched).flat_map(split).collect();
        let frames: Vec<(FrameKey, Bytes)> = stored
            .into_par_iter()
            .map(|(frame, stored)| {
                let WantedFrame { key, span, pack, .. } = frame;
                let plain_len = span.plain_len as usize;
                let plain = packs::open_frame(&pack.opener, pack.info.id, key.1, stored, plain_len)?;
                Ok((*key, plain))
            })
            .collect::<Result<_>>()?;
        let mut cache = self.frames();
        for (wanted, (key, frame)) in wanted.iter().zip(&frames).filter(|(wanted, _)| wanted.is_shared) {
            // What was stored as it is lies in the memory of a whole request.
            let is_part = frame.len() + STORED_AS_IT_IS_BYTES == wanted.span.stored_len as usize;
            cache.insert(*key, if is_part { Bytes::copy_from_slice(frame) } else { frame.clone() });
        }
        Ok(frames)
    }
}

/// The frames of a run, out of the bytes that were fetched for it. A frame that the bytes do
/// not hold is empty.
fn split<'a>((run, bytes): (&&'a [WantedFrame], Bytes)) -> Vec<(&'a WantedFrame, BytesMut)> {
    let mut rest = bytes.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&*shared));
    let mut at = run.first().map_or(0, |first| first.span.offset);
    run.iter()
        .map(|frame| {
            let gap = usize::try_from(frame.span.offset - at).unwrap_or(usize::MAX);
            let len = frame.span.stored_len as usize;
            at = frame.span.offset + u64::from(frame.span.stored_len);
            if gap.saturating_add(len) > rest.len() {
                return (frame, BytesMut::new());
            }
            rest.advance(gap);
            (frame, rest.split_to(len))
        })
        .collect()
}

/// Splits sorted frames into runs that are each fetched with one request.
fn runs(wanted: &[WantedFrame]) -> Vec<&[WantedFrame]> {
    let mut run_start = wanted.first().map_or(0, |frame| frame.span.offset);
    wanted
        .chunk_by(|a, b| {
            let end = a.span.offset + u64::from(a.span.stored_len);
            let joined = a.key.0 == b.key.0
                && b.span.offset.checked_sub(end).is_some_and(|gap| gap <= GAP_BYTES)
                && b.span.offset + u64::from(b.span.stored_len) - run_start <= REQUEST_BYTES;
            if !joined {
                run_start = b.span.offset;
            }
            joined
        })
        .collect()
}
