//! Trees: the sorted listing of a source as one flat sequence of entries.
//!
//! Each entry is one CBOR array; paths are front-coded: an entry says how many bytes of the
//! path before it it shares. Entries stand in [`path_order`], a folder before what is in it.
//! So an unchanged region of a source is an unchanged region of the stream, and chunks of it
//! are found again.

use std::cmp::Ordering;

use minicbor::{Decode, Encode};

use crate::ids::Digest;
use crate::limits::{
    MAX_ENTRY_BYTES, MAX_INLINE_BYTES, MAX_NAME_BYTES, MAX_PATH_BYTES, MAX_XATTR_BYTES, MAX_XATTRS,
};
use crate::time::Time;
use crate::{FormatError, cbor};

const WHAT: &str = "tree";

/// One thing in a source.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Entry {
    /// Path below the root, raw bytes, components separated by `/`; empty for the root itself.
    #[serde(serialize_with = "path_as_text")]
    pub path: Vec<u8>,
    /// Mode, owner, times.
    #[serde(flatten)]
    pub meta: Meta,
    /// What it is.
    #[serde(flatten)]
    pub kind: Kind,
}

/// What every entry has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode, serde::Serialize)]
pub struct Meta {
    /// Permission bits, with set-uid, set-gid and sticky: 12 bits.
    #[n(0)]
    pub mode: u32,
    /// Owner.
    #[n(1)]
    pub uid: u32,
    /// Group.
    #[n(2)]
    pub gid: u32,
    /// Last change of the content.
    #[n(3)]
    pub mtime: Time,
    /// Extended attributes, sorted by name.
    #[n(4)]
    pub xattrs: Vec<Xattr>,
}

/// One extended attribute.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, serde::Serialize)]
pub struct Xattr {
    /// Name with its namespace: `user.note`.
    #[cbor(n(0), with = "minicbor::bytes")]
    #[serde(serialize_with = "path_as_text")]
    pub name: Vec<u8>,
    /// Value.
    #[cbor(n(1), with = "minicbor::bytes")]
    #[serde(serialize_with = "path_as_text")]
    pub value: Vec<u8>,
}

/// Kinds of entries.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Kind {
    /// A folder.
    #[n(0)]
    Dir,
    /// A regular file.
    #[n(1)]
    File(#[n(0)] File),
    /// A symbolic link.
    #[n(2)]
    Symlink {
        /// What it points to, as it stands in the link.
        #[cbor(n(0), with = "minicbor::bytes")]
        #[serde(serialize_with = "path_as_text")]
        target: Vec<u8>,
    },
    /// One more name of a regular file that stands earlier in the tree.
    #[n(3)]
    Hardlink {
        /// Path of that file.
        #[cbor(n(0), with = "minicbor::bytes")]
        #[serde(serialize_with = "path_as_text")]
        target: Vec<u8>,
    },
    /// A named pipe.
    #[n(4)]
    Fifo,
    /// A socket.
    #[n(5)]
    Socket,
    /// A character device.
    #[n(6)]
    CharDevice {
        /// Major number.
        #[n(0)]
        major: u32,
        /// Minor number.
        #[n(1)]
        minor: u32,
    },
    /// A block device.
    #[n(7)]
    BlockDevice {
        /// Major number.
        #[n(0)]
        major: u32,
        /// Minor number.
        #[n(1)]
        minor: u32,
    },
}

/// A regular file.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
pub struct File {
    /// Length, bytes.
    #[n(0)]
    pub size: u64,
    /// What is in it.
    #[n(1)]
    pub content: Content,
    /// Tells whether the file is still the same.
    #[n(2)]
    pub identity: Identity,
    /// It has holes: runs of zeros are to be restored as such.
    #[n(3)]
    pub sparse: bool,
    /// Its name says another digest than its bytes have.
    #[n(4)]
    pub mismatch: bool,
}

/// Content of a file.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Content {
    /// The bytes themselves, at most [`MAX_INLINE_BYTES`].
    #[n(0)]
    Inline(
        #[cbor(n(0), with = "minicbor::bytes")]
        #[serde(serialize_with = "path_as_text")]
        Vec<u8>,
    ),
    /// A blob. How it is made stands in the index, so it can be stored better later.
    #[n(1)]
    Blob(#[n(0)] Digest),
}

