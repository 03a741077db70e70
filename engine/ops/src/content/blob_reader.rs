//! Reading a blob: its recipe is followed, and what comes out is held against its digest.

use std::io::{self, Read};

use bytes::{Bytes, BytesMut};
use dtrvault_codec::rows::RowSource;
use dtrvault_codec::{CodecError, StreamOpener, open_recipe};
use dtrvault_format::{Digest, Recipe, StreamRef};
use dtrvault_repo::RepoError;
use dtrvault_repo::read::{Proof, Reader, StreamReader};

use super::row_table::RowTable;
use super::sum::Sum;
use crate::context::Context;
use crate::error::{OpsError, Result};

/// Pieces are gathered up to this length, bytes,
const PIECE_BYTES: usize = 1 << 20;
/// unless a chunk is as long as this by itself: then it is a piece, and is not copied.
const WHOLE_CHUNK_BYTES: usize = 256 << 10;

/// A blob's bytes. The last read fails when they do not have the blob's digest and length.
pub(crate) struct BlobReader {
    source: Source,
    sum: Option<Sum>,
    digest: Digest,
    left: u64,
    /// With what to look for the fault, if the whole turns out to be wrong.
    whole: Option<(Reader, Context)>,
    /// Of a piece that was asked for in smaller parts.
    rest: Bytes,
}

enum Source {
    /// The chunks of a stream as they are, and one that came after smaller ones.
    Chunks(Box<StreamReader>, Bytes),
    /// Made of several streams.
    Made(Box<dyn Read + Send>),
}

struct Streams<'a> {
    reader: &'a Reader,
    proof: Proof,
    context: &'a Context,
}

impl StreamOpener for Streams<'_> {
    fn open(&self, stream: &StreamRef) -> io::Result<Box<dyn Read + Send>> {
        let reader = self.reader.stream(stream).map_err(io::Error::other)?;
        Ok(Box::new(reader.with_proof(self.proof)))
    }

    fn open_table(&self, stream: &StreamRef, rows: u32) -> io::Result<Box<dyn RowSource + Send>> {
        Ok(Box::new(RowTable::new(self.reader.clone(), *stream, rows, self.context.clone())))
    }
}

/// Opens a blob that the index knows. Reading it stops when `context` says so. With [`Proof::Whole`] nothing that
/// was read is worth anything before the end; an error tells as much as with the other.
pub(crate) fn read_blob(
    reader: &Reader,
    digest: &Digest,
    proof: Proof,
    context: &Context,
) -> Result<BlobReader> {
    let found = reader.repo().index().blob(digest)?;
    let (size, recipe) = found.ok_or(RepoError::MissingBlob { digest: *digest })?;
    let source = match &recipe {
        Recipe::Plain(stream) => {
            Source::Chunks(Box::new(reader.stream(stream)?.with_proof(proof)), Bytes::new())
        }
        recipe => Source::Made(open_recipe(recipe, &Streams { reader, proof, context })?),
    };
    let whole = (proof == Proof::Whole).then(|| (reader.clone(), context.clone()));
    let (digest, sum, rest) = (*digest, Some(Sum::of(size)), Bytes::new());
    Ok(BlobReader { source, sum, digest, left: size, whole, rest })
}

impl BlobReader {
    /// Length of the blob, bytes, before the first read.
    pub(crate) fn size(&self) -> u64 {
        self.left
    }

    /// The next bytes, 2 MiB at most; none at the end.
    pub(crate) fn next_piece(&mut self) -> io::Result<Bytes> {
        self.checked_piece().map_err(|error| match error.get_ref().and_then(|inner| inner.downcast_ref()) {
            Some(OpsError::WrongDigest { .. } | OpsError::DamagedRecipe { .. }) => {
                self.fault().unwrap_or(error)
            }
            _ => error,
        })
    }

    /// What is wrong, chunk by chunk, with a blob that was wrong as a whole.
    fn fault(&mut self) -> Option<io::Error> {
        let (reader, context) = self.whole.take()?;
        let blob = read_blob(&reader, &self.digest, Proof::Chunks, &context);
        let read = blob.map_err(io::Error::other).and_then(|mut blob| io::copy(&mut blob, &mut io::sink()));
        read.err()
    }

    fn checked_piece(&mut self) -> io::Result<Bytes> {
        let piece = self.source.next_piece().map_err(|error| self.blame(error))?;
        if piece.is_empty() {
            // Checked once; asking again after the end is harmless.
            let Some(sum) = self.sum.take() else { return Ok(piece) };
            let right = self.left == 0 && sum.finish() == *self.digest.as_bytes();
            return if right { Ok(piece) } else { Err(self.wrong()) };
        }
        self.left = self.left.checked_sub(piece.len() as u64).ok_or_else(|| self.wrong())?;
        if let Some(sum) = &mut self.sum {
            sum.add(&piece);
        }
        Ok(piece)
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
        if self.rest.is_empty() && !out.is_empty() {
            self.rest = self.next_piece()?;
        }
        let part = self.rest.split_to(out.len().min(self.rest.len()));
        if let Some(out) = out.get_mut(..part.len()) {
            out.copy_from_slice(&part);
        }
        Ok(part.len())
    }
}

impl Source {
    fn next_piece(&mut self) -> io::Result<Bytes> {
        match self {
            Self::Chunks(stream, next) => {
                let mut gathered = BytesMut::new();
                loop {
                    let chunk = match std::mem::take(next) {
                        none if none.is_empty() => stream.next_chunk().map_err(io::Error::other)?,
                        chunk => chunk,
                    };
                    if gathered.is_empty() && (chunk.is_empty() || chunk.len() >= WHOLE_CHUNK_BYTES) {
                        return Ok(chunk);
                    }
                    if chunk.is_empty() || gathered.len() + chunk.len() > PIECE_BYTES {
                        *next = chunk;
                        return Ok(gathered.freeze());
                    }
                    if gathered.is_empty() {
                        gathered.reserve(PIECE_BYTES);
                    }
                    gathered.extend_from_slice(&chunk);
                }
            }
            Self::Made(made) => {
                let mut piece = BytesMut::zeroed(PIECE_BYTES);
                let count = super::read_full(made, &mut piece)?;
                piece.truncate(count);
                Ok(piece.freeze())
            }
        }
    }
}
