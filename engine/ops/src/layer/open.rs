//! Opening the tar that a blob holds, however it is stored, and listing it.

use std::io::{self, Read};

use dtrvault_codec::{
    CodecError, Form, MemberSink, ReadThrough, SkipRead, TarJoin, TarReport, Unpacked, list_tar, sniff,
};
use dtrvault_format::tree::display_path;
use dtrvault_format::{Digest, Recipe, StreamRef};
use dtrvault_repo::RepoError;
use dtrvault_repo::read::{Proof, Reader};

use crate::content::{Checked, cut_detail, read_blob, read_full};
use crate::context::Context;
use crate::error::{OpsError, Result};

/// Enough to tell compressed blobs by.
const MAGIC_BYTES: usize = 4;

/// The tar of a blob.
pub(super) struct LayerTar {
    source: Box<dyn SkipRead>,
    digest: Digest,
    /// Contents that are passed over are not read.
    pub(super) skips: bool,
}

/// Why a listing ended.
pub(super) enum ListError {
    /// The blob cannot be read any further.
    Read(io::Error),
    /// The sink takes no more.
    Sink(OpsError),
}

impl From<io::Error> for ListError {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

impl From<OpsError> for ListError {
    fn from(error: OpsError) -> Self {
        Self::Sink(error)
    }
}

impl LayerTar {
    /// Opens a blob that the index knows. Whether it is a tar shows when it is listed.
    pub(super) fn open(reader: &Reader, digest: &Digest, context: &Context) -> Result<Self> {
        let found = reader.repo().index().blob(digest)?;
        let (_, recipe) = found.ok_or(RepoError::MissingBlob { digest: *digest })?;
        let skipping = |source| Self { source, digest: *digest, skips: true };
        Ok(match &recipe {
            Recipe::Gzip { content, .. } => match &**content {
                Recipe::Plain(stream) => skipping(Box::new(reader.sparse(stream)?)),
                Recipe::Tar { skeleton, payload } => skipping(joined(reader, skeleton, payload)?),
                _ => return Self::inflated(Form::Gzip, reader, digest, context),
            },
            Recipe::Tar { skeleton, payload } => skipping(joined(reader, skeleton, payload)?),
            Recipe::Plain(stream) => {
                let mut first = [0; MAGIC_BYTES];
                let count = read_full(&mut reader.sparse(stream)?, &mut first);
                let count = count.map_err(|error| blame(digest, error))?;
                let form = sniff(first.get(..count).unwrap_or_default(), true);
                if !matches!(form, Form::Gzip | Form::Zstd) {
                    return Ok(skipping(Box::new(reader.sparse(stream)?)));
                }
                return Self::inflated(form, reader, digest, context);
            }
            // Made of a table that is read whole.
            Recipe::Rows { .. } | Recipe::Unknown { .. } => {
                let source = Box::new(ReadThrough::new(blob(reader, digest, context)?));
                Self { source, digest: *digest, skips: false }
            }
        })
    }

    /// The content of a compressed blob, inflated as it is read.
    fn inflated(form: Form, reader: &Reader, digest: &Digest, context: &Context) -> Result<Self> {
        let unpacked = Unpacked::new(form, blob(reader, digest, context)?)?;
        let unpacked = unpacked.ok_or(OpsError::NoTar { digest: *digest })?;
        Ok(Self { source: Box::new(ReadThrough::new(unpacked)), digest: *digest, skips: false })
    }

    /// Gives the members to `sink`: those that stand, and an error, when the tar is cut or damaged.
    pub(super) fn list<K: MemberSink<Error = ListError>>(mut self, sink: &mut K) -> Result<()> {
        match list_tar(&mut *self.source, sink) {
            Ok(report) => self.judge(&report),
            Err(ListError::Sink(error)) => Err(error),
            Err(ListError::Read(error)) => Err(blame(&self.digest, error)),
        }
    }

    fn judge(&self, report: &TarReport) -> Result<()> {
        use dtrvault_codec::Ending;
        let digest = self.digest;
        let detail = match &report.ending {
            Ending::Complete | Ending::TrailingBytes { .. } => return Ok(()),
            _ if report.members == 0 => return Err(OpsError::NoTar { digest }),
            Ending::NoEndBlocks => return Ok(()),
            Ending::NotTarFrom { offset } => format!("from byte {offset} on it is none"),
            Ending::CutInMember { .. } | Ending::CutInHeader { .. } => cut_detail(report).unwrap_or_default(),
        };
        Err(OpsError::BrokenTar { digest, detail })
    }
}

fn joined(reader: &Reader, skeleton: &StreamRef, payload: &StreamRef) -> Result<Box<dyn SkipRead>> {
    Ok(Box::new(TarJoin::new(reader.stream(skeleton)?, reader.sparse(payload)?)))
}

/// A whole blob, held against its digest at its end.
fn blob(reader: &Reader, digest: &Digest, context: &Context) -> Result<impl Read + use<>> {
    let source = read_blob(reader, digest, Proof::Chunks, context)?;
    Ok(Checked { source, context: context.clone() })
}

/// What an error of reading says: that the repository is damaged, or that the blob was never sound.
fn blame(digest: &Digest, error: io::Error) -> OpsError {
    let digest = *digest;
    let broken = |error: &dyn std::error::Error| {
        let detail = display_path(OpsError::chain(error).as_bytes());
        OpsError::BrokenTar { digest, detail }
    };
    match OpsError::from_io(error, OpsError::Output) {
        OpsError::Repo(source) if source.is_damage() => {
            OpsError::UnreadableBlob { digest, source: Box::new(source) }
        }
        OpsError::Output(error) => match error.downcast::<CodecError>() {
            Ok(error @ CodecError::Bomb) => broken(&error),
            Ok(source) => OpsError::DamagedRecipe { digest, source },
            Err(error) => broken(&error),
        },
        error => error,
    }
}
