//! The tree before this one: what has not changed since is not read again.
//!
//! A copy of the last tree of each source is kept in the cache folder, because a write-only
//! key cannot read it back. With a full key the repository's own copy serves as well.

use std::cmp::Ordering;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use dtrvault_format::tree::path_order;
use dtrvault_format::{Entry, Kind, Role, SnapshotId, Time};
use dtrvault_registry::source::FileStat;
use dtrvault_repo::Repository;
use dtrvault_repo::read::Reader;

use crate::content::{TreeEntries, read_tree};
use crate::context::Context;
use crate::error::{OpsError, Result};

/// A tree from wherever it was found.
type Tree = TreeEntries<Box<dyn Read>>;

/// What stands before the tree in its cached copy: the snapshot's id, its time in seconds, and
/// [`seal`] of both and of the tree. Disks rot, and what is read here goes into snapshots.
const HEAD_BYTES: usize = SnapshotId::LEN + 8 + blake3::OUT_LEN;

/// The tree is hashed and written in pieces of this length: short ones cost more.
const BUFFER_BYTES: usize = 128 << 10;

/// Binds a cached tree, by its hash, to its snapshot.
fn seal(id: &SnapshotId, secs: i64, tree: &blake3::Hash) -> blake3::Hash {
    let parts: [&[u8]; 3] = [id.as_bytes(), &secs.to_be_bytes(), tree.as_bytes()];
    blake3::hash(&parts.concat())
}

/// File of the cache that holds the last tree of a source: a head, then the tree.
fn cache_path(repo: &Repository, location: &str, host: &str) -> PathBuf {
    let source = blake3::hash(format!("{host}\0{location}").as_bytes());
    repo.cache_dir().join("trees").join(source.to_hex().as_str())
}

/// The tree before this one, consumed in step with a walk.
pub(super) struct Parent {
    id: Option<SnapshotId>,
    time: Option<Time>,
    entries: Option<Tree>,
    next: Option<Entry>,
    /// A blob of the parent is gone: whatever names it may now name nothing.
    lost_blob: bool,
}

impl Parent {
    /// Finds the parent for a source; none when there is none, or when it cannot be read.
    pub(super) fn find(repo: &Repository, location: &str, host: &str, context: &Context) -> Self {
        let found = Self::cached(&cache_path(repo, location, host)).or_else(|| {
            match Self::stored(repo, location, host) {
                Ok(found) => found,
                Err(error) => {
                    context
                        .progress
                        .warn(&format!("the last snapshot's tree cannot be read, so every file is: {error}"));
                    None
                }
            }
        });
        match found {
            Some((id, time, entries)) => {
                Self { id: Some(id), time: Some(time), entries: Some(entries), next: None, lost_blob: false }
            }
            None => Self { id: None, time: None, entries: None, next: None, lost_blob: false },
        }
    }

    fn cached(path: &Path) -> Option<(SnapshotId, Time, Tree)> {
        let mut file = File::open(path).ok()?;
        let mut head = [0; HEAD_BYTES];
        file.read_exact(&mut head).ok()?;
        let (id, rest) = head.split_first_chunk::<{ SnapshotId::LEN }>()?;
        let (secs, sealed) = rest.split_first_chunk::<8>()?;
        let (id, secs) = (SnapshotId::new(*id), i64::from_be_bytes(*secs));
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(&mut file).ok()?;
        if seal(&id, secs, &hasher.finalize()).as_bytes() != sealed {
            return None;
        }
        file.seek(SeekFrom::Start(HEAD_BYTES as u64)).ok()?;
        let tree = read_tree(Box::new(BufReader::new(file)) as Box<dyn Read>, id.to_string());
        Some((id, Time::from_secs(secs), tree))
    }

    fn stored(repo: &Repository, location: &str, host: &str) -> Result<Option<(SnapshotId, Time, Tree)>> {
        if repo.role() != Role::Full {
            return Ok(None);
        }
        let snapshots = repo.snapshots()?.sound;
        let same = snapshots.into_iter().rev().find(|(_, snapshot)| {
            snapshot.host == host && snapshot.images.as_ref().is_some_and(|i| i.location == location)
        });
        let Some((id, snapshot)) = same else { return Ok(None) };
        let Some(images) = snapshot.images else { return Ok(None) };
        let stream: Box<dyn Read> = Box::new(Reader::new(repo)?.stream(&images.tree)?);
        Ok(Some((id, snapshot.time, read_tree(stream, id.to_string()))))
    }

    /// The snapshot it is of.
    pub(super) fn id(&self) -> Option<SnapshotId> {
        self.id
    }

