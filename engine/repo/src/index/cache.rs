//! The cache in RocksDB: read through a handle that takes no lock, written in short sessions
//! under a lock file. So any number of processes of one machine use one cache at once.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use dtrvault_format::{BlobRecord, ChunkId, Digest, PackId, Recipe, RepoId, Segment, SegmentId};
use rocksdb::{DB, DBRawIterator, Direction, IteratorMode, Options, ReadOptions};

use super::apply::Writer;
use super::rows::{
    BLOB, BlobRow, CHUNK, Location, META_KEY, PACK, PackInfo, PackNo, SEGMENT, ShortId, blob_key, blob_row,
    chunk_key, pack_id_key, pack_key, short_id,
};
use super::tuning;
use crate::error::{RepoError, Result};

/// A file of this name says that a read met damage: the next opening starts anew.
const DAMAGED: &str = "damaged";

/// A row that is so many rows away is reached row by row, and not looked for.
const NEAR_ROWS: usize = 24;

/// The cached index of one repository.
pub struct IndexCache {
    dir: PathBuf,
    repo: RepoId,
    options: Options,
    /// Rows that gather before they are written, bytes.
    run_bytes: usize,
    /// Read-only; `None` only while it is exchanged.
    db: RwLock<Option<DB>>,
    /// Counts how often another database has come in place of the one before.
    generation: AtomicU64,
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
            options: tuning::options(memory_bytes),
            run_bytes: tuning::run_bytes(memory_bytes),
            db: RwLock::new(None),
            generation: AtomicU64::new(0),
            lock: Mutex::new(lock),
        };
        cache.reopen()?;
        Ok(cache)
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    pub(crate) fn fail(&self, source: io::Error) -> RepoError {
        RepoError::Cache { path: self.dir.clone(), source }
    }

    pub(super) fn rocks(&self, error: &rocksdb::Error) -> RepoError {
        if error.kind() == rocksdb::ErrorKind::Corruption {
            // Best effort: without the mark the next run meets the same damage and says so again.
            let _ = File::create(self.dir.join(DAMAGED));
        }
        self.fail(match error.kind() {
            rocksdb::ErrorKind::Corruption => {
                io::Error::other(format!("{error}; run again: a damaged cache is built anew"))
            }
            _ => io::Error::new(system_kind(error.as_ref()), error.clone()),
        })
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
        let mut current = self.db.write().unwrap_or_else(PoisonError::into_inner);
        let same = |old: &DB| old.get(META_KEY).ok() == db.get(META_KEY).ok();
        if !current.as_ref().is_some_and(same) {
            self.generation.fetch_add(1, Ordering::Release);
        }
        *current = Some(db);
        Ok(())
    }

    /// Changes when pack numbers may mean other packs than before, because the database was
    /// built anew, by this process or another.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// A reading handle of a database that is there, whole, and of this repository.
    fn open_sound(&self) -> Option<DB> {
        if self.dir.join(DAMAGED).exists() {
            return None;
        }
        let db = DB::open_for_read_only(&self.options, self.path(), false).ok()?;
        let meta = db.get(META_KEY).ok()??;
        meta.starts_with(self.repo.as_bytes()).then_some(db)
    }

    /// Makes an empty database in place of whatever is there. The lock is held exclusively.
    fn create(&self) -> Result<()> {
        match fs::remove_dir_all(self.path()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(self.fail(error)),
            _ => {}
        }
        let db = DB::open(&self.options, self.path()).map_err(|e| self.rocks(&e))?;
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(RepoError::Randomness)?;
        let meta = [*self.repo.as_bytes(), nonce].concat();
        db.put(META_KEY, meta).and_then(|()| db.flush()).map_err(|e| self.rocks(&e))?;
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
            let done =
                DB::open(&self.options, self.path()).map_err(|e| self.rocks(&e)).and_then(|db| write(&db));
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
            let mut writer = Writer::new(self, db, self.run_bytes);
            let added = loop {
                match next() {
                    Ok(Some((id, segment))) => writer.add(id, &segment)?,
                    Ok(None) => break Ok(()),
                    Err(error) => break Err(error),
                }
            };
            // What there is so far need not be read again.
            writer.take_in()?;
            added?;
            writer.merge()
        })
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
        self.with_db(|db| {
            Ok(db.get_pinned(chunk_key(&short_id(id)))?.and_then(|row| Location::from_bytes(&row)))
        })
    }

    /// Tells `visit` where each of these chunks stands, which are sorted by id. Goes through the
    /// rows side by side with them, from row to row where the next chunk is near.
    pub(crate) fn join<T>(
        &self,
        chunks: &[(ShortId, T)],
        mut visit: impl FnMut(&T, Option<Location>),
    ) -> Result<()> {
        self.with_db(|db| {
            let mut once = ReadOptions::default();
            once.fill_cache(false);
            let mut rows = db.raw_iterator_opt(once);
            for (id, of) in chunks {
                let key = chunk_key(id);
                let is_before = |rows: &DBRawIterator<'_>| rows.key().is_some_and(|row| row < key.as_slice());
                let mut steps = 0;
                while steps < NEAR_ROWS && is_before(&rows) {
                    rows.next();
                    steps += 1;
                }
                if !rows.valid() || is_before(&rows) {
                    rows.status()?;
                    rows.seek(key);
                }
                let found = rows.key().is_some_and(|row| row == key.as_slice());
                let row = rows.value().filter(|_| found);
                visit(of, row.and_then(Location::from_bytes));
            }
            rows.status()
        })
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

    /// Number of a pack, when it is in the index.
    ///
    /// # Errors
    /// [`RepoError::Cache`].
    pub fn pack_number(&self, id: &PackId) -> Result<Option<PackNo>> {
        self.with_db(|db| {
            let row = db.get_pinned(pack_id_key(id))?;
            Ok(row.and_then(|row| row.as_ref().try_into().ok()).map(|row| PackNo(u32::from_le_bytes(row))))
        })
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

    /// Calls `visit` for the place of every chunk, in no order that means anything.
    ///
    /// # Errors
    /// Those of `visit`, or [`RepoError::Cache`].
    pub fn each_chunk(&self, mut visit: impl FnMut(Location) -> Result<()>) -> Result<()> {
        self.each(CHUNK, |_, value| match Location::from_bytes(value) {
            Some(location) => visit(location),
            None => Err(self.fail(io::Error::other("a chunk's row is malformed"))),
        })
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

/// What the system said to the database, which hands on its words alone.
fn system_kind(words: &str) -> io::ErrorKind {
    use rustix::io::Errno;
    let said = |errno: Errno| {
        let text = io::Error::from(errno).to_string();
        words.contains(text.split(" (os error").next().unwrap_or(&text))
    };
    [Errno::NOSPC, Errno::DQUOT, Errno::ACCESS, Errno::ROFS]
        .into_iter()
        .find(|errno| said(*errno))
        .map_or(io::ErrorKind::Other, |errno| io::Error::from(errno).kind())
}

/// Creates a folder that only its owner may enter.
fn create_private_dir(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}
