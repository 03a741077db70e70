//! Reading files, with every length checked against the file before memory is taken.

use super::{Root, off_thread};
use crate::{Result, StoreError};
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;

/// Bytes per item of a stream.
const STREAM_CHUNK_BYTES: usize = 1 << 20;

impl Root {
    /// The open file and its size in bytes. Anything but a file is no object.
    pub(super) fn open_file(&self, key: &str) -> Result<(File, u64)> {
        // Without NONBLOCK a pipe among foreign files would hold the thread for ever.
        let nonblock = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        let opened = OpenOptions::new()
            .read(true)
            .custom_flags(nonblock)
            .open(self.path_of(key))
            .and_then(|file| file.metadata().map(|found| (file, found)));
        match opened {
            Ok((file, found)) if found.is_file() => Ok((file, found.len())),
            Ok(_) => Err(StoreError::NotFound { key: key.to_owned() }),
            Err(e) => Err(self.read_error(key, e)),
        }
    }

    pub(super) fn get(&self, key: &str, limit: u64) -> Result<Bytes> {
        let (file, size) = self.open_file(key)?;
        let too_large = |size| StoreError::TooLarge { key: key.to_owned(), size, limit };
        if size > limit {
            return Err(too_large(size));
        }
        let mut body = buffer(size).map_err(|e| self.read_error(key, e))?;
        // A foreign file may grow while it is read; one byte more tells.
        file.take(limit.saturating_add(1)).read_to_end(&mut body).map_err(|e| self.read_error(key, e))?;
        let read = body.len() as u64;
        if read > limit {
            return Err(too_large(read));
        }
        Ok(body.into())
    }

    pub(super) fn get_range(&self, key: &str, offset: u64, len: u64) -> Result<Bytes> {
        let (file, size) = self.open_file(key)?;
        let short = |size| StoreError::ShortRead { key: key.to_owned(), offset, len, size };
        if offset.checked_add(len).is_none_or(|end| end > size) {
            return Err(short(size));
        }
        let mut body = buffer(len).map_err(|e| self.read_error(key, e))?;
        // Into memory that was not zeroed before, which reading at an offset would need.
        let read =
            (&file).seek(SeekFrom::Start(offset)).and_then(|_| (&file).take(len).read_to_end(&mut body));
        match read {
            Ok(_) if body.len() as u64 == len => Ok(body.into()),
            Ok(_) => Err(short(file.metadata().map_or(0, |found| found.len()))),
            Err(e) => Err(self.read_error(key, e)),
        }
    }
}

/// Room for `len` bytes; an error instead of an abort when there is none.
fn buffer(len: u64) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    let len = usize::try_from(len).map_err(|_| io::ErrorKind::OutOfMemory)?;
    body.try_reserve_exact(len).map_err(|_| io::ErrorKind::OutOfMemory)?;
    Ok(body)
}

/// The file in pieces of [`STREAM_CHUNK_BYTES`].
pub(super) fn stream(root: Arc<Root>, key: String) -> BoxStream<'static, Result<Bytes>> {
    enum State {
        Closed,
        Open(File),
    }
    stream::try_unfold(Some(State::Closed), move |state| {
        let (root, key) = (Arc::clone(&root), key.clone());
        async move {
            let Some(state) = state else { return Ok(None) };
            off_thread(&key, move |key| {
                let mut file = match state {
                    State::Closed => root.open_file(key)?.0,
                    State::Open(file) => file,
                };
                let mut chunk = Vec::with_capacity(STREAM_CHUNK_BYTES);
                Read::by_ref(&mut file)
                    .take(STREAM_CHUNK_BYTES as u64)
                    .read_to_end(&mut chunk)
                    .map_err(|e| root.read_error(key, e))?;
                if chunk.is_empty() {
                    return Ok(None);
                }
                Ok(Some((Bytes::from(chunk), Some(State::Open(file)))))
            })
            .await
        }
    })
    .boxed()
}
