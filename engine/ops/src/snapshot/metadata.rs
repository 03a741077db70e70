//! The metadata part: one stream, kept byte for byte.

use dtrvault_codec::{Ending, Form, TarReport, TarSplitter, sniff};
use dtrvault_format::tree::display_path;
use dtrvault_format::{BlobRecord, Digest, MetadataForm, MetadataPart, ProblemKind, Recipe, Stats};
use dtrvault_repo::write::{Class, Session};
use sha2::{Digest as _, Sha256};

use super::MetadataInput;
use super::problems::Problems;
use crate::content::{ProvenTar, read_full};
use crate::context::Context;
use crate::error::{OpsError, Result};

/// Length of the reads, bytes.
const READ_BYTES: usize = 1 << 20;
/// What `sniff` looks at, bytes.
const SNIFF_BYTES: usize = 512;

/// Stores the stream.
pub(super) fn take(
    session: &Session,
    mut input: MetadataInput,
    problems: &mut Problems,
    stats: &mut Stats,
    context: &Context,
) -> Result<MetadataPart> {
    context.progress.stage("metadata", input.size);
    let unreadable = |source| OpsError::Metadata { name: input.name.clone(), source };
    let mut buffer = vec![0; READ_BYTES];
    let filled = read_full(&mut *input.stream, &mut buffer).map_err(unreadable)?;
    let first = buffer.get(..filled.min(SNIFF_BYTES)).unwrap_or_default();
    let sniffed = sniff(first, filled < SNIFF_BYTES);
    let form = match sniffed {
        Form::Tar => MetadataForm::Tar,
        Form::Gzip => MetadataForm::Gzip,
        Form::Zstd => MetadataForm::Zstd,
        Form::Empty if !input.allow_truncated => {
            return Err(OpsError::EmptyMetadata { name: input.name });
        }
        Form::Other | Form::Empty => MetadataForm::Other,
    };
    let mut store = Store::new(session, form);
    let mut hasher = Sha256::new();
    let mut size = 0;
    let mut filled = filled;
    while let Some(bytes) = buffer.get(..filled).filter(|bytes| !bytes.is_empty()) {
        context.proceed()?;
        hasher.update(bytes);
        size += bytes.len() as u64;
        store.write(bytes)?;
        context.progress.advance(bytes.len() as u64, 0);
        filled = read_full(&mut *input.stream, &mut buffer).map_err(unreadable)?;
    }
    let sha256: [u8; 32] = hasher.finalize().into();
    let (recipe, report) = store.finish(sha256, &input.name)?;
    let cut = report.as_ref().and_then(cut_detail);
    if let Some(detail) = &cut {
        if !input.allow_truncated {
            return Err(OpsError::TruncatedMetadata { name: input.name, detail: detail.clone() });
        }
        problems.note(ProblemKind::Truncated, input.name.as_bytes(), detail.clone());
    }
    for warning in warnings(form, report.as_ref()) {
        context.progress.warn(&format!("{}: {warning}", input.name));
    }
    let digest = Digest::new(sha256);
    let better = session.known_blob(&digest)?.is_none_or(|(_, known)| known.rank() < recipe.rank());
    if better {
        session.record_blob(BlobRecord { digest, size, recipe });
    }
    stats.seen_bytes += size;
    stats.read_bytes += size;
    Ok(MetadataPart {
        digest,
        size,
        form,
        root: report.as_ref().and_then(|report| String::from_utf8(report.root.clone()?).ok()),
        members: report.map_or(0, |report| report.members),
        name: input.name,
        truncated: cut.is_some(),
    })
}

/// Where the stream's bytes go.
enum Store {
    Tar(Box<TarSplitter>, Box<ProvenTar>),
    Plain(Box<dtrvault_repo::write::StreamWriter>),
}

impl Store {
    fn new(session: &Session, form: MetadataForm) -> Self {
        match form {
            MetadataForm::Tar => Self::Tar(Box::default(), Box::new(ProvenTar::new(session))),
            MetadataForm::Other => Self::Plain(Box::new(session.stream(Class::Fine))),
            MetadataForm::Gzip | MetadataForm::Zstd => Self::Plain(Box::new(session.stream(Class::Coarse))),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match self {
            Self::Tar(splitter, sink) => splitter.push(bytes, &mut **sink)?,
            Self::Plain(stream) => stream.write(bytes)?,
        }
        Ok(())
    }

    fn finish(self, sha256: [u8; 32], name: &str) -> Result<(Recipe, Option<TarReport>)> {
        match self {
            Self::Plain(stream) => Ok((Recipe::Plain(stream.finish()?), None)),
            Self::Tar(splitter, mut sink) => {
                let report = splitter.finish(&mut *sink)?;
                let recipe = sink.finish(sha256)?;
                let recipe = recipe.ok_or_else(|| OpsError::Unproven { name: name.to_owned() })?;
                Ok((recipe, Some(report)))
            }
        }
    }
}

/// Where a tar is cut, in words; `None` when it is whole.
fn cut_detail(report: &TarReport) -> Option<String> {
    match &report.ending {
        Ending::CutInMember { name, missing_bytes: 0, .. } => {
            Some(format!("it ends in the padding after '{}'", display_path(name)))
        }
        Ending::CutInMember { name, missing_bytes, .. } => {
            Some(format!("{missing_bytes} bytes of '{}' are missing", display_path(name)))
        }
        Ending::CutInHeader { offset } => Some(format!("it ends within the header at byte {offset}")),
        Ending::Complete | Ending::NoEndBlocks | Ending::TrailingBytes { .. } | Ending::NotTarFrom { .. } => {
            None
        }
    }
}

/// What is odd about the stream, and keeps it from nothing.
fn warnings(form: MetadataForm, report: Option<&TarReport>) -> Vec<String> {
    let odd = match (form, report.map(|report| &report.ending)) {
        (MetadataForm::Other, _) => {
            "this is no tar: it is kept as it is, and DTR's restore will probably refuse it".to_owned()
        }
        (MetadataForm::Gzip, _) => {
            "this is gzip: it is kept as it is; a plain tar would be deduplicated".to_owned()
        }
        (MetadataForm::Zstd, _) => {
            "this is zstd: it is kept as it is; a plain tar would be deduplicated".to_owned()
        }
        (_, Some(Ending::NoEndBlocks)) => {
            "the tar has no end-of-archive blocks: was it cut between two members?".to_owned()
        }
        (_, Some(Ending::TrailingBytes { offset })) => {
            format!("bytes that are no tar follow the archive's end at byte {offset}; they are kept")
        }
        (_, Some(Ending::NotTarFrom { offset })) => {
            format!("from byte {offset} on this is no tar; the bytes are kept")
        }
        _ => return Vec::new(),
    };
    vec![odd]
}
