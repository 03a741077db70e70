//! Storing a blob: hashed, chunked, and written down under its digest.

use std::cell::RefCell;
use std::io::{self, Read};

use dtrvault_codec::layer::Encoder;
use dtrvault_codec::{Form, is_opaque, sniff};
use dtrvault_format::{BlobRecord, Digest, Recipe};
use dtrvault_repo::write::{Class, Session, StreamWriter};
use sha2::{Digest as _, Sha256};

use super::kept::kept_bytes;
use super::layer_writer::{LayerWriter, Opaque};
use crate::error::{OpsError, Result};

/// Length of the reads, bytes: what was read is hashed twice and searched while it is in the
/// processor's cache.
const READ_BYTES: usize = 1 << 20;
/// What `sniff` looks at, bytes.
const SNIFF_BYTES: usize = 512;

/// What `is_opaque` looks at, bytes.
const SAMPLE_BYTES: usize = 64 << 10;

thread_local! {
    /// What a thread reads into.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A blob that was stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BlobSummary {
    /// Its digest.
    pub(crate) digest: Digest,
    /// Its length, bytes.
    pub(crate) size: u64,
    /// How long it is as it is kept, bytes.
    pub(crate) kept_bytes: u64,
    /// What it was taken apart into, when its content was stored instead.
    pub(crate) apart: Option<Apart>,
}

/// What is known of a gzip blob that was taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Apart {
    /// What made it.
    pub(crate) encoder: Encoder,
    /// Length of its content, bytes.
    pub(crate) content_len: u64,
}

/// How gzip streams and tars are stored.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Depth<'a> {
    /// As they are.
    Raw,
    /// As what they hold. None of these encoders has made the blob, though it looked so.
    Deep(&'a [Encoder]),
}

/// Why a blob was not stored.
pub(crate) enum BlobError {
    /// It cannot be stored as its content: it has to be read again, and stored otherwise.
    Opaque(Opaque),
    /// It could not be read to its end.
    Read(io::Error),
    /// It could not be stored.
    Store(OpsError),
}

impl<E: Into<OpsError>> From<E> for BlobError {
    fn from(error: E) -> Self {
        Self::Store(error.into())
    }
}

/// Reads `source` to its end and stores it. `seen` is told of every read.
pub(crate) fn write_blob(
    session: &Session,
    depth: Depth<'_>,
    source: &mut dyn Read,
    seen: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> std::result::Result<BlobSummary, BlobError> {
    BUFFER.with_borrow_mut(|buffer| {
        buffer.resize(READ_BYTES, 0);
        store(session, depth, source, buffer, seen)
    })
}

fn store(
    session: &Session,
    depth: Depth<'_>,
    source: &mut dyn Read,
    buffer: &mut [u8],
    seen: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> std::result::Result<BlobSummary, BlobError> {
    let mut filled = read_full(source, buffer).map_err(BlobError::Read)?;
    let first = buffer.get(..filled).unwrap_or_default();
    let is_whole = filled < SNIFF_BYTES;
    let form = sniff(first.get(..SNIFF_BYTES).unwrap_or(first), is_whole);
    let mut body = match (form, depth) {
        (Form::Gzip, Depth::Deep(without)) => Body::Layer(Box::new(LayerWriter::gzip(session, without))),
        (Form::Tar, Depth::Deep(_)) => Body::Layer(Box::new(LayerWriter::tar(session))),
        _ => Body::Plain(session.stream(class_of(form, first)?)),
    };
    let mut hasher = Sha256::new();
    let mut read = 0;
    while let Some(bytes) = buffer.get(..filled).filter(|bytes| !bytes.is_empty()) {
        seen(bytes)?;
        read += bytes.len() as u64;
        hasher.update(bytes);
        body.write(bytes)?;
        filled = read_full(source, buffer).map_err(BlobError::Read)?;
    }
    let digest = Digest::new(hasher.finalize().into());
    let (recipe, apart) = body.finish(session)?;
    let kept_bytes = kept_bytes(&recipe, read);
    let known = session.known_blob(&digest)?;
    if known.is_none_or(|(_, known)| known.rank() < recipe.rank()) {
        session.record_blob(BlobRecord { digest, size: read, recipe });
    }
    Ok(BlobSummary { digest, size: read, kept_bytes, apart })
}

/// What is compressed shares nothing at a fine grain, and costs an entry a chunk.
fn class_of(form: Form, first: &[u8]) -> Result<Class> {
    Ok(match form {
        Form::Gzip | Form::Zstd => Class::Coarse,
        Form::Other => match first.get(..SAMPLE_BYTES) {
            Some(sample) if is_opaque(sample)? => Class::Coarse,
            // What is short has few chunks in either class.
            _ => Class::Fine,
        },
        Form::Tar | Form::Empty => Class::Fine,
    })
}

/// Where a blob's bytes go.
enum Body {
    Plain(StreamWriter),
    Layer(Box<LayerWriter>),
}

impl Body {
    fn write(&mut self, bytes: &[u8]) -> std::result::Result<(), BlobError> {
        match self {
            Self::Plain(stream) => Ok(stream.write(bytes)?),
            Self::Layer(layer) => layer.write(bytes)?.map_err(BlobError::Opaque),
        }
    }

    /// The recipe, and what the blob was taken apart into.
    fn finish(self, session: &Session) -> std::result::Result<(Recipe, Option<Apart>), BlobError> {
        match self {
            Self::Plain(stream) => Ok((Recipe::Plain(stream.finish()?), None)),
            Self::Layer(layer) => layer.finish(session)?.map_err(BlobError::Opaque),
        }
    }
}

/// Fills `buffer` as far as the source goes.
pub(crate) fn read_full(source: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match source.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
