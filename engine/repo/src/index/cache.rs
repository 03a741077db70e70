//! The cache in RocksDB: read through a handle that takes no lock, written in short sessions
//! under a lock file. So any number of processes of one machine use one cache at once.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use dtrvault_format::{BlobRecord, ChunkId, Digest, PackId, Recipe, RepoId, Segment, SegmentId};
use rocksdb::{
    BlockBasedIndexType, BlockBasedOptions, Cache, DB, Direction, IteratorMode, Options, WriteBatch,
    WriteOptions,
};

use super::rows::{
    BLOB, BlobRow, CHUNK, Location, META_KEY, PACK, PackInfo, PackNo, SEGMENT, blob_key, chunk_key,
    pack_id_key, pack_key, segment_key,
};
use crate::error::{RepoError, Result};

/// Share of the memory budget that buffers writes; the rest caches blocks, filters included.
const WRITE_SHARE: usize = 4;
/// Rows are written in batches of about this many bytes.
const BATCH_BYTES: usize = 4 << 20;
/// A file of this name says that a read met damage: the next opening starts anew.
const DAMAGED: &str = "damaged";

/// How many rows there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Chunks.
    pub chunks: u64,
    /// Blobs.
    pub blobs: u64,
    /// Packs.
    pub packs: u64,
    /// Bytes of all packs.
    pub pack_bytes: u64,
}

/// The cached index of one repository.
pub struct IndexCache {
    dir: PathBuf,
    repo: RepoId,
    options: Options,
    /// Read-only; `None` only while it is exchanged.
    db: RwLock<Option<DB>>,
    /// Held shared while a handle is opened, exclusive while rows are written.
    lock: Mutex<File>,
}

impl IndexCache {
    /// Opens or creates the cache in `dir`, with at most about `memory_bytes` of memory. One
    /// that is damaged is thrown away.
    ///
    /// # Errors
    /// [`RepoError::Cache`] when the folder cannot be used.
    pub fn open(dir: &Path, repo: RepoId, memory_bytes: usize) -> Result<Self> {
        let fail = |source| RepoError::Cache { path: dir.to_owned(), source };
        create_private_dir(dir).map_err(fail)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(dir.join("lock"))
            .map_err(fail)?;
        let cache = Self {
            dir: dir.to_owned(),
            repo,
            options: options(memory_bytes),
            db: RwLock::new(None),
            lock: Mutex::new(lock),
        };
        cache.reopen()?;
        Ok(cache)
    }

    fn fail(&self, source: io::Error) -> RepoError {
        RepoError::Cache { path: self.dir.clone(), source }
    }

    fn rocks(&self, error: &rocksdb::Error) -> RepoError {
        if error.kind() == rocksdb::ErrorKind::Corruption {
            // Best effort: without the mark the next run meets the same damage and says so again.
            let _ = File::create(self.dir.join(DAMAGED));
        }
        self.fail(io::Error::other(format!("{error}; run again: a damaged cache is built anew")))
    }

    fn path(&self) -> PathBuf {
        self.dir.join("rocksdb")
    }

    /// Opens the reading handle, first creating or clearing the database where that is due.
    fn reopen(&self) -> Result<()> {
        let lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        lock.lock_shared().map_err(|e| self.fail(e))?;
        let mut opened = self.open_sound();
        if opened.is_none() {
            lock.unlock().and_then(|()| lock.lock()).map_err(|e| self.fail(e))?;
            // Another process may have mended it while this one waited.
            opened = self.open_sound();
            if opened.is_none() {
                self.create()?;
                opened = self.open_sound();
            }
        }
        lock.unlock().map_err(|e| self.fail(e))?;
        let db = opened.ok_or_else(|| self.fail(io::Error::other("cannot be opened, not even anew")))?;
        *self.db.write().unwrap_or_else(PoisonError::into_inner) = Some(db);
        Ok(())
    }

