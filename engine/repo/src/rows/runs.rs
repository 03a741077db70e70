//! Sorted runs of ids and numbers: what is new, once there is too much of it for memory.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Seek, Write};

use dtrvault_format::RowId;

/// Length of an entry, bytes: an id, then its number as u32, little-endian.
pub(super) const ENTRY_BYTES: usize = RowId::LEN + 4;
/// How much of each run is read at once, bytes.
const BUFFER_BYTES: usize = 32 << 10;

/// An id and its number.
pub(super) type Entry = (RowId, u32);

pub(super) fn to_bytes((id, number): Entry) -> [u8; ENTRY_BYTES] {
    let mut bytes = [0; ENTRY_BYTES];
    let (front, back) = bytes.split_at_mut(RowId::LEN);
    front.copy_from_slice(id.as_bytes());
    back.copy_from_slice(&number.to_le_bytes());
    bytes
}

pub(super) fn of_bytes(bytes: &[u8; ENTRY_BYTES]) -> Option<Entry> {
    let (id, number) = bytes.split_first_chunk::<{ RowId::LEN }>()?;
    Some((RowId::new(*id), u32::from_le_bytes(number.try_into().ok()?)))
}

/// A run in a file that has no name.
pub(super) struct Run(File);

impl Run {
    /// Writes `entries`, which are sorted, into `file`, which is empty.
    pub(super) fn write(file: File, entries: &[Entry]) -> io::Result<Self> {
        let mut out = BufWriter::new(file);
        for entry in entries {
            out.write_all(&to_bytes(*entry))?;
        }
        Ok(Self(out.into_inner().map_err(io::IntoInnerError::into_error)?))
    }

    /// The entries, in order.
    pub(super) fn entries(mut self) -> io::Result<impl Iterator<Item = io::Result<Entry>>> {
        self.0.rewind()?;
        let mut source = BufReader::with_capacity(BUFFER_BYTES, self.0);
        Ok(std::iter::from_fn(move || {
            let mut bytes = [0; ENTRY_BYTES];
            match source.read_exact(&mut bytes) {
                Ok(()) => of_bytes(&bytes).map(Ok),
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => None,
                Err(error) => Some(Err(error)),
            }
        }))
    }
}
