//! Records of a zip archive (APPNOTE.TXT 6.3.10, 4.3): how long they are, and what a local header says.

/// How a local header begins, and with it most archives.
pub(crate) const LOCAL: [u8; 4] = *b"PK\x03\x04";
const CENTRAL: [u8; 4] = *b"PK\x01\x02";
const END: [u8; 4] = *b"PK\x05\x06";
const DESCRIPTOR: [u8; 4] = *b"PK\x07\x08";

/// Of the general purpose bits: what follows is encrypted.
const ENCRYPTED: u16 = 1;
/// Of the same: lengths follow on the data.
const LENGTHS_FOLLOW: u16 = 1 << 3;
/// A length that stands elsewhere (zip64).
const ELSEWHERE: u32 = u32::MAX;

/// What the first bytes of a record say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measured {
    /// Its length shows when so many bytes are there; or it is so long.
    Needs(usize),
    /// It is there.
    Whole,
    /// It is no record that is known.
    Unknown,
}

/// How much of a record is there.
pub(crate) fn measure(held: &[u8]) -> Measured {
    let Some((signature, _)) = held.split_first_chunk::<4>() else { return Measured::Needs(4) };
    let (fixed, lengths): (usize, &[usize]) = match *signature {
        LOCAL => (30, &[26, 28]),
        CENTRAL => (46, &[28, 30, 32]),
        END => (22, &[20]),
        DESCRIPTOR => (16, &[]),
        _ => return Measured::Unknown,
    };
    if held.len() < fixed {
        return Measured::Needs(fixed);
    }
    let whole = lengths.iter().fold(fixed, |sum, at| sum + usize::from(u16_at(held, *at)));
    if held.len() < whole { Measured::Needs(whole) } else { Measured::Whole }
}

/// What comes behind a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behind {
    /// Another record.
    Record,
    /// A deflate stream, of this length if it is known.
    Deflated(Option<u64>),
    /// So many bytes as they are.
    Stored(u64),
    /// So many bytes that are not looked into.
    Opaque(u64),
    /// Nobody knows.
    Unknown,
}

/// What comes behind a whole record.
pub(crate) fn behind(record: &[u8]) -> Behind {
    if !record.starts_with(&LOCAL) {
        return Behind::Record;
    }
    let (flags, method) = (u16_at(record, 6), u16_at(record, 8));
    let packed = match u32_at(record, 18) {
        ELSEWHERE => return Behind::Unknown,
        _ if flags & LENGTHS_FOLLOW != 0 => None,
        packed => Some(u64::from(packed)),
    };
    match (method, packed) {
        (_, None) if flags & ENCRYPTED != 0 => Behind::Unknown,
        (_, Some(packed)) if flags & ENCRYPTED != 0 => Behind::Opaque(packed),
        (8, packed) => Behind::Deflated(packed),
        (0, Some(packed)) => Behind::Stored(packed),
        (_, Some(packed)) => Behind::Opaque(packed),
        (_, None) => Behind::Unknown,
    }
}

/// A number of two bytes, the lowest first; 0 outside the record.
fn u16_at(record: &[u8], at: usize) -> u16 {
    record.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u16::from_le_bytes(*bytes))
}

/// A number of four bytes, the lowest first; 0 outside the record.
fn u32_at(record: &[u8], at: usize) -> u32 {
    record.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u32::from_le_bytes(*bytes))
}
