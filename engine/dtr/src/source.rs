//! Image content in a volume of an engine whose folders are not ours, as a source.
//!
//! The engine gives tars and no listings, so a walk has it send the whole volume, and passes over what files hold;
//! files that have changed are asked for one by one. Where the volume's folder can be read, that is by far better.

use std::io::{self, Read};
use std::ops::ControlFlow;

use dtrvault_format::tree::path_order;
use dtrvault_format::{Identity, Kind, Meta, Problem, ProblemKind, Time};
use dtrvault_registry::source::{
    FileStat, Found, Item, ItemKind, Source, SourceError, SourceFile, WalkOptions,
};
use dtrvault_registry::{PathKind, classify};
use tar::{Archive, EntryType};

use crate::volume::{Holder, TarStream};

/// A volume that a container holds.
pub struct VolumeSource {
    holder: Holder,
    location: String,
}

impl VolumeSource {
    /// The volume that `holder` holds; `name` is for people and for the snapshot.
    #[must_use]
    pub fn new(holder: Holder, name: &str) -> Self {
        Self { holder, location: format!("volume {name}") }
    }
}

impl Source for VolumeSource {
    fn location(&self) -> &str {
        &self.location
    }

    fn is_registry(&self) -> Result<bool, SourceError> {
        let root = String::from_utf8_lossy(dtrvault_registry::layout::REGISTRY_ROOT).into_owned();
        self.holder.has(&root).map_err(|error| unreadable(b"", error))
    }

    /// The engine sends all of the volume for each.
    fn walks_cheaply(&self) -> bool {
        false
    }

    fn walk(
        &self,
        options: &WalkOptions,
        sink: &mut dyn FnMut(Found) -> ControlFlow<()>,
    ) -> Result<(), SourceError> {
        let mut archive = Archive::new(self.holder.tar(""));
        let mut last: Option<Vec<u8>> = None;
        for entry in archive.entries().map_err(|error| unreadable(b"", error))? {
            let mut entry = entry.map_err(|error| unreadable(last.as_deref().unwrap_or_default(), error))?;
            let path = below_root(&entry.path_bytes());
            if options.skips_path(&path) {
                continue;
            }
            // What comes out of order would make a tree that nobody can search.
            if last.as_ref().is_some_and(|last| path_order(last, &path).is_ge()) {
                let detail = "the engine gave the volume out of order".to_owned();
                return Err(unreadable(&path, io::Error::other(detail)));
            }
            last = Some(path.clone());
            let found = match item(&mut entry, path, options) {
                Ok(found) => found,
                Err(error) => return Err(unreadable(last.as_deref().unwrap_or_default(), error)),
            };
            if sink(found).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn open(&self, item: &Item) -> Result<Box<dyn SourceFile>, SourceError> {
        let vanished = || SourceError::Vanished { path: item.path.clone() };
        let ItemKind::File(stat) = &item.kind else { return Err(vanished()) };
        let path = std::str::from_utf8(&item.path).map_err(|_| vanished())?;
        let mut stream = self.holder.tar(path);
        let header = Header::read(&mut stream).map_err(|error| unreadable(&item.path, error))?;
        let header = header.ok_or_else(vanished)?;
        Ok(Box::new(VolumeFile {
            left: header.size,
            now: (header.mtime, FileStat { size: header.size, identity: tag(header.mtime), sparse: false }),
            stream,
            mtime: item.meta.mtime,
            wanted_bytes: stat.size,
        }))
    }
}

/// One file as the engine sends it.
struct VolumeFile {
    stream: TarStream,
    left: u64,
    now: (Time, FileStat),
    mtime: Time,
    wanted_bytes: u64,
}

impl Read for VolumeFile {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(out.len());
        let count = self.stream.read(out.get_mut(..most).unwrap_or_default())?;
        if count == 0 && most > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= count as u64;
        Ok(count)
    }
}

impl SourceFile for VolumeFile {
    /// What its header said when it was opened: the engine tells no more of it.
    fn stat(&mut self) -> io::Result<(Time, FileStat)> {
        Ok(self.now.clone())
    }

