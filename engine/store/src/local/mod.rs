//! A folder as a store: every object is a file, written beside the others and renamed into place.
//!
//! Order of a write: temporary file, data, fsync, rename (or an exclusive rename for
//! [`Store::put_new`]), fsync of the folder. Folders made on the way are fsynced in their parents
//! before anything in them is acknowledged. Temporary files stand in one folder of the root, [`TEMP_DIR`].

mod list;
mod publish;
mod read;
mod temp;
mod upload;

use crate::key::{check_key, check_prefix};
use crate::{ObjectInfo, Result, Store, StoreError, Upload};
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

/// Folder of unfinished files in the root. No key may lie in it, and no listing shows it.
pub(crate) const TEMP_DIR: &str = ".dtrvault-tmp";

/// A local directory. Objects are files of mode 0600, folders of mode 0700.
#[derive(Debug)]
pub struct Local {
    url: String,
    root: Arc<Root>,
}

/// What the blocking half works on.
#[derive(Debug)]
struct Root {
    url: String,
    path: PathBuf,
    /// Folders whose way up to the root is known to be on disk.
    durable: Mutex<HashSet<PathBuf>>,
    /// Whether this process has looked for leftovers.
    swept: AtomicBool,
}

impl Local {
    /// Opens the folder, made absolute. `NoRoot` if it does not exist, unless it is to be created.
    pub fn open(path: &Path, create: bool) -> Result<Self> {
        let shown = path.display().to_string();
        let path = std::path::absolute(path).map_err(|e| StoreError::local_write(&shown, e))?;
        let url = path.display().to_string();
        match std::fs::metadata(&path) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => {
                let source = io::Error::from(io::ErrorKind::NotADirectory);
                return Err(StoreError::Io { key: url, source });
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound && create => {
                publish::create_dirs(&path).map_err(|e| StoreError::local_write(&url, e))?;
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return Err(StoreError::NoRoot { url });
            }
            Err(e) => return Err(StoreError::local_write(&url, e)),
        }
        let root = Arc::new(Root {
            url: url.clone(),
            path,
            durable: Mutex::default(),
            swept: AtomicBool::new(false),
        });
        Ok(Self { url, root })
    }

    /// Runs file system work off the async threads.
    async fn blocking<T: Send + 'static>(
        &self,
        key: &str,
        work: impl FnOnce(&Root, &str) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        check_local_key(key)?;
        let root = Arc::clone(&self.root);
        off_thread(key, move |key| work(&root, key)).await
    }
}

/// Like [`check_key`], and keeps the temporary folder out of reach.
fn check_local_key(key: &str) -> Result<()> {
    check_key(key)?;
    if key.split('/').next() == Some(TEMP_DIR) {
        return Err(StoreError::BadKey { key: key.to_owned(), reason: "reserved for temporary files" });
    }
    Ok(())
}

/// Runs `work` on a thread that may block; a panic there becomes an error here.
async fn off_thread<T: Send + 'static>(
    key: &str,
    work: impl FnOnce(&str) -> Result<T> + Send + 'static,
) -> Result<T> {
    let owned = key.to_owned();
    match tokio::task::spawn_blocking(move || work(&owned)).await {
        Ok(done) => done,
        Err(join) => Err(StoreError::Io { key: key.to_owned(), source: io::Error::other(join) }),
    }
}

impl Root {
    fn path_of(&self, key: &str) -> PathBuf {
        self.path.join(key)
    }

    /// A failed read: an absent object is `NotFound` only while the root is there.
    fn read_error(&self, key: &str, error: io::Error) -> StoreError {
        match StoreError::local(key, error) {
            StoreError::NotFound { .. } if !self.path.is_dir() => {
                StoreError::NoRoot { url: self.url.clone() }
            }
            sorted => sorted,
        }
    }

    fn write_error(&self, key: &str, error: io::Error) -> StoreError {
        if error.kind() == io::ErrorKind::NotFound && !self.path.is_dir() {
            return StoreError::NoRoot { url: self.url.clone() };
        }
        StoreError::local_write(key, error)
    }
}

#[async_trait]
impl Store for Local {
    fn url(&self) -> &str {
        &self.url
    }

    async fn put(&self, key: &str, body: Bytes) -> Result<()> {
        self.put_parts(key, vec![body]).await
    }

    async fn put_parts(&self, key: &str, parts: Vec<Bytes>) -> Result<()> {
        self.blocking(key, move |root, key| root.put(key, &parts)).await
    }

    async fn put_new(&self, key: &str, body: Bytes) -> Result<()> {
        self.blocking(key, move |root, key| root.put_new(key, &body)).await
    }

    async fn get(&self, key: &str, limit: u64) -> Result<Bytes> {
        self.blocking(key, move |root, key| root.get(key, limit)).await
    }

    async fn get_range(&self, key: &str, offset: u64, len: u64) -> Result<Bytes> {
        self.blocking(key, move |root, key| root.get_range(key, offset, len)).await
    }

    async fn size(&self, key: &str) -> Result<u64> {
        self.blocking(key, |root, key| Ok(root.open_file(key)?.1)).await
    }

    fn list(&self, prefix: &str) -> BoxStream<'_, Result<ObjectInfo>> {
        match check_prefix(prefix) {
            Ok(()) => list::stream(Arc::clone(&self.root), prefix.to_owned()),
            Err(error) => stream::once(async { Err(error) }).boxed(),
        }
    }

    async fn delete(&self, key: &str) -> Result<()> {
        self.blocking(key, |root, key| root.delete(key)).await
    }

    fn get_stream(&self, key: &str) -> BoxStream<'_, Result<Bytes>> {
        match check_local_key(key) {
            Ok(()) => read::stream(Arc::clone(&self.root), key.to_owned()),
            Err(error) => stream::once(async { Err(error) }).boxed(),
        }
    }

    async fn put_stream(&self, key: &str) -> Result<Box<dyn Upload>> {
        let temp = self.blocking(key, |root, key| root.temp(key)).await?;
        let root = Arc::clone(&self.root);
        Ok(Box::new(upload::LocalUpload::new(root, key.to_owned(), temp)))
    }
}