/// What changes when a file is written, beside its size and mtime.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Identity {
    /// Of a file system.
    #[n(0)]
    Inode {
        /// Inode number.
        #[n(0)]
        inode: u64,
        /// Last change of the inode.
        #[n(1)]
        ctime: Time,
    },
    /// Of an object store.
    #[n(1)]
    Etag(#[n(0)] String),
    /// Nothing is known: the file is read every time.
    #[n(2)]
    Unknown,
}

/// An entry as stored.
#[derive(Encode, Decode)]
struct Record {
    #[n(0)]
    shared: u32,
    #[cbor(n(1), with = "minicbor::bytes")]
    suffix: Vec<u8>,
    #[n(2)]
    meta: Meta,
    #[n(3)]
    kind: Kind,
}

/// Order of entries: by component, each component by its bytes. A folder stands before its
/// contents, and they before its next sibling, whatever bytes the names hold.
#[must_use]
pub fn path_order(a: &[u8], b: &[u8]) -> Ordering {
    // No name holds NUL, so '/' may sort where NUL would.
    let key = |byte: &u8| if *byte == b'/' { 0 } else { *byte };
    a.iter().map(key).cmp(b.iter().map(key))
}

/// Whether `path` lies below the folder `above`. Everything but the root lies below the root.
#[must_use]
pub fn is_below(path: &[u8], above: &[u8]) -> bool {
    match path.strip_prefix(above) {
        Some(rest) if above.is_empty() => !rest.is_empty(),
        Some(rest) => rest.first() == Some(&b'/'),
        None => false,
    }
}

/// Whether `path` can stand in a tree: relative, no empty, `.` or `..` component, no NUL.
///
/// # Errors
/// [`FormatError`] says what is wrong with it.
pub fn validate_path(path: &[u8]) -> Result<(), FormatError> {
    cbor::at_most(WHAT, "path", path.len(), MAX_PATH_BYTES)?;
    if path.is_empty() {
        return Ok(());
    }
    for name in path.split(|byte| *byte == b'/') {
        cbor::at_most(WHAT, "name", name.len(), MAX_NAME_BYTES)?;
        if matches!(name, b"" | b"." | b"..") || name.contains(&0) {
            return Err(FormatError::Invalid { what: WHAT, detail: "a path that is not relative and plain" });
        }
    }
    Ok(())
}

/// Serialises raw bytes as text: UTF-8 as it is, other bytes as `\xNN`, a backslash doubled.
///
/// # Errors
/// Those of the serializer.
pub fn path_as_text<S: serde::Serializer>(bytes: &[u8], s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(&display_path(bytes))
}

/// Raw bytes for people: UTF-8 as it is; control characters and bytes that are no UTF-8 as
/// `\xNN`; a backslash doubled. Two different paths never look the same.
#[must_use]
pub fn display_path(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for part in bytes.utf8_chunks() {
        for char in part.valid().chars() {
            match char {
                '\\' => text.push_str("\\\\"),
                c if c.is_control() => c.to_string().bytes().for_each(|b| push_escaped(&mut text, b)),
                c => text.push(c),
            }
        }
        part.invalid().iter().for_each(|byte| push_escaped(&mut text, *byte));
    }
    text
}

fn push_escaped(text: &mut String, byte: u8) {
    const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    text.push_str("\\x");
    for nibble in [byte >> 4, byte & 15] {
        text.push(HEX.get(usize::from(nibble)).copied().unwrap_or('?'));
    }
}

