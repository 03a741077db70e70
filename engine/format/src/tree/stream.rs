//! A tree as bytes: entries one after the other, written and read in pieces.

use minicbor::{Decode, Encode};

use super::WHAT;
use super::entry::{Entry, Kind, Meta};
use super::paths::{common_prefix, path_order, validate_after};
use crate::limits::MAX_ENTRY_BYTES;
use crate::{FormatError, cbor};

/// An entry as stored, read.
#[derive(Decode)]
struct Record<'b> {
    #[n(0)]
    shared: u32,
    #[cbor(b(1), with = "minicbor::bytes")]
    suffix: &'b [u8],
    #[n(2)]
    meta: Meta,
    #[n(3)]
    kind: Kind,
}

/// The same, to be written.
#[derive(Encode)]
struct RecordRef<'a> {
    #[n(0)]
    shared: u32,
    #[cbor(n(1), with = "minicbor::bytes")]
    suffix: &'a [u8],
    #[n(2)]
    meta: &'a Meta,
    #[n(3)]
    kind: &'a Kind,
}

/// Order and nesting that every tree keeps; the writer and the reader hold entries against it.
#[derive(Default)]
struct Sequence {
    /// Path of the entry before; empty before the first.
    last: Vec<u8>,
    begun: bool,
    last_is_dir: bool,
}

impl Sequence {
    /// Takes the next entry, whose path begins with the same `shared` bytes as the one before,
    /// and differs after them.
    fn accept(&mut self, entry: &Entry, shared: usize) -> Result<(), FormatError> {
        validate_after(&entry.path, shared)?;
        entry.validate_all_but_path()?;
        if self.begun {
            let rest = self.last.get(shared..).unwrap_or_default();
            let next = entry.path.get(shared..).unwrap_or_default();
            if path_order(rest, next).is_ge() {
                return Err(FormatError::Invalid { what: WHAT, detail: "entries out of order" });
            }
            let is_below = rest.is_empty() && (shared == 0 || next.first() == Some(&b'/'));
            if is_below && !self.last_is_dir {
                return Err(FormatError::Invalid { what: WHAT, detail: "an entry below what is no folder" });
            }
        }
        self.begun = true;
        self.last.truncate(shared);
        self.last.extend_from_slice(entry.path.get(shared..).unwrap_or_default());
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
        let mut bytes = Vec::with_capacity(256);
        self.encode_into(entry, &mut bytes)?;
        Ok(bytes)
    }

    /// Appends the bytes of the next entry to `bytes`.
    ///
    /// # Errors
    /// As [`TreeEncoder::encode`]; nothing is appended then.
    pub fn encode_into(&mut self, entry: &Entry, bytes: &mut Vec<u8>) -> Result<(), FormatError> {
        let begin = bytes.len();
        let shared = common_prefix(&self.sequence.last, &entry.path);
        let suffix = entry.path.get(shared..).unwrap_or_default();
        let front = u32::try_from(shared).unwrap_or(u32::MAX);
        let record = RecordRef { shared: front, suffix, meta: &entry.meta, kind: &entry.kind };
        cbor::encode_into(&record, bytes);
        let fits = cbor::at_most(WHAT, "entry", bytes.len() - begin, MAX_ENTRY_BYTES);
        let done = fits.and_then(|()| self.sequence.accept(entry, shared));
        if done.is_err() {
            bytes.truncate(begin);
        }
        done
    }
}

/// Reads entries from bytes that arrive in pieces.
#[derive(Default)]
pub struct TreeDecoder {
    sequence: Sequence,
    buffer: Vec<u8>,
    start: usize,
    /// An entry, encoded again.
    again: Vec<u8>,
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
        let record: Record<'_> = match decoder.decode() {
            Ok(record) => record,
            Err(error) if error.is_end_of_input() && bytes.len() <= MAX_ENTRY_BYTES => {
                return Ok(None);
            }
            Err(source) => return Err(FormatError::Cbor { what: WHAT, source }),
        };
        let used = decoder.position();
        cbor::at_most(WHAT, "entry", used, MAX_ENTRY_BYTES)?;
        let Record { shared, suffix, meta, kind } = record;
        self.again.clear();
        cbor::encode_into(&RecordRef { shared, suffix, meta: &meta, kind: &kind }, &mut self.again);
        if bytes.get(..used) != Some(self.again.as_slice()) {
            return Err(FormatError::NotDeterministic { what: WHAT });
        }
        let last = self.sequence.last.as_slice();
        let front = usize::try_from(shared).ok().and_then(|n| last.get(..n));
        let Some(front) = front else {
            return Err(FormatError::Invalid {
                what: WHAT,
                detail: "shares more than the path before it has",
            });
        };
        // It may share more than it says.
        let more = common_prefix(last.get(front.len()..).unwrap_or_default(), suffix);
        let shared = front.len() + more;
        let entry = Entry { path: [front, suffix].concat(), meta, kind };
        self.start += used;
        self.sequence.accept(&entry, shared)?;
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
    #![allow(clippy::panic)]

    use super::*;
    use crate::Time;
    use crate::tree::{Content, File, Identity};
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