    /// When that was taken.
    pub(super) fn time(&self) -> Option<Time> {
        self.time
    }

    /// Whether the parent had a blob file that the walk so far did not meet again.
    pub(super) fn lost_blob(&self) -> bool {
        self.lost_blob
    }

    /// The parent's entry for `path`. Paths must be asked for in tree order.
    pub(super) fn entry(&mut self, path: &[u8]) -> Option<Entry> {
        loop {
            if self.next.is_none() {
                // A parent that cannot be read on is a parent that ends here.
                self.next = self.entries.as_mut().and_then(Iterator::next).and_then(Result::ok);
                if self.next.is_none() {
                    self.entries = None;
                }
            }
            let next = self.next.as_ref()?;
            match path_order(&next.path, path) {
                Ordering::Less => {
                    self.lost_blob |= is_blob(next);
                    self.next = None;
                }
                Ordering::Equal => return self.next.take(),
                Ordering::Greater => return None,
            }
        }
    }

    /// Consumes what the walk did not reach.
    pub(super) fn finish(&mut self) {
        if self.next.take().is_some_and(|entry| is_blob(&entry)) {
            self.lost_blob = true;
        }
        while let Some(Ok(entry)) = self.entries.as_mut().and_then(Iterator::next) {
            self.lost_blob |= is_blob(&entry);
        }
    }
}

fn is_blob(entry: &Entry) -> bool {
    use dtrvault_registry::layout::{PathKind, classify};
    entry.kind != Kind::Dir
        && matches!(classify(&entry.path), PathKind::BlobData { .. } | PathKind::BlobById { .. })
}

/// The parent's file, when it is certainly the same as the one that was found.
pub(super) fn unchanged(
    parent: Option<Entry>,
    found: &FileStat,
    mtime: Time,
) -> Option<dtrvault_format::File> {
    let parent = parent?;
    let Kind::File(file) = parent.kind else { return None };
    let same = file.size == found.size
        && parent.meta.mtime == mtime
        && file.identity == found.identity
        && file.identity != dtrvault_format::Identity::Unknown;
    same.then_some(file)
}

/// The tree that is being written, kept for the next run once it is committed.
pub(super) struct NewTree {
    temporary: Option<(PathBuf, BufWriter<Hashed>)>,
    path: PathBuf,
    failed: Option<io::Error>,
}

impl NewTree {
    pub(super) fn begin(repo: &Repository, location: &str, host: &str) -> Self {
        let path = cache_path(repo, location, host);
        let temporary = path.with_extension(format!("{}.part", std::process::id()));
        let opened = path
            .parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| private_file(&temporary))
            .and_then(|mut file| file.write_all(&[0; HEAD_BYTES]).map(|()| file));
        match opened {
            Ok(file) => {
                let file = Hashed { file, hasher: blake3::Hasher::new() };
                let file = BufWriter::with_capacity(BUFFER_BYTES, file);
                Self { temporary: Some((temporary, file)), path, failed: None }
            }
            Err(error) => Self { temporary: None, path, failed: Some(error) },
        }
    }

    /// Adds an entry's bytes. What goes wrong is told at the end.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        if self.failed.is_some() {
            return;
        }
        if let Some((_, file)) = &mut self.temporary {
            self.failed = file.write_all(bytes).err();
        }
    }

    /// Puts the tree in its place, as that of snapshot `id`, taken at `time`.
    pub(super) fn keep(mut self, id: &SnapshotId, time: Time) -> Result<()> {
        if let Some(error) = self.failed.take() {
            return Err(OpsError::Cache(error));
        }
        let Some((temporary, file)) = self.temporary.take() else { return Ok(()) };
        let kept = file.into_inner().map_err(io::IntoInnerError::into_error).and_then(|tree| {
            let Hashed { file, hasher } = tree;
            let sealed = seal(id, time.secs, &hasher.finalize());
            let parts: [&[u8]; 3] = [id.as_bytes(), &time.secs.to_be_bytes(), sealed.as_bytes()];
            std::os::unix::fs::FileExt::write_all_at(&file, &parts.concat(), 0)?;
            fs::rename(&temporary, &self.path)
        });
        kept.map_err(|error| {
            let _ = fs::remove_file(&temporary);
            OpsError::Cache(error)
        })
    }
}

impl Drop for NewTree {
    fn drop(&mut self) {
        if let Some((path, _)) = &self.temporary {
            let _ = fs::remove_file(path);
        }
    }
}

/// A file, and the hash of what is written to it.
struct Hashed {
    file: File,
    hasher: blake3::Hasher,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn private_file(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options().write(true).create(true).truncate(true).mode(0o600).open(path)
}
