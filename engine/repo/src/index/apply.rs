//! Taking segments into the cache, as runs of whole segments.

use std::fs;
use std::io;
use std::path::PathBuf;

use dtrvault_format::{Segment, SegmentId};
use rocksdb::{DB, Direction, IngestExternalFileOptions, IteratorMode, WaitForCompactOptions};

use super::cache::IndexCache;
use super::rows::{PACK, PackNo, segment_key};
use super::run::Run;
use crate::error::Result;

/// A writing handle, and the rows that are not in the database yet.
pub(super) struct Writer<'a> {
    cache: &'a IndexCache,
    db: &'a DB,
    run: Run,
    run_bytes: usize,
    next_pack: Option<u32>,
}

impl<'a> Writer<'a> {
    /// Rows are taken in when they take more than `run_bytes` of memory.
    pub(super) fn new(cache: &'a IndexCache, db: &'a DB, run_bytes: usize) -> Self {
        Self { cache, db, run: Run::default(), run_bytes, next_pack: None }
    }

    /// Adds the rows of one segment, unless it is there.
    pub(super) fn add(&mut self, id: SegmentId, segment: &Segment) -> Result<()> {
        let Self { cache, db, run, next_pack, .. } = self;
        let known = |key: &[u8]| db.get(key).map_err(|error| cache.rocks(&error));
        let mark = segment_key(&id);
        if run.get(&mark).is_some() || known(&mark)?.is_some() {
            return Ok(());
        }
        run.add_segment(id, segment, known, || {
            let number = match *next_pack {
                Some(number) => number,
                None => first_free_pack(cache, db)?,
            };
            *next_pack = Some(
                number.checked_add(1).ok_or_else(|| cache.fail(io::Error::other("no more pack numbers")))?,
            );
            Ok(PackNo(number))
        })?;
        if self.run.bytes() >= self.run_bytes { self.take_in() } else { Ok(()) }
    }

    /// Makes the rows so far part of the database, all at once.
    pub(super) fn take_in(&mut self) -> Result<()> {
        let run = std::mem::take(&mut self.run);
        if run.is_empty() {
            return Ok(());
        }
        let path = self.path();
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(self.cache.fail(error)),
            _ => {}
        }
        let mut moved = IngestExternalFileOptions::default();
        moved.set_move_files(true);
        run.write(self.cache.options(), &path)
            .and_then(|()| self.db.ingest_external_file_opts(&moved, vec![&path]))
            .map_err(|error| self.cache.rocks(&error))
    }

    /// Merges tables where that is due. Left to itself, RocksDB would begin, and be stopped
    /// and lose what it has done whenever a short session ends.
    pub(super) fn merge(&self) -> Result<()> {
        self.db
            .set_options(&[("disable_auto_compactions", "false")])
            .and_then(|()| self.db.wait_for_compact(&WaitForCompactOptions::default()))
            .map_err(|error| self.cache.rocks(&error))
    }

    /// Where a run is written: the lock is held, so nobody else writes there.
    fn path(&self) -> PathBuf {
        self.cache.dir().join("run.sst")
    }
}

fn first_free_pack(cache: &IndexCache, db: &DB) -> Result<u32> {
    let after_last = [PACK + 1];
    let mut rows = db.iterator(IteratorMode::From(&after_last, Direction::Reverse));
    match rows.next() {
        None => Ok(0),
        Some(Err(error)) => Err(cache.rocks(&error)),
        Some(Ok((key, _))) => match key.split_first() {
            Some((&PACK, number)) => number
                .try_into()
                .ok()
                .and_then(|bytes| u32::from_be_bytes(bytes).checked_add(1))
                .ok_or_else(|| cache.fail(io::Error::other("no more pack numbers"))),
            _ => Ok(0),
        },
    }
}