    /// A reading handle of a database that is there, whole, and of this repository.
    fn open_sound(&self) -> Option<DB> {
        if self.dir.join(DAMAGED).exists() {
            return None;
        }
        let db = DB::open_for_read_only(&self.options, self.path(), false).ok()?;
        let repo = db.get(META_KEY).ok()??;
        (repo == self.repo.as_bytes()).then_some(db)
    }

    /// Makes an empty database in place of whatever is there. The lock is held exclusively.
    fn create(&self) -> Result<()> {
        match fs::remove_dir_all(self.path()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(self.fail(error)),
            _ => {}
        }
        let db = DB::open(&self.options, self.path()).map_err(|e| self.rocks(&e))?;
        db.put(META_KEY, self.repo.as_bytes()).and_then(|()| db.flush()).map_err(|e| self.rocks(&e))?;
        drop(db);
        match fs::remove_file(self.dir.join(DAMAGED)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.fail(error)),
            _ => Ok(()),
        }
    }

    /// Runs `write` on a writing handle, alone among all processes, then reads on from there.
    fn session<T>(&self, write: impl FnOnce(&DB) -> Result<T>) -> Result<T> {
        let done = {
            let lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
            lock.lock().map_err(|e| self.fail(e))?;
            let done = DB::open(&self.options, self.path()).map_err(|e| self.rocks(&e)).and_then(|db| {
                let value = write(&db)?;
                db.flush().map_err(|e| self.rocks(&e))?;
                Ok(value)
            });
            lock.unlock().map_err(|e| self.fail(e))?;
            done
        };
        self.reopen()?;
        done
    }

    /// Forgets everything.
    ///
    /// # Errors
    /// [`RepoError::Cache`].
    pub fn clear(&self) -> Result<()> {
        *self.db.write().unwrap_or_else(PoisonError::into_inner) = None;
        {
            let lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
            lock.lock().map_err(|e| self.fail(e))?;
            let created = self.create();
            lock.unlock().map_err(|e| self.fail(e))?;
            created?;
        }
        self.reopen()
    }

    /// Adds segments, as `next` gives them until it gives none. Each is in the cache wholly or
    /// not at all, whatever happens meanwhile.
    ///
    /// # Errors
    /// Those of `next`, or [`RepoError::Cache`].
    pub fn add(&self, mut next: impl FnMut() -> Result<Option<(SegmentId, Segment)>>) -> Result<()> {
        self.session(|db| {
            while let Some((id, segment)) = next()? {
                self.add_segment(db, id, &segment)?;
            }
            Ok(())
        })
    }

    fn add_segment(&self, db: &DB, id: SegmentId, segment: &Segment) -> Result<()> {
        // What is not flushed is lost in a crash, and so is the mark of its segment.
        let mut unlogged = WriteOptions::default();
        unlogged.disable_wal(true);
        let rocks = |error: rocksdb::Error| self.rocks(&error);
        if db.get_pinned(segment_key(&id)).map_err(rocks)?.is_some() {
            return Ok(());
        }
        let mut batch = WriteBatch::default();
        for pack in &segment.packs {
            let number = match db.get_pinned(pack_id_key(&pack.id)).map_err(rocks)? {
                Some(bytes) => u32::from_le_bytes(bytes.as_ref().try_into().unwrap_or_default()),
                None => self.next_pack(db)?,
            };
            // The number is taken at once: the next pack of the segment asks for the next one.
            let mut taken = WriteBatch::default();
            taken.put(pack_key(PackNo(number)), minicbor_bytes(&PackInfo::of(pack)));
            taken.put(pack_id_key(&pack.id), number.to_le_bytes());
            db.write_opt(taken, &unlogged).map_err(rocks)?;
            for (frame_no, frame) in (0..).zip(&pack.frames) {
                let mut offset = 0;
                for chunk in &frame.chunks {
                    let location = Location { pack: PackNo(number), frame: frame_no, offset, len: chunk.len };
                    batch.put(chunk_key(&chunk.id), location.to_bytes());
                    offset += chunk.len;
                }
            }
            if batch.size_in_bytes() > BATCH_BYTES {
                db.write_opt(std::mem::take(&mut batch), &unlogged).map_err(rocks)?;
            }
        }
        for blob in &segment.blobs {
            let key = blob_key(&blob.digest);
            let known = db.get_pinned(key).map_err(rocks)?.and_then(|row| blob_row(&row));
            if known.is_none_or(|known| known.recipe.rank() <= blob.recipe.rank()) {
                batch.put(key, minicbor_bytes(&BlobRow { size: blob.size, recipe: blob.recipe.clone() }));
            }
        }
        // Last, so that the mark never stands without the rows: one memtable keeps their order.
        batch.put(segment_key(&id), []);
        db.write_opt(batch, &unlogged).map_err(rocks)
    }

    fn next_pack(&self, db: &DB) -> Result<u32> {
        let after_last = [PACK + 1];
        let mut rows = db.iterator(IteratorMode::From(&after_last, Direction::Reverse));
        match rows.next() {
            None => Ok(0),
            Some(Err(error)) => Err(self.rocks(&error)),
            Some(Ok((key, _))) => match key.split_first() {
                Some((&PACK, number)) => number
                    .try_into()
                    .ok()
                    .and_then(|bytes| u32::from_be_bytes(bytes).checked_add(1))
                    .ok_or_else(|| self.fail(io::Error::other("no more pack numbers"))),
                _ => Ok(0),
            },
        }
    }

    fn with_db<T>(&self, read: impl FnOnce(&DB) -> std::result::Result<T, rocksdb::Error>) -> Result<T> {
        let db = self.db.read().unwrap_or_else(PoisonError::into_inner);
        match &*db {
            Some(db) => read(db).map_err(|error| self.rocks(&error)),
            None => Err(self.fail(io::Error::other("closed after a failure"))),
        }
    }

    /// Where a chunk stands.
    ///
    /// # Errors
    /// [`RepoError::Cache`].
    pub fn locate(&self, id: &ChunkId) -> Result<Option<Location>> {
        self.with_db(|db| Ok(db.get_pinned(chunk_key(id))?.and_then(|row| Location::from_bytes(&row))))
    }

    /// What is needed to read from a pack.
    ///
    /// # Errors
    /// [`RepoError::Cache`].
    pub fn pack(&self, pack: PackNo) -> Result<Option<Arc<PackInfo>>> {
        self.with_db(|db| {
            Ok(db.get_pinned(pack_key(pack))?.and_then(|row| minicbor::decode(&row).ok()).map(Arc::new))
        })
    }

    /// Whether a pack is in the index.
    ///
    /// # Errors
    /// [`RepoError::Cache`].
    pub fn has_pack(&self, id: &PackId) -> Result<bool> {
        self.with_db(|db| Ok(db.get_pinned(pack_id_key(id))?.is_some()))
    }

    /// Size of a blob, and how it is made.
    ///
    /// # Errors
    /// [`RepoError::Cache`].
    pub fn blob(&self, digest: &Digest) -> Result<Option<(u64, Recipe)>> {
        self.with_db(|db| {
            let row = db.get_pinned(blob_key(digest))?.and_then(|row| blob_row(&row));
            Ok(row.map(|row| (row.size, row.recipe)))
        })
    }

    /// Ids of the segments that are in the cache.
    ///
    /// # Errors
    /// [`RepoError::Cache`].
    pub fn segments(&self) -> Result<Vec<SegmentId>> {
        let mut ids = Vec::new();
        self.each(SEGMENT, |key, _| {
            ids.extend(SegmentId::from_slice(key));
            Ok(())
        })?;
        Ok(ids)
    }

    /// Calls `visit` for every pack.
    ///
    /// # Errors
    /// Those of `visit`, or [`RepoError::Cache`].
    pub fn each_pack(&self, mut visit: impl FnMut(PackNo, PackInfo) -> Result<()>) -> Result<()> {
        self.each(PACK, |key, value| {
            match (key.try_into().map(u32::from_be_bytes), minicbor::decode(value)) {
                (Ok(number), Ok(info)) => visit(PackNo(number), info),
                _ => Err(self.fail(io::Error::other("a pack's row is malformed"))),
            }
        })
    }

    /// Calls `visit` for every blob, sorted by digest.
    ///
    /// # Errors
    /// Those of `visit`, or [`RepoError::Cache`].
    pub fn each_blob(&self, mut visit: impl FnMut(BlobRecord) -> Result<()>) -> Result<()> {
        self.each(BLOB, |key, value| match (Digest::from_slice(key), blob_row(value)) {
            (Some(digest), Some(BlobRow { size, recipe })) => visit(BlobRecord { digest, size, recipe }),
            _ => Err(self.fail(io::Error::other("a blob's row is malformed"))),
        })
    }

    /// Calls `visit` for every chunk, sorted by id.
    ///
    /// # Errors
    /// Those of `visit`, or [`RepoError::Cache`].
    pub fn each_chunk(&self, mut visit: impl FnMut(ChunkId, Location) -> Result<()>) -> Result<()> {
        self.each(CHUNK, |key, value| match (ChunkId::from_slice(key), Location::from_bytes(value)) {
            (Some(id), Some(location)) => visit(id, location),
            _ => Err(self.fail(io::Error::other("a chunk's row is malformed"))),
        })
    }

    /// Counts all rows, which reads them all.
    ///
    /// # Errors
    /// [`RepoError::Cache`].
    pub fn counts(&self) -> Result<Counts> {
        let mut counts = Counts::default();
        self.each_pack(|_, pack| {
            counts.packs += 1;
            counts.pack_bytes += pack.size;
            Ok(())
        })?;
        self.each(BLOB, |_, _| {
            counts.blobs += 1;
            Ok(())
        })?;
        self.each(CHUNK, |_, _| {
            counts.chunks += 1;
            Ok(())
        })?;
        Ok(counts)
    }

    /// Rows of one kind, keys without the kind.
    fn each(&self, kind: u8, mut visit: impl FnMut(&[u8], &[u8]) -> Result<()>) -> Result<()> {
        let db = self.db.read().unwrap_or_else(PoisonError::into_inner);
        let Some(db) = &*db else { return Err(self.fail(io::Error::other("closed after a failure"))) };
        for row in db.iterator(IteratorMode::From(&[kind], Direction::Forward)) {
            let (key, value) = row.map_err(|error| self.rocks(&error))?;
            match key.split_first() {
                Some((first, rest)) if *first == kind => visit(rest, &value)?,
                _ => break,
            }
        }
        Ok(())
    }
}

