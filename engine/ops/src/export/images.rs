//! Image content as a POSIX tar: ustar headers, and pax records for what does not fit
//! (POSIX.1-2001, "pax Interchange Format").

use std::io::{self, Read, Write};

use dtrvault_format::{Content, Entry, Kind, Snapshot, SnapshotId, Time};
use dtrvault_repo::read::{Proof, Reader};
use tar::{Builder, EntryType, Header};

use super::{ExportReport, Part};
use crate::content::{open_tree, read_blob};
use crate::context::Context;
use crate::error::{OpsError, Result};

/// Largest value of a ustar field of seven octal digits.
const MAX_OCTAL_7: u64 = 0o7_777_777;
/// Largest value of a ustar field of eleven octal digits.
const MAX_OCTAL_11: u64 = 0o77_777_777_777;
/// Length of a ustar name or link name, bytes.
const NAME_BYTES: usize = 100;

/// Writes the tree of a snapshot to `out`.
pub(super) fn run(
    reader: &Reader,
    id: SnapshotId,
    snapshot: &Snapshot,
    prefix: &[u8],
    out: &mut dyn Write,
    context: &Context,
) -> Result<ExportReport> {
    context.progress.stage("exporting", snapshot.images.as_ref().map(|images| images.bytes));
    let mut out = Counted { out, bytes: 0 };
    let mut left_out = 0;
    {
        let mut tar = Builder::new(&mut out);
        let tree = open_tree(reader, &id, snapshot)?;
        for entry in tree {
            context.proceed()?;
            if !append(&mut tar, &entry?, prefix, reader, context)? {
                left_out += 1;
            }
        }
        tar.finish().map_err(OpsError::Output)?;
    }
    out.flush().map_err(OpsError::Output)?;
    Ok(ExportReport { snapshot: id, part: Part::Images, bytes: out.bytes, left_out })
}

/// Writes one entry; false when a tar cannot hold it.
fn append<W: Write>(
    tar: &mut Builder<W>,
    entry: &Entry,
    prefix: &[u8],
    reader: &Reader,
    context: &Context,
) -> Result<bool> {
    let mut member = Member::new(entry, prefix);
    match &entry.kind {
        Kind::Socket => return Ok(false),
        Kind::Dir => member.kind(EntryType::Directory),
        Kind::Symlink { target } => {
            member.kind(EntryType::Symlink);
            member.link(target);
        }
        Kind::Hardlink { target } => {
            member.kind(EntryType::Link);
            member.link(&join(prefix, target));
        }
        Kind::Fifo => member.kind(EntryType::Fifo),
        Kind::CharDevice { major, minor } => {
            member.kind(EntryType::Char);
            member.device(*major, *minor)?;
        }
        Kind::BlockDevice { major, minor } => {
            member.kind(EntryType::Block);
            member.device(*major, *minor)?;
        }
        Kind::File(file) => {
            member.kind(EntryType::Regular);
            member.size(file.size);
            match &file.content {
                Content::Inline(bytes) => member.write(tar, bytes.as_slice())?,
                Content::Blob(digest) => {
                    let source = read_blob(reader, digest, Proof::Chunks, context)?;
                    if source.size() != file.size {
                        return Err(OpsError::WrongDigest { digest: *digest });
                    }
                    member.write(tar, Watched { source, context })?;
                }
            }
            context.progress.advance(0, 1);
            return Ok(true);
        }
    }
    member.write(tar, io::empty())?;
    context.progress.advance(0, 1);
    Ok(true)
}

/// Path of a member; folders end in a slash, and the root without a prefix is `./`.
fn join(prefix: &[u8], path: &[u8]) -> Vec<u8> {
    match (prefix, path) {
        (b"", b"") => b".".to_vec(),
        (b"", path) => path.to_vec(),
        (prefix, b"") => prefix.to_vec(),
        (prefix, path) => [prefix, b"/", path].concat(),
    }
}

/// A header, and the pax records that stand before it.
struct Member {
    header: Header,
    records: Vec<(String, Vec<u8>)>,
}