impl Entry {
    /// Holds the entry against its limits.
    fn validate(&self) -> Result<(), FormatError> {
        validate_path(&self.path)?;
        let invalid = |detail| Err(FormatError::Invalid { what: WHAT, detail });
        cbor::at_most(WHAT, "xattrs", self.meta.xattrs.len(), MAX_XATTRS)?;
        for xattr in &self.meta.xattrs {
            cbor::at_most(WHAT, "xattr name", xattr.name.len(), MAX_NAME_BYTES)?;
            cbor::at_most(WHAT, "xattr value", xattr.value.len(), MAX_XATTR_BYTES)?;
        }
        if !self.meta.xattrs.is_sorted_by(|a, b| a.name < b.name) {
            return invalid("extended attributes not sorted");
        }
        if self.meta.mode > 0o7777 || !self.meta.mtime.is_valid() {
            return invalid("impossible mode or time");
        }
        match &self.kind {
            Kind::File(File { identity: Identity::Inode { ctime, .. }, .. }) if !ctime.is_valid() => {
                return invalid("impossible ctime");
            }
            Kind::File(File { size, content: Content::Inline(bytes), .. }) => {
                cbor::at_most(WHAT, "inline content", bytes.len(), MAX_INLINE_BYTES)?;
                if *size != bytes.len() as u64 {
                    return invalid("size and inline content disagree");
                }
            }
            Kind::Symlink { target } => cbor::at_most(WHAT, "symlink", target.len(), MAX_PATH_BYTES)?,
            Kind::Hardlink { target } => {
                validate_path(target)?;
                if path_order(target, &self.path).is_ge() {
                    return invalid("a hard link to something that stands after it");
                }
            }
            _ => {}
        }
        if self.path.is_empty() && self.kind != Kind::Dir {
            return invalid("the root is no folder");
        }
        Ok(())
    }
}

/// Order and nesting that every tree keeps; the writer and the reader hold entries against it.
#[derive(Default)]
struct Sequence {
    last: Option<Vec<u8>>,
    last_is_dir: bool,
}

impl Sequence {
    fn accept(&mut self, entry: &Entry) -> Result<(), FormatError> {
        entry.validate()?;
        if let Some(last) = &mut self.last {
            if path_order(last, &entry.path).is_ge() {
                return Err(FormatError::Invalid { what: WHAT, detail: "entries out of order" });
            }
            if !self.last_is_dir && is_below(&entry.path, last) {
                return Err(FormatError::Invalid { what: WHAT, detail: "an entry below what is no folder" });
            }
            last.clone_from(&entry.path);
        } else {
            self.last = Some(entry.path.clone());
        }
        self.last_is_dir = entry.kind == Kind::Dir;
        Ok(())
    }
}

/// Writes entries, in order.
#[derive(Default)]
pub struct TreeEncoder {
    sequence: Sequence,
}

impl TreeEncoder {
    /// The bytes of the next entry.
    ///
    /// # Errors
    /// [`FormatError`] for an entry that is out of order or breaks a limit; the encoder is then
    /// as it was, and may go on with another.
    pub fn encode(&mut self, entry: &Entry) -> Result<Vec<u8>, FormatError> {
        let last = self.sequence.last.as_deref().unwrap_or_default();
        let shared = last.iter().zip(&entry.path).take_while(|(a, b)| a == b).count();
        let suffix = entry.path.get(shared..).unwrap_or_default().to_vec();
        let shared = u32::try_from(shared).unwrap_or(u32::MAX);
        let record = Record { shared, suffix, meta: entry.meta.clone(), kind: entry.kind.clone() };
        let bytes = cbor::encode(&record);
        cbor::at_most(WHAT, "entry", bytes.len(), MAX_ENTRY_BYTES)?;
        self.sequence.accept(entry)?;
        Ok(bytes)
    }
}

/// Reads entries from bytes that arrive in pieces.
#[derive(Default)]
pub struct TreeDecoder {
    sequence: Sequence,
    buffer: Vec<u8>,
    start: usize,
}

