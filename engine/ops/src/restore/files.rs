//! Files of a restore, several at once.

use std::io::{self, Read, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Scope;

use dtrvault_codec::CodecError;
use dtrvault_format::{Content, Entry, File, Identity, Kind, Meta, MetadataPart, Time};
use dtrvault_registry::target::{Existing, Target};
use dtrvault_repo::read::{Proof, Reader};
use sha2::{Digest as _, Sha256};

use super::{FailedPath, METADATA_NAME, RestoreReport};
use crate::content::{read_blob, read_full};
use crate::context::Context;
use crate::error::{OpsError, Result};

/// Length of the copies, bytes.
const COPY_BYTES: usize = 1 << 20;
/// Files that wait for a writer.
const WAITING: usize = 64;

/// What writing a file takes.
#[derive(Clone, Copy)]
pub(super) struct FileTask<'a> {
    pub(super) reader: &'a Reader,
    pub(super) target: &'a dyn Target,
    pub(super) context: &'a Context,
}

/// What became of a file.
enum Done {
    Written(u64),
    Kept(u64),
    Failed(FailedPath),
}

/// Threads that write files.
pub(super) struct Restorers {
    tasks: SyncSender<Entry>,
    done: Receiver<Result<Done>>,
}

impl Restorers {
    pub(super) fn start<'scope, 'env>(
        scope: &'scope Scope<'scope, 'env>,
        task: FileTask<'env>,
        writers: usize,
    ) -> Self {
        let (tasks, waiting) = sync_channel::<Entry>(WAITING);
        let waiting = Arc::new(Mutex::new(waiting));
        let (results, done) = std::sync::mpsc::channel();
        for _ in 0..writers.max(1) {
            let (waiting, results) = (Arc::clone(&waiting), results.clone());
            scope.spawn(move || {
                let mut buffer = vec![0; COPY_BYTES];
                loop {
                    let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok(entry) = next else { break };
                    if results.send(task.restore(&entry, &mut buffer)).is_err() {
                        break;
                    }
                }
            });
        }
        Self { tasks, done }
    }

    /// Gives a file to the threads, and takes in what is done.
    pub(super) fn give(&mut self, entry: Entry, report: &mut RestoreReport) -> Result<()> {
        self.tasks.send(entry).map_err(|_| OpsError::WorkerDied)?;
        while let Ok(done) = self.done.try_recv() {
            take_in(done?, report);
        }
        Ok(())
    }

    /// Waits for all files.
    pub(super) fn finish(self, report: &mut RestoreReport) -> Result<()> {
        drop(self.tasks);
        for done in self.done {
            take_in(done?, report);
        }
        Ok(())
    }
}

fn take_in(done: Done, report: &mut RestoreReport) {
    match done {
        Done::Written(size) => {
            report.files += 1;
            report.bytes = report.bytes.saturating_add(size);
        }
        Done::Kept(size) => {
            report.kept_files += 1;
            report.kept_bytes = report.kept_bytes.saturating_add(size);
        }
        Done::Failed(failed) => report.failed.add(failed),
    }
}

impl FileTask<'_> {
    /// Restores one file, unless it is there and right.
    fn restore(self, entry: &Entry, buffer: &mut [u8]) -> Result<Done> {
        self.context.proceed()?;
        let Kind::File(file) = &entry.kind else { return Ok(Done::Kept(0)) };
        let existing = match self.target.existing(entry) {
            Err(error) if error.is_of_path() => return Ok(failed(entry, &error, false)),
            existing => existing?,
        };
        let right = matches!(existing, Existing::File { size } if size == file.size)
            && self.is_right(entry, file, buffer)?;
        if right {
            self.target.touch(entry)?;
            self.context.progress.advance(file.size, 1);
            return Ok(Done::Kept(file.size));
        }
        match self.write(entry, file) {
            Ok(()) => Ok(Done::Written(file.size)),
            Err(error) if error.is_damage() => Ok(failed(entry, &error, true)),
            Err(OpsError::Target { source, .. }) if source.is_of_path() => Ok(failed(entry, &source, false)),
            // A blob that only a later version can make keeps no other from coming back.
            Err(error @ OpsError::Codec(CodecError::UnknownRecipe(_))) => Ok(failed(entry, &error, false)),
            Err(error) => Err(error),
        }
    }

    /// Whether the file that is there has the right bytes.
    fn is_right(self, entry: &Entry, file: &File, buffer: &mut [u8]) -> Result<bool> {
        let mut source = self.target.read(&entry.path)?;
        let failed = |error| target_error(entry, error);
        match &file.content {
            Content::Inline(bytes) => {
                let mut there = Vec::new();
                source.take(file.size + 1).read_to_end(&mut there).map_err(failed)?;
                Ok(there == *bytes)
            }
            Content::Blob(digest) => {
                let mut hasher = Sha256::new();
                loop {
                    self.context.proceed()?;
                    let count = read_full(&mut *source, buffer).map_err(failed)?;
                    if count == 0 {
                        return Ok(hasher.finalize().as_slice() == digest.as_bytes());
                    }
                    hasher.update(buffer.get(..count).unwrap_or_default());
                }
            }
        }
    }

    fn write(self, entry: &Entry, file: &File) -> Result<()> {
        let digest = match &file.content {
            Content::Inline(bytes) => {
                let mut writer = self.target.file(entry)?;
                writer.write_all(bytes).map_err(|error| target_error(entry, error))?;
                writer.commit()?;
                self.context.progress.advance(file.size, 1);
                return Ok(());
            }
            Content::Blob(digest) => digest,
        };
        let mut source = read_blob(self.reader, digest, Proof::Whole, self.context)?;
        if source.size() != file.size {
            return Err(OpsError::WrongDigest { digest: *digest });
        }
        let mut writer = self.target.file(entry)?;
        loop {
            self.context.proceed()?;
            let piece = source.next_piece().map_err(|error| OpsError::from_io(error, OpsError::Output))?;
            if piece.is_empty() {
                break;
            }
            writer.write_all(&piece).map_err(|error| target_error(entry, error))?;
            self.context.progress.advance(piece.len() as u64, 0);
        }
        writer.commit()?;
        self.context.progress.advance(0, 1);
        Ok(())
    }
}

fn failed(entry: &Entry, error: &dyn std::error::Error, damaged: bool) -> Done {
    Done::Failed(FailedPath { path: entry.path.clone(), reason: OpsError::chain(error), damaged })
}

fn target_error(entry: &Entry, source: io::Error) -> OpsError {
    dtrvault_registry::target::TargetError::Io { path: entry.path.clone(), source }.into()
}

/// The metadata stream as a file of the target. It holds private keys: only its owner reads it.
pub(super) fn metadata_entry(part: &MetadataPart, time: Time) -> Entry {
    // The owner is whoever restores.
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let file = File {
        size: part.size,
        content: Content::Blob(part.digest),
        identity: Identity::Unknown,
        sparse: false,
        mismatch: false,
    };
    Entry {
        path: METADATA_NAME.as_bytes().to_vec(),
        meta: Meta { mode: 0o600, uid, gid, mtime: time, xattrs: Vec::new() },
        kind: Kind::File(file),
    }
}
