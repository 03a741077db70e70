//! Reading one file: what it becomes in the tree, and what was wrong with it.

use std::io::{self, Read};
use std::thread;
use std::time::Duration;

use dtrvault_format::{Content, Digest, Entry, File, Identity, Kind, Problem, ProblemKind};
use dtrvault_registry::layout::{PathKind, classify};
use dtrvault_registry::link;
use dtrvault_registry::source::{FileStat, Item, Source, SourceError, SourceFile};
use dtrvault_repo::write::Session;

use super::problems::Problems;
use super::references::{may_be_manifest, names_of};
use crate::content::{Apart, BlobError, BlobSummary, Opaque, write_blob};
use crate::context::Context;
use crate::error::Result;
use crate::layers::{Layers, TriedLayer, Tries};

/// Files up to this length stand in the tree itself, bytes: link files have 71.
pub(super) const INLINE_BYTES: u64 = 512;
/// A link that is being rewritten is read again so many times.
const LINK_READS: usize = 40;
/// Time between two such reads.
const LINK_PAUSE: Duration = Duration::from_millis(25);

/// What became of one found thing. There are very many, and most have nothing but an entry.
#[derive(Default)]
pub(super) struct Outcome {
    /// Its entry, unless it could not be taken.
    pub(super) entry: Option<Entry>,
    /// Bytes that were read for it.
    pub(super) read_bytes: u64,
    /// How long what was read is as it is kept, bytes.
    pub(super) kept_bytes: u64,
    /// Bytes that are not yet in the progress.
    pub(super) unreported_bytes: u64,
    /// What else there is to say.
    pub(super) notes: Option<Box<Notes>>,
}

/// What is to be said of few things.
#[derive(Default)]
pub(super) struct Notes {
    /// Its path, when it could not be taken.
    pub(super) left_out: Option<Vec<u8>>,
    /// What was wrong.
    pub(super) problems: Problems,
    /// When it is a manifest that was read: its digest, and what it names.
    pub(super) manifest: Option<(Digest, Vec<Digest>)>,
    /// When it is a gzip blob that was to be stored as its content: whether it was.
    pub(super) layer: Option<TriedLayer>,
}

impl Outcome {
    pub(super) fn problem(problem: Problem) -> Self {
        let mut outcome = Self::default();
        outcome.notes().problems.add(problem);
        outcome
    }

    fn notes(&mut self) -> &mut Notes {
        self.notes.get_or_insert_default()
    }

    pub(super) fn entry(entry: Entry) -> Self {
        Self { entry: Some(entry), ..Self::default() }
    }

    /// A file whose content is stored already.
    pub(super) fn kept(item: Item, file: File) -> Self {
        let unreported_bytes = file.size;
        let entry = Entry { path: item.path, meta: item.meta, kind: Kind::File(file) };
        Self { unreported_bytes, ..Self::entry(entry) }
    }

    /// A file that was read, and stands in the tree.
    fn inline(item: Item, stat: &FileStat, bytes: Vec<u8>, still: bool) -> Self {
        let size = bytes.len() as u64;
        let entry = entry(item, stat, Content::Inline(bytes), size, still, false);
        Self { read_bytes: size, kept_bytes: size, unreported_bytes: size, ..Self::entry(entry) }
    }

    /// A file that cannot be taken, unless none can be any more.
    fn left_out(path: Vec<u8>, error: SourceError) -> Result<Self> {
        let kind = match error {
            SourceError::Unreachable { .. } => return Err(error.into()),
            SourceError::Vanished { .. } => ProblemKind::Vanished,
            _ => ProblemKind::Unreadable,
        };
        let mut detail = error.to_string();
        if let Some(cause) = std::error::Error::source(&error) {
            detail = format!("{detail}: {cause}");
        }
        let mut outcome = Self::problem(Problem { path: path.clone(), kind, detail });
        outcome.notes().left_out = Some(path);
        Ok(outcome)
    }
}

/// What reading files takes.
#[derive(Clone, Copy)]
pub(super) struct ReadFile<'a> {
    pub(super) session: &'a Session,
    pub(super) source: &'a dyn Source,
    pub(super) context: &'a Context,
    pub(super) layers: Layers,
}