impl TreeDecoder {
    /// Adds the next piece of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.start);
        self.start = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next entry; `None` when more bytes are needed.
    ///
    /// # Errors
    /// [`FormatError`] for bytes that are no tree; the decoder is of no use then.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, FormatError> {
        let bytes = self.buffer.get(self.start..).unwrap_or_default();
        let mut decoder = minicbor::Decoder::new(bytes);
        let record: Record = match decoder.decode() {
            Ok(record) => record,
            Err(error) if error.is_end_of_input() && bytes.len() <= MAX_ENTRY_BYTES => {
                return Ok(None);
            }
            Err(source) => return Err(FormatError::Cbor { what: WHAT, source }),
        };
        let used = decoder.position();
        cbor::at_most(WHAT, "entry", used, MAX_ENTRY_BYTES)?;
        if bytes.get(..used) != Some(&cbor::encode(&record)) {
            return Err(FormatError::NotDeterministic { what: WHAT });
        }
        self.start += used;
        let last = self.sequence.last.as_deref().unwrap_or_default();
        let shared = usize::try_from(record.shared).ok().and_then(|n| last.get(..n));
        let Some(shared) = shared else {
            return Err(FormatError::Invalid {
                what: WHAT,
                detail: "shares more than the path before it has",
            });
        };
        let entry = Entry { path: [shared, &record.suffix].concat(), meta: record.meta, kind: record.kind };
        self.sequence.accept(&entry)?;
        Ok(Some(entry))
    }

    /// Says whether the stream may end here.
    ///
    /// # Errors
    /// [`FormatError`] when it ends within an entry.
    pub fn finish(self) -> Result<(), FormatError> {
        if self.start == self.buffer.len() {
            return Ok(());
        }
        Err(FormatError::Invalid { what: WHAT, detail: "ends within an entry" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn dir(path: &[u8]) -> Entry {
        Entry { path: path.to_vec(), meta: Meta::default(), kind: Kind::Dir }
    }

    fn link(path: &[u8], target: &[u8]) -> Entry {
        Entry { kind: Kind::Symlink { target: target.to_vec() }, ..dir(path) }
    }

    fn file(path: &[u8], content: &[u8]) -> Entry {
        let file = File {
            size: content.len() as u64,
            content: Content::Inline(content.to_vec()),
            identity: Identity::Inode { inode: 7, ctime: Time::from_secs(-1) },
            sparse: false,
            mismatch: false,
        };
        Entry { kind: Kind::File(file), ..dir(path) }
    }

    fn encode_all(entries: &[Entry]) -> Result<Vec<u8>, FormatError> {
        let mut encoder = TreeEncoder::default();
        entries.iter().try_fold(Vec::new(), |mut bytes, entry| {
            bytes.extend(encoder.encode(entry)?);
            Ok(bytes)
        })
    }

    fn decode_all(bytes: &[u8], piece: usize) -> Result<Vec<Entry>, FormatError> {
        let mut decoder = TreeDecoder::default();
        let mut entries = Vec::new();
        for part in bytes.chunks(piece.max(1)) {
            decoder.push(part);
            while let Some(entry) = decoder.next_entry()? {
                entries.push(entry);
            }
        }
        decoder.finish().map(|()| entries)
    }

    #[test]
    fn siblings_with_low_bytes_stand_after_a_folders_contents() {
        assert!(path_order(b"a/b", b"a-b").is_lt());
        assert!(path_order(b"a", b"a/b").is_lt());
        assert!(path_order(b"", b"a").is_lt());
        assert!(is_below(b"a/b", b"a") && !is_below(b"a-b", b"a") && !is_below(b"a", b"a"));
    }

    #[test]
    fn entries_survive_in_pieces_of_any_size() {
        let entries =
            [dir(b""), dir(b"a"), link(b"a/x", b"../.."), file(b"a/\xff\n", b"sha256:"), file(b"a-b", b"")];
        let Ok(bytes) = encode_all(&entries) else { panic!("must encode") };
        for piece in 1..bytes.len() {
            assert_eq!(decode_all(&bytes, piece).ok().as_deref(), Some(&entries[..]), "{piece}");
        }
    }

    #[test]
    fn nothing_climbs_out_or_through_a_link() {
        for path in [&b"/a"[..], b"a//b", b"..", b"a/../b", b"a/.", b"a\0b", b"a/"] {
            assert!(encode_all(&[dir(path)]).is_err(), "{path:?}");
        }
        assert!(encode_all(&[link(b"a", b"/etc"), file(b"a/passwd", b"")]).is_err());
        assert!(encode_all(&[dir(b"b"), dir(b"a")]).is_err());
        assert!(encode_all(&[dir(b"a"), dir(b"a")]).is_err());
    }

    #[test]
    fn no_two_paths_look_the_same() {
        assert_eq!(display_path(b"a\\x0a\n\xff"), "a\\\\x0a\\x0a\\xff");
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), piece in 1usize..50) {
            let _ = decode_all(&bytes, piece);
        }

        #[test]
        fn damaged_trees_are_refused_or_well_formed(at in 0usize..100, to in any::<u8>()) {
            let Ok(mut bytes) = encode_all(&[dir(b""), file(b"a", b"12"), link(b"b", b"c"), dir(b"d")]) else {
                panic!("must encode")
            };
            let at = at % bytes.len();
            bytes[at] = to;
            if let Ok(entries) = decode_all(&bytes, bytes.len()) {
                prop_assert_eq!(encode_all(&entries).ok(), Some(bytes));
            }
        }
    }
}
