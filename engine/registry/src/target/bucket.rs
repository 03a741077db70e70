//! A prefix of an object store as a target: files only.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{Bytes, BytesMut};
use dtrvault_format::{Entry, Kind};
use dtrvault_store::{Store, StoreError, Upload};
use futures::StreamExt;
use tokio::runtime::Handle;

use super::metadata::Counters;
use super::{Existing, FileWriter, Notes, Result, SCRATCH, Target, TargetError, TargetPlan, check_path};
use crate::object_reader::ObjectReader;

/// Bytes collected before they are handed to the store.
const PIECE_BYTES: usize = 1024 * 1024;

/// A store, whose root becomes the storage root of a registry. Folders need not be; links and
/// devices cannot be, and are counted.
///
/// Its methods wait for the runtime: they must not be called on the runtime's own threads, but
/// on others or through `spawn_blocking`, and the runtime must be one that runs by itself.
#[derive(Debug)]
pub struct Bucket {
    store: Arc<dyn Store>,
    handle: Handle,
    begun: AtomicBool,
    counters: Counters,
}

impl Bucket {
    /// Writes to `store` by means of the runtime behind `handle`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, handle: Handle) -> Self {
        Self { store, handle, begun: AtomicBool::new(false), counters: Counters::default() }
    }

    async fn check_content(&self) -> Result<()> {
        let marked = self.store.size(&marker()).await;
        match marked {
            Ok(_) => return Ok(()),
            Err(StoreError::NotFound { .. } | StoreError::NoRoot { .. }) => {}
            Err(source) => return Err(failed(b"", source)),
        }
        match self.store.list("").next().await {
            None | Some(Err(StoreError::NoRoot { .. })) => Ok(()),
            Some(Ok(_)) => Err(TargetError::NotEmpty { location: self.store.url().to_owned() }),
            Some(Err(source)) => Err(failed(b"", source)),
        }
    }

    fn check_begun(&self) -> Result<()> {
        if self.begun.load(Ordering::Acquire) {
            return Ok(());
        }
        Err(TargetError::NotBegun)
    }
}

impl Target for Bucket {
    fn location(&self) -> &str {
        self.store.url()
    }

    /// Free space is not asked for: stores do not say.
    fn begin(&self, plan: &TargetPlan) -> Result<()> {
        if !plan.allow_existing {
            self.handle.block_on(self.check_content())?;
        }
        if plan.dry_run {
            return Ok(());
        }
        let marker = marker();
        let mark = self.store.put(&marker, Bytes::new());
        self.handle.block_on(mark).map_err(|source| failed(b"", source))?;
        self.begun.store(true, Ordering::Release);
        Ok(())
    }

    fn existing(&self, entry: &Entry) -> Result<Existing> {
        match entry.kind {
            Kind::Dir => return Ok(Existing::SameOther),
            Kind::File(_) => {}
            _ => return Ok(Existing::Absent),
        }
        let key = key(&entry.path)?;
        match self.handle.block_on(self.store.size(key)) {
            Ok(size) => Ok(Existing::File { size }),
            Err(StoreError::NotFound { .. } | StoreError::NoRoot { .. }) => Ok(Existing::Absent),
            Err(source) => Err(failed(&entry.path, source)),
        }
    }

    fn read(&self, path: &[u8]) -> Result<Box<dyn Read + Send>> {
        let key = key(path)?.to_owned();
        let reader = ObjectReader::new(&self.handle, Arc::clone(&self.store), key);
        let reader = reader.begin().map_err(|source| failed(path, source))?;
        Ok(Box::new(reader))
    }

    fn dir(&self, entry: &Entry) -> Result<()> {
        self.check_begun()?;
        check_path(&entry.path)
    }

    fn file(&self, entry: &Entry) -> Result<Box<dyn FileWriter>> {
        self.check_begun()?;
        let Kind::File(file) = &entry.kind else {
            return Err(TargetError::Conflict { path: entry.path.clone(), found: "the entry is no file" });
        };
        let upload = self.store.put_stream(key(&entry.path)?);
        let upload = self.handle.block_on(upload);
        Ok(Box::new(BucketWriter {
            path: entry.path.clone(),
            size: file.size,
            upload: Some(upload.map_err(|source| failed(&entry.path, source))?),
            handle: self.handle.clone(),
            piece: BytesMut::new(),
            written: 0,
        }))
    }

    fn other(&self, entry: &Entry) -> Result<()> {
        self.check_begun()?;
        check_path(&entry.path)?;
        self.counters.leave_out();
        Ok(())
    }

    /// Objects have no metadata of ours.
    fn touch(&self, entry: &Entry) -> Result<()> {
        self.check_begun()?;
        check_path(&entry.path)
    }

    fn finish_dir(&self, entry: &Entry) -> Result<()> {
        self.touch(entry)
    }

    fn end(&self) -> Result<()> {
        self.check_begun()?;
        let removed = self.handle.block_on(self.store.delete(&marker()));
        removed.map_err(|source| failed(b"", source))
    }

    fn notes(&self) -> Notes {
        self.counters.notes()
    }
}

struct BucketWriter {
    path: Vec<u8>,
    size: u64,
    upload: Option<Box<dyn Upload>>,
    handle: Handle,
    piece: BytesMut,
    written: u64,
}

impl BucketWriter {
    fn send(&mut self) -> std::result::Result<(), StoreError> {
        match &mut self.upload {
            Some(upload) if !self.piece.is_empty() => {
                let piece = self.piece.split().freeze();
                self.handle.block_on(upload.write(piece))
            }
            _ => Ok(()),
        }
    }
}

impl Write for BucketWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() as u64 > self.size - self.written {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "more bytes than the entry has"));
        }
        let len = bytes.len().min(PIECE_BYTES - self.piece.len());
        self.piece.extend_from_slice(bytes.get(..len).unwrap_or(bytes));
        self.written += len as u64;
        if self.piece.len() == PIECE_BYTES {
            self.send().map_err(io::Error::other)?;
        }
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl FileWriter for BucketWriter {
    fn commit(mut self: Box<Self>) -> Result<()> {
        if self.written != self.size {
            return Err(TargetError::WrongSize {
                path: self.path.clone(),
                expected: self.size,
                written: self.written,
            });
        }
        self.send().map_err(|source| failed(&self.path, source))?;
        match self.upload.take() {
            None => Ok(()),
            Some(upload) => {
                self.handle.block_on(upload.finish()).map_err(|source| failed(&self.path, source))
            }
        }
    }
}

impl Drop for BucketWriter {
    /// A store may charge for what was sent of an upload that is never finished.
    fn drop(&mut self) {
        if let Some(upload) = self.upload.take() {
            self.handle.spawn(upload.abort());
        }
    }
}

fn marker() -> String {
    String::from_utf8_lossy(SCRATCH).into_owned()
}

fn key(path: &[u8]) -> Result<&str> {
    check_path(path)?;
    let reason = "a key of a store is UTF-8, and not empty";
    std::str::from_utf8(path)
        .ok()
        .filter(|key| !key.is_empty())
        .ok_or_else(|| TargetError::BadPath { path: path.to_vec(), reason })
}

fn failed(path: &[u8], source: StoreError) -> TargetError {
    match source {
        StoreError::BadKey { reason, .. } => TargetError::BadPath { path: path.to_vec(), reason },
        source => TargetError::Store { path: path.to_vec(), source },
    }
}