    fn still(&mut self, wanted: &FileStat) -> io::Result<bool> {
        Ok(self.now.0 == self.mtime && self.wanted_bytes == wanted.size && self.now.1.size == wanted.size)
    }
}

/// What is needed of the header of a tar of one file.
struct Header {
    size: u64,
    mtime: Time,
}

impl Header {
    /// The first header of a regular file; nothing when the first member is something else. The stream stands
    /// at its content then.
    fn read(stream: &mut TarStream) -> io::Result<Option<Self>> {
        let mut archive = Archive::new(stream);
        let mut entries = archive.entries()?;
        let Some(entry) = entries.next().transpose()? else { return Ok(None) };
        let regular = matches!(entry.header().entry_type(), EntryType::Regular | EntryType::Continuous);
        if !regular {
            return Ok(None);
        }
        Ok(Some(Self { size: entry.size(), mtime: mtime(entry.header())? }))
    }
}

fn mtime(header: &tar::Header) -> io::Result<Time> {
    Ok(Time::from_secs(i64::try_from(header.mtime()?).unwrap_or(i64::MAX)))
}

/// A file of the same length that was written in the same second is taken for the same one: blobs never change,
/// and links are short and come with the walk.
fn tag(mtime: Time) -> Identity {
    Identity::Etag(format!("mtime {}", mtime.secs))
}

/// A member's name without the mount point's own, which stands before all of them.
fn below_root(name: &[u8]) -> Vec<u8> {
    let name = name.strip_suffix(b"/").unwrap_or(name);
    match name.iter().position(|byte| *byte == b'/') {
        Some(slash) => name.get(slash + 1..).unwrap_or_default().to_vec(),
        None => Vec::new(),
    }
}

fn item(entry: &mut tar::Entry<'_, TarStream>, path: Vec<u8>, options: &WalkOptions) -> io::Result<Found> {
    let header = entry.header();
    let mtime = mtime(header)?;
    let meta = Meta {
        mode: header.mode()? & 0o7777,
        uid: u32::try_from(header.uid()?).unwrap_or(u32::MAX),
        gid: u32::try_from(header.gid()?).unwrap_or(u32::MAX),
        mtime,
        xattrs: Vec::new(),
    };
    let kind = match header.entry_type() {
        EntryType::Directory => ItemKind::Other(Kind::Dir),
        EntryType::Symlink => {
            let target = entry.link_name_bytes().map(|target| target.into_owned());
            ItemKind::Other(Kind::Symlink { target: target.unwrap_or_default() })
        }
        EntryType::Regular | EntryType::Continuous => {
            ItemKind::File(FileStat { size: entry.size(), identity: tag(mtime), sparse: false })
        }
        other => {
            let detail =
                format!("a member of kind {other:?} can be taken only where the volume's folder is read");
            return Ok(Found::Problem(Problem { path, kind: ProblemKind::Unreadable, detail }));
        }
    };
    let wanted = match (&kind, &options.short) {
        // A link may be written in the second in which it was read, so it is always taken along.
        (ItemKind::File(stat), Some(short)) => {
            stat.size <= short.max_bytes && classify(&path) != PathKind::Other
        }
        _ => false,
    };
    let mut content = None;
    if wanted {
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        content = Some(bytes);
    }
    Ok(Found::Item(Item { path, meta, kind, content }))
}

fn unreadable(path: &[u8], error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> SourceError {
    SourceError::Unreadable { path: path.to_vec(), source: error.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mount_point_is_no_part_of_a_path() {
        assert_eq!(below_root(b"storage/"), b"");
        assert_eq!(below_root(b"storage"), b"");
        assert_eq!(below_root(b"storage/docker/registry/"), b"docker/registry");
        assert_eq!(below_root(b"storage/docker/a b"), b"docker/a b");
    }
}
