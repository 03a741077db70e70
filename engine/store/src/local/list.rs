//! Walking a folder on a blocking thread, entry by entry, into a bounded channel.

use super::{Root, TEMP_DIR};
use crate::key::is_key;
use crate::{ObjectInfo, Result, StoreError};
use futures::stream::{self, BoxStream, StreamExt};
use std::fs::{self, Metadata, ReadDir};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::mpsc::{self, Sender};
use tokio::task::JoinHandle;

/// Entries that wait for the reader; the walk pauses beyond that.
const QUEUED_ENTRIES: usize = 256;

type Item = Result<ObjectInfo>;

/// Every file below `prefix`. Starts when first polled, stops when dropped.
pub(super) fn stream(root: Arc<Root>, prefix: String) -> BoxStream<'static, Item> {
    stream::once(async move {
        let (sender, receiver) = mpsc::channel(QUEUED_ENTRIES);
        let key = prefix.clone();
        let walk = tokio::task::spawn_blocking(move || {
            // The reader is gone when sending fails, and with it the reason to go on.
            let _ = Walk { root, sender }.run(&prefix);
        });
        drain(receiver, walk, key)
    })
    .flatten()
    .boxed()
}

/// Passes the entries on. A walk that did not run to its end is an error: a listing that just
/// stops would look complete.
fn drain(receiver: mpsc::Receiver<Item>, walk: JoinHandle<()>, key: String) -> BoxStream<'static, Item> {
    stream::unfold(Some((receiver, walk, key)), |state| async move {
        let (mut receiver, walk, key) = state?;
        if let Some(item) = receiver.recv().await {
            return Some((item, Some((receiver, walk, key))));
        }
        let source = io::Error::other(walk.await.err()?);
        Some((Err(StoreError::Io { key, source }), None))
    })
    .boxed()
}

struct Walk {
    root: Arc<Root>,
    sender: Sender<Item>,
}

/// A folder being read: its entries, its key with a slash behind (or nothing), and which folder it is.
struct Level {
    entries: ReadDir,
    key: String,
    identity: (u64, u64),
}

/// The receiver has been dropped.
struct Gone;

impl Walk {
    fn run(&self, prefix: &str) -> std::result::Result<(), Gone> {
        if let Err(error) = fs::read_dir(&self.root.path) {
            return self.send(Err(self.root.read_error(prefix, error)));
        }
        let mut levels = Vec::new();
        let start = if prefix.is_empty() {
            String::new()
        } else if prefix.split('/').next() == Some(TEMP_DIR) {
            return Ok(());
        } else {
            format!("{prefix}/")
        };
        self.enter(&mut levels, start)?;
        while let Some(level) = levels.last_mut() {
            let Some(entry) = level.entries.next() else {
                levels.pop();
                continue;
            };
            let folder = level.key.clone();
            match entry {
                Ok(entry) => self.visit(&mut levels, &folder, &entry)?,
                Err(error) => self.fail(&folder, error)?,
            }
        }
        Ok(())
    }

    fn visit(
        &self,
        levels: &mut Vec<Level>,
        folder: &str,
        entry: &fs::DirEntry,
    ) -> std::result::Result<(), Gone> {
        let Ok(name) = entry.file_name().into_string() else {
            return Ok(()); // no key, so no object
        };
        let key = format!("{folder}{name}");
        if !is_key(&key) || key == TEMP_DIR {
            return Ok(());
        }
        // Follows links: an administrator may have moved a folder to another disk.
        match fs::metadata(entry.path()) {
            Ok(found) if found.is_dir() => self.enter(levels, format!("{key}/")),
            Ok(found) if found.is_file() => self.send(Ok(info(key, &found))),
            Ok(_) => Ok(()), // pipes, sockets, devices
            Err(error) => self.fail(&key, error),
        }
    }

    /// Opens a folder unless it is one of those above: links can make circles.
    fn enter(&self, levels: &mut Vec<Level>, key: String) -> std::result::Result<(), Gone> {
        let path = self.root.path_of(&key);
        let opened = fs::metadata(&path).and_then(|found| {
            if !found.is_dir() {
                return Ok(None);
            }
            let identity = (found.dev(), found.ino());
            Ok(Some((identity, fs::read_dir(&path)?)))
        });
        match opened {
            Ok(Some((identity, entries))) => {
                if levels.iter().all(|above| above.identity != identity) {
                    levels.push(Level { entries, key, identity });
                }
                Ok(())
            }
            Ok(None) => Ok(()),
            Err(error) => self.fail(&key, error),
        }
    }

    /// Reports, except for what vanished between two looks.
    fn fail(&self, key: &str, error: io::Error) -> std::result::Result<(), Gone> {
        match self.root.read_error(key.trim_end_matches('/'), error) {
            StoreError::NotFound { .. } => Ok(()),
            error => self.send(Err(error)),
        }
    }

    fn send(&self, item: Item) -> std::result::Result<(), Gone> {
        self.sender.blocking_send(item).map_err(|_| Gone)
    }
}

fn info(key: String, found: &Metadata) -> ObjectInfo {
    ObjectInfo {
        key,
        size: found.len(),
        modified: found.modified().unwrap_or(SystemTime::UNIX_EPOCH),
        etag: None,
    }
}