impl Member {
    fn new(entry: &Entry, prefix: &[u8]) -> Self {
        let mut member = Self { header: Header::new_ustar(), records: Vec::new() };
        let mut path = join(prefix, &entry.path);
        if entry.kind == Kind::Dir {
            path.push(b'/');
        }
        let meta = &entry.meta;
        member.name(&path);
        member.header.set_mode(meta.mode);
        member.number("uid", u64::from(meta.uid), MAX_OCTAL_7, Header::set_uid);
        member.number("gid", u64::from(meta.gid), MAX_OCTAL_7, Header::set_gid);
        member.time(meta.mtime);
        member.header.set_size(0);
        for xattr in &meta.xattrs {
            // A record's name ends at the first equals sign.
            if let Ok(name) = std::str::from_utf8(&xattr.name)
                && !name.contains('=')
            {
                member.records.push((format!("SCHILY.xattr.{name}"), xattr.value.clone()));
            }
        }
        member
    }

    fn kind(&mut self, kind: EntryType) {
        self.header.set_entry_type(kind);
    }

    fn name(&mut self, path: &[u8]) {
        if path.len() > NAME_BYTES {
            self.records.push(("path".to_owned(), path.to_vec()));
        }
        copy_field(&mut self.header.as_old_mut().name, path);
    }

    fn link(&mut self, target: &[u8]) {
        if target.len() > NAME_BYTES {
            self.records.push(("linkpath".to_owned(), target.to_vec()));
        }
        copy_field(&mut self.header.as_old_mut().linkname, target);
    }

    fn size(&mut self, size: u64) {
        self.number("size", size, MAX_OCTAL_11, Header::set_size);
    }

    fn time(&mut self, time: Time) {
        let whole = u64::try_from(time.secs).ok().filter(|secs| *secs <= MAX_OCTAL_11);
        self.header.set_mtime(whole.unwrap_or(0));
        if whole.is_none() || time.nanos > 0 {
            self.records.push(("mtime".to_owned(), decimal(time).into_bytes()));
        }
    }

    fn number(&mut self, name: &str, value: u64, max: u64, set: fn(&mut Header, u64)) {
        if value > max {
            self.records.push((name.to_owned(), value.to_string().into_bytes()));
        }
        set(&mut self.header, value.min(max));
    }

    fn device(&mut self, major: u32, minor: u32) -> Result<()> {
        let set = self.header.set_device_major(major).and_then(|()| self.header.set_device_minor(minor));
        set.map_err(OpsError::Output)
    }

    fn write<W: Write>(mut self, tar: &mut Builder<W>, content: impl Read) -> Result<()> {
        self.header.set_cksum();
        let records = self.records.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
        if !self.records.is_empty() {
            tar.append_pax_extensions(records).map_err(OpsError::Output)?;
        }
        tar.append(&self.header, content).map_err(|error| OpsError::from_io(error, OpsError::Output))
    }
}

/// Copies what fits; a pax record holds what does not.
fn copy_field(field: &mut [u8; NAME_BYTES], bytes: &[u8]) {
    for (to, from) in field.iter_mut().zip(bytes) {
        *to = *from;
    }
}

/// Seconds with a fraction; before the epoch both count backwards.
fn decimal(Time { secs, nanos }: Time) -> String {
    match (secs, nanos) {
        (secs, 0) => secs.to_string(),
        (0.., nanos) => format!("{secs}.{nanos:09}"),
        (_, nanos) => format!("-{}.{:09}", -(secs + 1), 1_000_000_000 - nanos),
    }
}

/// Counts what is written.
struct Counted<'a> {
    out: &'a mut dyn Write,
    bytes: u64,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Reports what is read, and stops when asked to.
struct Watched<'a, R> {
    source: R,
    context: &'a Context,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.context.proceed().map_err(io::Error::other)?;
        let count = self.source.read(out)?;
        self.context.progress.advance(count as u64, 0);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_the_epoch_count_backwards() {
        assert_eq!(decimal(Time { secs: 5, nanos: 1 }), "5.000000001");
        assert_eq!(decimal(Time { secs: -1, nanos: 500_000_000 }), "-0.500000000");
        assert_eq!(decimal(Time { secs: -2, nanos: 0 }), "-2");
    }

    #[test]
    fn the_root_is_a_folder_whatever_the_prefix() {
        assert_eq!(join(b"", b""), b".");
        assert_eq!(join(b"v/_data", b""), b"v/_data");
        assert_eq!(join(b"v/_data", b"a/b"), b"v/_data/a/b");
    }
}
