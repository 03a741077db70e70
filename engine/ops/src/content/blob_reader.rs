//! Reading a blob: its recipe is followed, and what comes out is held against its digest.

use std::io::{self, Read};

use dtrvault_codec::rows::RowSource;
use dtrvault_codec::{CodecError, StreamOpener, open_recipe};
use dtrvault_format::{Digest, StreamRef};
use dtrvault_repo::RepoError;
use dtrvault_repo::read::Reader;
use sha2::{Digest as _, Sha256};

use super::row_table::RowTable;
use crate::context::Context;
use crate::error::{OpsError, Result};

/// A blob's bytes. The last read fails when they do not have the blob's digest and length.
pub(crate) struct BlobReader {
    inner: Box<dyn Read + Send>,
    hasher: Option<Sha256>,
    digest: Digest,
    left: u64,
}

struct Streams<'a> {
    reader: &'a Reader,
    context: &'a Context,
}

impl StreamOpener for Streams<'_> {
    fn open(&self, stream: &StreamRef) -> io::Result<Box<dyn Read + Send>> {
        let reader = self.reader.stream(stream).map_err(io::Error::other)?;
        Ok(Box::new(reader))
    }

    fn open_table(&self, stream: &StreamRef, rows: u32) -> io::Result<Box<dyn RowSource + Send>> {
        Ok(Box::new(RowTable::new(self.reader.clone(), *stream, rows, self.context.clone())))
    }
}

/// Opens a blob that the index knows. Reading it stops when `context` says so.
pub(crate) fn read_blob(reader: &Reader, digest: &Digest, context: &Context) -> Result<BlobReader> {
    let found = reader.repo().index().blob(digest)?;
    let (size, recipe) = found.ok_or(RepoError::MissingBlob { digest: *digest })?;
    let inner = open_recipe(&recipe, &Streams { reader, context })?;
    Ok(BlobReader { inner, hasher: Some(Sha256::new()), digest: *digest, left: size })
}

impl BlobReader {
    /// Length of the blob, bytes, before the first read.
    pub(crate) fn size(&self) -> u64 {
        self.left
    }

    /// Says of which blob the error is, where it says that stored bytes are wrong or gone.
    fn blame(&self, error: io::Error) -> io::Error {
        let digest = self.digest;
        match error.downcast::<RepoError>() {
            Ok(source) if source.is_damage() => {
                io::Error::other(OpsError::UnreadableBlob { digest, source: Box::new(source) })
            }
            Ok(source) => io::Error::other(source),
            Err(error) => match error.downcast::<CodecError>() {
                Ok(source) => io::Error::other(OpsError::DamagedRecipe { digest, source }),
                Err(error) => error,
            },
        }
    }

    fn wrong(&self) -> io::Error {
        io::Error::other(OpsError::WrongDigest { digest: self.digest })
    }
}

impl Read for BlobReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        let count = self.inner.read(out).map_err(|error| self.blame(error))?;
        if count == 0 {
            // Checked once; asking again after the end is harmless.
            let Some(hasher) = self.hasher.take() else { return Ok(0) };
            let right = self.left == 0 && hasher.finalize().as_slice() == self.digest.as_bytes();
            return if right { Ok(0) } else { Err(self.wrong()) };
        }
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| self.wrong())?;
        if let (Some(hasher), Some(bytes)) = (&mut self.hasher, out.get(..count)) {
            hasher.update(bytes);
        }
        Ok(count)
    }
}
