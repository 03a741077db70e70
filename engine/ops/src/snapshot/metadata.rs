//! The metadata part: one stream, kept byte for byte.

use std::io;

use dtrvault_codec::{Ending, Form, TarReport, sniff};
use dtrvault_format::{
    BlobRecord, Digest, MetadataForm, MetadataPart, ProblemKind, Recipe, Stats, StreamRef,
};
use dtrvault_registry::metadata::{Table, dtr_version};
use dtrvault_repo::Repository;
use dtrvault_repo::rows::KnownRows;
use dtrvault_repo::write::{Class, Session};
use sha2::{Digest as _, Sha256};

use super::MetadataInput;
use super::known_rows::{self, Origin};
use super::problems::Problems;
use super::rows_writer::{RowsWriter, StoredRows};
use crate::content::{cut_detail, read_full};
use crate::context::Context;
use crate::error::{OpsError, Result};
use crate::proof::{Catalogue, Described, RowWatch};

/// Length of the reads, bytes.
const READ_BYTES: usize = 1 << 20;
/// What `sniff` looks at, bytes.
const SNIFF_BYTES: usize = 512;

/// The metadata part, and what is kept for the next one once the snapshot stands.
pub(super) struct Taken {
    pub(super) part: MetadataPart,
    pub(super) rows: Option<(KnownRows, StreamRef)>,
    /// What it says of images, when it is DTR's and was to be read.
    pub(super) catalogue: Option<Catalogue>,
}

/// Stores the stream, which is taken on `host`. With `has_images` its rows are read as well.
#[allow(clippy::too_many_arguments, reason = "the parts of one run, each of its own kind")]
pub(super) fn take(
    repo: &Repository,
    session: &Session,
    mut input: MetadataInput,
    host: &str,
    has_images: bool,
    problems: &mut Problems,
    stats: &mut Stats,
    context: &Context,
) -> Result<Taken> {
    let unreadable = |error: io::Error| {
        // Who is asked to stop has often had its input cut off: that is no fault of the stream.
        let interrupted = context.proceed().err();
        let told = |source| OpsError::Metadata { name: input.name.clone(), source };
        interrupted.unwrap_or_else(|| OpsError::from_io(error, told))
    };
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
    let mut store = match form {
        MetadataForm::Tar => {
            let start = known_rows::begin(repo, session, Origin { host, name: &input.name }, context)?;
            Store::Tar(Box::new(RowsWriter::new(session, start, RowWatch::new(has_images))))
        }
        MetadataForm::Other => Store::Plain(Box::new(session.stream(Class::Fine))),
        MetadataForm::Gzip | MetadataForm::Zstd => Store::Plain(Box::new(session.stream(Class::Coarse))),
    };
    context.progress.stage("metadata", input.size);
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
    context.proceed()?;
    let sha256: [u8; 32] = hasher.finalize().into();
    let Stored { recipe, report, known, described } = store.finish(size, &input.name)?;
    let cut = report.as_ref().and_then(cut_detail);
    if let Some(detail) = &cut {
        if !input.allow_truncated {
            return Err(OpsError::TruncatedMetadata { name: input.name, detail: detail.clone() });
        }
        problems.note(ProblemKind::Truncated, input.name.as_bytes(), detail.clone());
    }
    let root = report.as_ref().and_then(|report| String::from_utf8(report.root.clone()?).ok());
    let oddities = warnings(form, report.as_ref());
    if let (Some(detail), true) = (oddities.first(), input.backup.is_some()) {
        return Err(OpsError::TruncatedMetadata { name: input.name, detail: detail.clone() });
    }
    let is_dtr = root.as_deref().and_then(dtr_version).is_some();
    let described = described.filter(|_| is_dtr);
    if let (Some(described), Some(root), None) = (&described, &root, &cut) {
        require_tables(described, root, &input, context)?;
    }
    if has_images {
        for warning in described.iter().flat_map(Described::warnings) {
            context.progress.warn(&format!("{}: {warning}", input.name));
        }
    }
    // What a cut tar does not name is not known to be nowhere, but what it names must be there.
    let catalogue = described.and_then(|described| described.catalogue);
    let log = match input.backup {
        None => {
            for warning in oddities {
                context.progress.warn(&format!("{}: {warning}", input.name));
            }
            None
        }
        Some(backup) => {
            let found = root.as_deref().and_then(dtr_version);
            if found != Some(backup.dtr.version.as_str()) {
                let found = root.unwrap_or_default();
                return Err(OpsError::OtherDtr { name: input.name, wanted: backup.dtr.version, found });
            }
            let mut log = session.stream(Class::Fine);
            log.write((backup.log)().as_bytes())?;
            Some(log.finish()?)
        }
    };
    let rows = match (known, &recipe) {
        (Some(known), Recipe::Rows { table, .. }) => Some((known, *table)),
        _ => None,
    };
    let digest = Digest::new(sha256);
    let better = session.known_blob(&digest)?.is_none_or(|(_, known)| known.rank() < recipe.rank());
    if better {
        session.record_blob(BlobRecord { digest, size, recipe });
    }
    stats.seen_bytes += size;
    stats.read_bytes += size;
    let part = MetadataPart {
        digest,
        size,
        form,
        root,
        members: report.map_or(0, |report| report.members),
        name: input.name,
        truncated: cut.is_some(),
        log,
    };
    Ok(Taken { part, rows, catalogue })
}

/// Where the stream's bytes go.
enum Store {
    Tar(Box<RowsWriter>),
    Plain(Box<dtrvault_repo::write::StreamWriter>),
}

/// What became of them.
struct Stored {
    recipe: Recipe,
    report: Option<TarReport>,
    known: Option<KnownRows>,
    described: Option<Described>,
}

impl Store {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match self {
            Self::Tar(rows) => rows.write(bytes),
            Self::Plain(stream) => Ok(stream.write(bytes)?),
        }
    }

    fn finish(self, size: u64, name: &str) -> Result<Stored> {
        match self {
            Self::Plain(stream) => {
                let recipe = Recipe::Plain(stream.finish()?);
                Ok(Stored { recipe, report: None, known: None, described: None })
            }
            Self::Tar(rows) => {
                let stored = rows.finish(size)?;
                let stored = stored.ok_or_else(|| OpsError::Unproven { name: name.to_owned() })?;
                let StoredRows { recipe, report, known, described } = stored;
                Ok(Stored { recipe, report: Some(report), known: Some(known), described: Some(described) })
            }
        }
    }
}

/// Refuses a backup of DTR that lacks a table it must have: it would restore no images.
fn require_tables(described: &Described, root: &str, input: &MetadataInput, context: &Context) -> Result<()> {
    let missing = described.missing_tables(root);
    if missing.is_empty() {
        return Ok(());
    }
    let tables = missing.into_iter().map(Table::name).collect::<Vec<_>>().join(", ");
    if !input.allow_missing_tables {
        return Err(OpsError::MissingTables { name: input.name.clone(), tables });
    }
    context.progress.warn(&format!("{}: these tables are missing: {tables}", input.name));
    Ok(())
}

/// What is odd about the stream: of one that was taken elsewhere it is told, of a backup it is an error.
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
