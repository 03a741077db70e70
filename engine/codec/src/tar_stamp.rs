//! Stamps: what contents hold at their beginning that changes from build to build though nothing has
//! changed.
//!
//! Python puts before every compiled module 16 bytes: its version, flags, and the source's time and
//! length, or a hash of it (PEP 552). Installing a package sets that time anew, so no `.pyc` of two
//! builds is equal, and all are but for this. Such bytes go beside the header.

/// Length of the beginning that is looked at, and of the stamp if it is one, bytes.
const STAMP_BYTES: usize = 16;

/// The beginning of a member's contents, held back until it is known what it is.
#[derive(Debug, Default)]
pub(crate) struct Beginning {
    held: [u8; STAMP_BYTES],
    len: usize,
    is_awaited: bool,
}

/// What a beginning was.
pub(crate) enum Found {
    Stamp([u8; STAMP_BYTES]),
    Content([u8; STAMP_BYTES]),
}

impl Beginning {
    /// A member with `content_bytes` of contents comes next.
    pub(crate) fn expect(&mut self, content_bytes: u64) {
        self.len = 0;
        self.is_awaited = content_bytes >= STAMP_BYTES as u64;
    }

    /// Takes from contents what belongs to their beginning, and gives back the rest; and what the
    /// beginning is, once it is whole.
    pub(crate) fn take<'a>(&mut self, bytes: &'a [u8]) -> (Option<Found>, &'a [u8]) {
        if !self.is_awaited {
            return (None, bytes);
        }
        let room = self.held.get_mut(self.len..).unwrap_or_default();
        let (now, later) = bytes.split_at(room.len().min(bytes.len()));
        for (to, from) in room.iter_mut().zip(now) {
            *to = *from;
        }
        self.len += now.len();
        if self.len < STAMP_BYTES {
            return (None, later);
        }
        self.is_awaited = false;
        let found = if is_stamp(&self.held) { Found::Stamp(self.held) } else { Found::Content(self.held) };
        (Some(found), later)
    }

    /// What was held back of contents that broke off.
    pub(crate) fn broken_off(&mut self) -> &[u8] {
        let len = if self.is_awaited { self.len } else { 0 };
        self.is_awaited &= len == 0;
        self.held.get(..len).unwrap_or_default()
    }
}

/// Whether a file begins as one of Python 3: its magic number, 3,000 and on, ends in `\r\n`, and of
/// the flags only two bits have a meaning.
fn is_stamp(first: &[u8; STAMP_BYTES]) -> bool {
    let [_, version, b'\r', b'\n', flags, 0, 0, 0, ..] = *first else { return false };
    (0x0b..=0x0f).contains(&version) && flags <= 3
}
