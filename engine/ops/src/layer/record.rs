//! What is kept of a member while two layers are compared, in memory and in a file.

use std::cmp::Ordering;
use std::io::{self, ErrorKind, Read};

use dtrvault_codec::{TarEntry, TarKind};
use dtrvault_format::tree::path_order;

use crate::ls::plain_path;

/// Length of a sum, bytes.
const SUM_BYTES: usize = 32;
/// Length of a record without its path, bytes.
const FIXED_BYTES: usize = 4 + 8 + 1 + 8 + 3 * SUM_BYTES;
const IS_FILE: u8 = 1;
const IS_READ: u8 = 2;

/// A member, as far as it is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    /// Its path, without what different writers put around it.
    pub(super) path: Vec<u8>,
    /// Its place in the tar: of two with one path the later counts.
    pub(super) number: u64,
    /// Length of a file, bytes.
    pub(super) size: Option<u64>,
    /// Sum of what it is and where it leads.
    pub(super) kind: [u8; SUM_BYTES],
    /// Sum of mode, owner, time and extended attributes.
    pub(super) meta: [u8; SUM_BYTES],
    /// Sum of its contents,
    pub(super) content: [u8; SUM_BYTES],
    /// or, where they were not read, of what they are made of.
    pub(super) is_read: bool,
}

impl Record {
    pub(super) fn new(entry: &TarEntry, number: u64) -> Self {
        let mut kind = blake3::Hasher::new();
        let mut size = None;
        let (letter, target): (u8, &[u8]) = match &entry.kind {
            TarKind::File { size: length } => {
                size = Some(*length);
                (b'f', &[])
            }
            TarKind::Dir => (b'd', &[]),
            TarKind::Symlink { target } => (b'l', target),
            TarKind::Hardlink { target } => (b'h', plain_path(target)),
            TarKind::Fifo => (b'p', &[]),
            TarKind::CharDevice { major, minor } => {
                kind.update(&major.to_le_bytes()).update(&minor.to_le_bytes());
                (b'c', &[])
            }
            TarKind::BlockDevice { major, minor } => {
                kind.update(&major.to_le_bytes()).update(&minor.to_le_bytes());
                (b'b', &[])
            }
        };
        kind.update(target).update(&[letter]);
        let mut meta = blake3::Hasher::new();
        meta.update(&entry.mode.to_le_bytes())
            .update(&entry.uid.to_le_bytes())
            .update(&entry.gid.to_le_bytes())
            .update(&entry.mtime.secs.to_le_bytes())
            .update(&entry.mtime.nanos.to_le_bytes())
            .update(&entry.xattrs_sum);
        let path = match plain_path(&entry.path) {
            b"" => b".".to_vec(),
            path => path.to_vec(),
        };
        let (kind, meta) = (kind.finalize().into(), meta.finalize().into());
        Self { path, number, size, kind, meta, content: [0; SUM_BYTES], is_read: true }
    }

    /// By path, as trees are.
    pub(super) fn order_of_paths(&self, other: &Self) -> Ordering {
        // A tar's names may hold NUL, which trees cannot tell from a slash.
        path_order(&self.path, &other.path).then_with(|| self.path.cmp(&other.path))
    }

    /// By path, and those of one path by their place.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        self.order_of_paths(other).then(self.number.cmp(&other.number))
    }

    /// Appends it to `out`.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        // Paths of a tar are cut at 64 KiB when they are read.
        out.extend_from_slice(&u32::try_from(self.path.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend_from_slice(&self.number.to_le_bytes());
        out.push((u8::from(self.size.is_some()) * IS_FILE) | (u8::from(self.is_read) * IS_READ));
        out.extend_from_slice(&self.size.unwrap_or(0).to_le_bytes());
        for sum in [&self.kind, &self.meta, &self.content] {
            out.extend_from_slice(sum);
        }
        out.extend_from_slice(&self.path);
    }

    /// The next record; `None` at the end.
    pub(super) fn decode(source: &mut impl Read) -> io::Result<Option<Self>> {
        let mut fixed = [0; FIXED_BYTES];
        match source.read_exact(&mut fixed) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        let mut rest = &fixed[..];
        let length = u32::from_le_bytes(take(&mut rest)?);
        let number = u64::from_le_bytes(take(&mut rest)?);
        let [flags] = take(&mut rest)?;
        let size = u64::from_le_bytes(take(&mut rest)?);
        let (kind, meta, content) = (take(&mut rest)?, take(&mut rest)?, take(&mut rest)?);
        let mut path = vec![0; length as usize];
        source.read_exact(&mut path)?;
        let size = (flags & IS_FILE != 0).then_some(size);
        Ok(Some(Self { path, number, size, kind, meta, content, is_read: flags & IS_READ != 0 }))
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> io::Result<[u8; N]> {
    let (taken, later) = rest.split_first_chunk::<N>().ok_or(ErrorKind::UnexpectedEof)?;
    *rest = later;
    Ok(*taken)
}

#[cfg(test)]
pub(super) fn record(path: &str, number: u64) -> Record {
    let sum = [number as u8; SUM_BYTES];
    let (path, size) = (path.as_bytes().to_vec(), Some(number));
    Record { path, number, size, kind: sum, meta: sum, content: sum, is_read: number.is_multiple_of(2) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn records_come_back() {
        let mut bytes = Vec::new();
        let records = [record("a/b", 1), Record { size: None, ..record("", 2) }, record("ü", 3)];
        records.iter().for_each(|record| record.encode(&mut bytes));
        let mut source = &bytes[..];
        for record in records {
            assert_eq!(Record::decode(&mut source).unwrap(), Some(record));
        }
        assert_eq!(Record::decode(&mut source).unwrap(), None);
    }

    #[test]
    fn paths_are_compared_without_what_stands_around_them() {
        for (path, plain) in [
            ("./", ""),
            (".", ""),
            ("/etc/passwd", "etc/passwd"),
            ("./usr/", "usr"),
            ("../x", "../x"),
            ("a", "a"),
        ] {
            assert_eq!(plain_path(path.as_bytes()), plain.as_bytes(), "{path}");
        }
    }
}
