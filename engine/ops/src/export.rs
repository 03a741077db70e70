//! `export`: gives a part of a snapshot back as one tar.

mod images;

use std::io::Write;

use dtrvault_format::{Snapshot, SnapshotId};
use dtrvault_repo::Repository;
use dtrvault_repo::read::{Proof, Reader};

use crate::content::read_blob;
use crate::context::Context;
use crate::error::{OpsError, Result};

/// A part of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// The metadata stream.
    Metadata,
    /// The image content.
    Images,
}

/// What to export.
#[derive(Debug, Clone, Default)]
pub struct ExportOptions {
    /// Beginning of the snapshot's id, or `latest`.
    pub snapshot: String,
    /// Which part; when none is named, the metadata stream, or images where there is none.
    pub part: Option<Part>,
    /// What the members' names of an image tar begin with.
    pub prefix: Vec<u8>,
}

/// What was exported.
#[derive(Debug, serde::Serialize)]
pub struct ExportReport {
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// Which part.
    pub part: Part,
    /// Bytes written.
    pub bytes: u64,
    /// Members that a tar cannot hold: sockets.
    pub left_out: u64,
}

/// Writes the part to `out`. The metadata stream comes byte for byte; images as a POSIX tar.
///
/// # Errors
/// [`OpsError::NoSuchPart`], those of damage, of the output, and of the store. What was
/// written until then is not to be used.
pub fn run(
    repo: &Repository,
    options: &ExportOptions,
    out: &mut dyn Write,
    context: &Context,
) -> Result<ExportReport> {
    let (id, snapshot) = repo.find_snapshot(&options.snapshot)?;
    let part = options.part.unwrap_or(match snapshot.metadata {
        Some(_) => Part::Metadata,
        None => Part::Images,
    });
    let reader = Reader::new(repo)?;
    match part {
        Part::Metadata => metadata(&reader, id, &snapshot, out, context),
        Part::Images => images::run(&reader, id, &snapshot, &options.prefix, out, context),
    }
}

fn metadata(
    reader: &Reader,
    id: SnapshotId,
    snapshot: &Snapshot,
    out: &mut dyn Write,
    context: &Context,
) -> Result<ExportReport> {
    let part = snapshot.metadata.as_ref();
    let part = part.ok_or_else(|| OpsError::NoSuchPart { snapshot: id.to_string(), part: "metadata" })?;
    context.progress.stage("exporting", Some(part.size));
    let mut source = read_blob(reader, &part.digest, Proof::Chunks, context)?;
    let mut bytes = 0;
    loop {
        context.proceed()?;
        let piece = source.next_piece().map_err(|error| OpsError::from_io(error, OpsError::Output))?;
        if piece.is_empty() {
            break;
        }
        out.write_all(&piece).map_err(OpsError::Output)?;
        bytes += piece.len() as u64;
        context.progress.advance(piece.len() as u64, 0);
    }
    out.flush().map_err(OpsError::Output)?;
    Ok(ExportReport { snapshot: id, part: Part::Metadata, bytes, left_out: 0 })
}