impl ReadFile<'_> {
    /// Reads and stores a file.
    pub(super) fn run(self, mut item: Item, stat: &FileStat) -> Result<Outcome> {
        self.context.proceed()?;
        let kind = classify(&item.path);
        if kind.is_link() {
            return self.link(item, stat);
        }
        // A blob's bytes go another way.
        let early = item.content.take().filter(|_| !matches!(kind, PathKind::BlobData { .. }));
        if let Some(bytes) = early {
            return Ok(Outcome::inline(item, stat, bytes, true));
        }
        let named = match kind {
            PathKind::BlobData { digest } => Some(digest),
            _ => None,
        };
        let mut outcome = Outcome::default();
        let Taken { mut file, content, size, kept_bytes } =
            match self.take(&item, stat, named, &mut outcome)? {
                Ok(taken) => taken,
                Err(error) => return Outcome::left_out(item.path, error),
            };
        (outcome.read_bytes, outcome.kept_bytes) = (size, kept_bytes);
        if matches!(content, Content::Inline(_)) {
            outcome.unreported_bytes = size;
        }
        // What cannot be asked any more has changed.
        let still = file.still(stat).unwrap_or(false);
        if !still {
            let detail = "it changed while it was read; what was read is stored";
            outcome.notes().problems.note(ProblemKind::Changed, &item.path, detail);
        }
        let mismatch = matches!((&content, named), (Content::Blob(is), Some(name)) if *is != name);
        outcome.entry = Some(entry(item, stat, content, size, still, mismatch));
        Ok(outcome)
    }

    /// Opens a file and stores what is in it: again, when a blob cannot be stored as its content.
    fn take(
        self,
        item: &Item,
        stat: &FileStat,
        named: Option<Digest>,
        outcome: &mut Outcome,
    ) -> Result<std::result::Result<Taken, SourceError>> {
        let mut tries = Tries::new(self.layers);
        loop {
            let mut file = match self.source.open(item) {
                Ok(file) => file,
                Err(error) => return Ok(Err(error)),
            };
            let mut begun = Vec::new();
            if named.is_none() && stat.size <= INLINE_BYTES {
                match read_up_to(&mut *file, INLINE_BYTES) {
                    Ok(Short::Whole(bytes)) => {
                        let size = bytes.len() as u64;
                        return Ok(Ok(Taken {
                            file,
                            content: Content::Inline(bytes),
                            size,
                            kept_bytes: size,
                        }));
                    }
                    // It has grown since it was found.
                    Ok(Short::Longer(bytes)) => begun = bytes,
                    Err(error) => return Ok(Err(unreadable(&item.path, error))),
                }
            }
            let manifest = named.filter(|_| may_be_manifest(stat.size));
            match self.blob(&mut (&begun[..]).chain(&mut *file), manifest, &mut tries)? {
                Stored::Blob(blob) => {
                    if blob.manifest.is_some() {
                        outcome.notes().manifest = blob.manifest;
                    }
                    if let Some(layer) = tries.layer(blob.apart, blob.size) {
                        outcome.notes().layer = Some(layer);
                    }
                    let content = Content::Blob(blob.digest);
                    return Ok(Ok(Taken { file, content, size: blob.size, kept_bytes: blob.kept_bytes }));
                }
                Stored::Opaque(opaque) => tries.opaque(opaque),
                Stored::Unreadable(error) => return Ok(Err(unreadable(&item.path, error))),
            }
        }
    }

    /// Reads a link file, again and again while the registry is rewriting it.
    fn link(self, mut item: Item, stat: &FileStat) -> Result<Outcome> {
        let mut torn = None;
        let mut early = item.content.take();
        let mut reads = 1;
        let (bytes, still) = loop {
            let read = || {
                self.source.open(&item).and_then(|mut file| {
                    let bytes = read_up_to(&mut *file, link::MAX_LINK_BYTES as u64)
                        .map_err(|error| unreadable(&item.path, error))?;
                    Ok((bytes, file.still(stat).unwrap_or(false)))
                })
            };
            let (bytes, still) = match early.take().map_or_else(read, |bytes| Ok((Short::Whole(bytes), true)))
            {
                Ok((Short::Whole(bytes) | Short::Longer(bytes), still)) => (bytes, still),
                Err(error) => return Outcome::left_out(item.path, error),
            };
            match link::parse(&bytes) {
                Ok(_) => break (bytes, still),
                // It is no link at all, and will not become one.
                Err(link::BadLink::NotADigest) => {
                    torn = Some("it holds no digest".to_owned());
                    break (bytes, still);
                }
                Err(bad) if reads >= LINK_READS => {
                    torn = Some(format!("{bad}, and stays so"));
                    break (bytes, still);
                }
                Err(_) => {
                    reads += 1;
                    self.context.proceed()?;
                    thread::sleep(LINK_PAUSE);
                }
            }
        };
        let path = torn.is_some().then(|| item.path.clone());
        let mut outcome = Outcome::inline(item, stat, bytes, still);
        if let Some((path, detail)) = path.zip(torn) {
            outcome.notes().problems.note(ProblemKind::TornLink, &path, detail);
        }
        Ok(outcome)
    }

    /// Stores a blob; what it names, too, when it may be the manifest `manifest`.
    fn blob(self, source: &mut dyn Read, manifest: Option<Digest>, tries: &mut Tries) -> Result<Stored> {
        let mut begin = Vec::new();
        let mut names = None;
        if manifest.is_some() {
            match read_up_to(source, dtrvault_registry::manifest::MAX_MANIFEST_BYTES as u64) {
                Ok(Short::Whole(bytes)) => {
                    names = bytes.starts_with(b"{").then(|| names_of(&bytes)).flatten();
                    begin = bytes;
                }
                Ok(Short::Longer(bytes)) => begin = bytes,
                Err(error) => return Ok(Stored::Unreadable(error)),
            }
        }
        let mut read = 0;
        let mut reported = tries.reported_bytes;
        let mut seen = |bytes: &[u8]| {
            read += bytes.len() as u64;
            // What is read a second time is no progress.
            self.context.progress.advance(read.saturating_sub(reported), 0);
            reported = reported.max(read);
            self.context.proceed()
        };
        let written = write_blob(self.session, tries.depth(), &mut begin.as_slice().chain(source), &mut seen);
        tries.reported_bytes = reported;
        match written {
            Ok(BlobSummary { digest, size, kept_bytes, apart }) => {
                let manifest = manifest.zip(names).filter(|(named, _)| *named == digest);
                Ok(Stored::Blob(StoredBlob { digest, size, kept_bytes, apart, manifest }))
            }
            Err(BlobError::Opaque(opaque)) => Ok(Stored::Opaque(opaque)),
            Err(BlobError::Read(error)) => Ok(Stored::Unreadable(error)),
            Err(BlobError::Store(error)) => Err(error),
        }
    }
}

