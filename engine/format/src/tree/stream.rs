//! A tree as bytes: entries one after the other, written and read in pieces.

use minicbor::{Decode, Encode};

use super::WHAT;
use super::entry::{Entry, Kind, Meta};
use super::paths::{common_prefix, is_below, path_order};
use crate::limits::MAX_ENTRY_BYTES;
use crate::{FormatError, cbor};

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

/// The same, borrowed.
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
        let shared = common_prefix(last, &entry.path);
        let suffix = entry.path.get(shared..).unwrap_or_default();
        let shared = u32::try_from(shared).unwrap_or(u32::MAX);
        let record = RecordRef { shared, suffix, meta: &entry.meta, kind: &entry.kind };
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