fn minicbor_bytes<T: minicbor::Encode<()>>(value: &T) -> Vec<u8> {
    dtrvault_format::cbor::encode(value)
}

fn blob_row(bytes: &[u8]) -> Option<BlobRow> {
    minicbor::decode(bytes).ok()
}

/// Creates a folder that only its owner may enter.
fn create_private_dir(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// Options that keep memory within `memory_bytes` whatever the size of the database: blocks,
/// filters and indexes all live in one cache, and filters are read by partitions.
fn options(memory_bytes: usize) -> Options {
    let write_bytes = memory_bytes / WRITE_SHARE;
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(&Cache::new_lru_cache(memory_bytes - write_bytes));
    table.set_index_type(BlockBasedIndexType::TwoLevelIndexSearch);
    table.set_partition_filters(true);
    table.set_cache_index_and_filter_blocks(true);
    table.set_pin_top_level_index_and_filter(true);
    table.set_bloom_filter(10.0, false);
    table.set_block_size(4 << 10);

    let mut options = Options::default();
    options.create_if_missing(true);
    options.set_block_based_table_factory(&table);
    options.set_write_buffer_size((write_bytes / 2).max(1 << 20));
    options.set_max_write_buffer_number(2);
    options.set_max_background_jobs(2);
    options.set_target_file_size_base(64 << 20);
    // A reading handle opens every file at once: another process may remove one meanwhile.
    options.set_max_open_files(-1);
    options.set_keep_log_file_num(1);
    options.set_log_level(rocksdb::LogLevel::Error);
    options
}