/// A file that was read.
struct Taken {
    file: Box<dyn SourceFile>,
    content: Content,
    size: u64,
    kept_bytes: u64,
}

/// What became of a blob.
enum Stored {
    Blob(StoredBlob),
    /// It is to be read again, and stored otherwise.
    Opaque(Opaque),
    Unreadable(io::Error),
}

/// A blob that was stored.
struct StoredBlob {
    digest: Digest,
    size: u64,
    kept_bytes: u64,
    apart: Option<Apart>,
    manifest: Option<(Digest, Vec<Digest>)>,
}

/// What a manifest of the registry names; `None` when it cannot be read, or is none.
pub(super) fn read_manifest(source: &dyn Source, item: &Item) -> Option<Vec<Digest>> {
    let mut file = source.open(item).ok()?;
    match read_up_to(&mut *file, dtrvault_registry::manifest::MAX_MANIFEST_BYTES as u64) {
        Ok(Short::Whole(bytes)) => names_of(&bytes),
        _ => None,
    }
}

fn entry(item: Item, stat: &FileStat, content: Content, size: u64, still: bool, mismatch: bool) -> Entry {
    // A file that moved under the reader is to be read again next time.
    let identity = if still { stat.identity.clone() } else { Identity::Unknown };
    let file = File { size, content, identity, sparse: stat.sparse, mismatch };
    Entry { path: item.path, meta: item.meta, kind: Kind::File(file) }
}

/// The beginning of a file.
enum Short {
    /// All of it.
    Whole(Vec<u8>),
    /// It goes on.
    Longer(Vec<u8>),
}

/// Reads at most `limit` bytes, and one more to know whether there is more.
fn read_up_to<R: Read + ?Sized>(source: &mut R, limit: u64) -> io::Result<Short> {
    let mut bytes = Vec::new();
    source.take(limit + 1).read_to_end(&mut bytes)?;
    Ok(if bytes.len() as u64 > limit { Short::Longer(bytes) } else { Short::Whole(bytes) })
}

fn unreadable(path: &[u8], error: io::Error) -> SourceError {
    match error.downcast::<SourceError>() {
        Ok(error) => error,
        Err(error) => SourceError::Unreadable { path: path.to_vec(), source: error.into() },
    }
}
