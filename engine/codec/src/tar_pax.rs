//! Extended header records of pax ("%d %s=%s\n", POSIX.1-2017 `pax`), read as they pass.
//!
//! Only what bears on where the next header stands, and on what listings show, is kept; so
//! memory is bounded however long the records are.

use dtrvault_format::limits::{MAX_PATH_BYTES, MAX_XATTR_BYTES};

use crate::tar_fields::{PaxFields, pax_time};

/// Longest keyword that is told apart: names of extended attributes have 255 bytes at most.
const MAX_KEYWORD_BYTES: usize = XATTR.len() + 255;
/// Longest number: decimal `u64` has 20 digits.
const MAX_DIGITS: usize = 20;
/// Longest time: a sign, a number, a point and nanoseconds, which some write with more digits.
const MAX_TIME_BYTES: usize = 64;
/// What stands before the name of an extended attribute.
const XATTR: &[u8] = b"SCHILY.xattr.";

/// A parser in the middle of a record. Malformed records end it silently: what stood
/// before them is kept, as GNU tar and libarchive do.
#[derive(Debug)]
pub(crate) struct PaxParser {
    fields: PaxFields,
    at: At,
    /// Bytes of the record after those seen so far; while in `Length`, the number itself.
    left: u64,
    /// Keyword or value so far, cut at what is worth keeping.
    kept: Vec<u8>,
    /// Name of the extended attribute whose value comes.
    xattr: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
enum At {
    /// In the decimal length, after this many digits.
    Length(u8),
    Keyword,
    Value(Keyword),
    Broken,
}

#[derive(Debug, Clone, Copy)]
enum Keyword {
    Size,
    Path,
    SparseName,
    SparseSize,
    Link,
    Uid,
    Gid,
    Mtime,
    Xattr,
    Other,
}

impl Keyword {
    fn max_bytes(self) -> usize {
        match self {
            Self::Size | Self::SparseSize | Self::Uid | Self::Gid => MAX_DIGITS,
            Self::Path | Self::SparseName | Self::Link => MAX_PATH_BYTES,
            Self::Mtime => MAX_TIME_BYTES,
            Self::Xattr => MAX_XATTR_BYTES,
            Self::Other => 0,
        }
    }

    fn of(name: &[u8]) -> Self {
        match name {
            b"size" => Self::Size,
            b"path" => Self::Path,
            b"linkpath" => Self::Link,
            b"uid" => Self::Uid,
            b"gid" => Self::Gid,
            b"mtime" => Self::Mtime,
            b"GNU.sparse.name" => Self::SparseName,
            b"GNU.sparse.realsize" | b"GNU.sparse.size" => Self::SparseSize,
            name if name.starts_with(XATTR) && name.len() > XATTR.len() => Self::Xattr,
            _ => Self::Other,
        }
    }
}

impl Default for PaxParser {
    fn default() -> Self {
        let (kept, xattr) = (Vec::new(), Vec::new());
        Self { fields: PaxFields::default(), at: At::Length(0), left: 0, kept, xattr }
    }
}

impl PaxParser {
    /// Takes the next bytes of the records.
    pub(crate) fn push(&mut self, mut bytes: &[u8]) {
        while let Some((&byte, rest)) = bytes.split_first() {
            match self.at {
                At::Broken => return,
                At::Value(keyword) => {
                    // The record's last byte is a newline and not of the value.
                    let value_left = usize::try_from(self.left - 1).unwrap_or(usize::MAX);
                    let (value, later) = bytes.split_at(value_left.min(bytes.len()));
                    let room = (keyword.max_bytes() + 1).saturating_sub(self.kept.len());
                    self.kept.extend(value.iter().take(room));
                    self.left -= value.len() as u64;
                    bytes = later;
                    if let Some((&last, rest)) = later.split_first() {
                        self.end_value(keyword, last);
                        bytes = rest;
                    }
                    continue;
                }
                At::Length(digits) => self.length_byte(digits, byte),
                At::Keyword => self.keyword_byte(byte),
            }
            bytes = rest;
        }
    }

    /// Ends the records: the fields that were whole.
    pub(crate) fn finish(self) -> PaxFields {
        self.fields
    }

    fn length_byte(&mut self, digits: u8, byte: u8) {
        let length_bytes = u64::from(digits) + 1;
        self.at = match byte {
            b'0'..=b'9' if digits < 18 => {
                self.left = self.left * 10 + u64::from(byte - b'0');
                At::Length(digits + 1)
            }
            // What is left must hold "=" and a newline at least.
            b' ' if digits > 0 && self.left >= length_bytes + 2 => {
                self.left -= length_bytes;
                self.kept.clear();
                At::Keyword
            }
            _ => At::Broken,
        };
    }

    fn keyword_byte(&mut self, byte: u8) {
        self.left -= 1;
        if byte == b'=' && self.left > 0 {
            let keyword = Keyword::of(&self.kept);
            if matches!(keyword, Keyword::Xattr) {
                self.xattr = self.kept.split_off(XATTR.len());
            }
            self.kept.clear();
            self.at = At::Value(keyword);
        } else if self.left <= 1 {
            self.at = At::Broken;
        } else if self.kept.len() <= MAX_KEYWORD_BYTES {
            self.kept.push(byte);
        }
    }

    fn end_value(&mut self, keyword: Keyword, last: u8) {
        if last != b'\n' {
            self.at = At::Broken;
            return;
        }
        let value = std::mem::take(&mut self.kept);
        let number = |value: &[u8]| std::str::from_utf8(value).ok()?.parse().ok();
        let text = |value: Vec<u8>| Some(value).filter(|value| !value.is_empty());
        // An empty value takes back an earlier one.
        match keyword {
            Keyword::Size => self.fields.size = number(&value),
            Keyword::SparseSize => self.fields.sparse_size = number(&value),
            Keyword::Uid => self.fields.uid = number(&value),
            Keyword::Gid => self.fields.gid = number(&value),
            Keyword::Mtime => self.fields.mtime = pax_time(&value),
            Keyword::Path => self.fields.path = text(value),
            Keyword::Link => self.fields.link = text(value),
            Keyword::SparseName => self.fields.sparse_name = text(value),
            Keyword::Xattr => self.fields.xattrs.add(&self.xattr, &value),
            Keyword::Other => {}
        }
        self.at = At::Length(0);
        self.left = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dtrvault_format::Time;
    use proptest::prelude::*;

    fn parse(bytes: &[u8], piece: usize) -> PaxFields {
        let mut parser = PaxParser::default();
        bytes.chunks(piece).for_each(|bytes| parser.push(bytes));
        parser.finish()
    }

    #[test]
    fn keeps_size_and_names() {
        let records = b"20 size=99999999999\n19 SCHILY.fflags=x\n10 path=a\n25 GNU.sparse.name=d/e f\n";
        for piece in 1..records.len() {
            let fields = parse(records, piece);
            assert_eq!(fields.size, Some(99_999_999_999));
            assert_eq!(fields.path, Some(b"a".to_vec()));
            assert_eq!(fields.sparse_name, Some(b"d/e f".to_vec()));
        }
    }

    #[test]
    fn keeps_what_listings_show() {
        let records =
            b"14 linkpath=b\n8 uid=7\n8 gid=8\n14 mtime=5.25\n29 GNU.sparse.realsize=12345\n25 SCHILY.xattr.user.a=\0\n";
        for piece in [1, 7, records.len()] {
            let fields = parse(records, piece);
            assert_eq!((fields.uid, fields.gid, fields.sparse_size), (Some(7), Some(8), Some(12345)));
            assert_eq!(fields.link, Some(b"b".to_vec()));
            assert_eq!(fields.mtime, Some(Time { secs: 5, nanos: 250_000_000 }));
            assert_eq!(fields.xattrs.names, [b"user.a"]);
            assert_ne!(fields.xattrs.sum, parse(b"25 SCHILY.xattr.user.a=\x01\n", 7).xattrs.sum);
        }
    }

    #[test]
    fn later_records_win_and_empty_ones_take_back() {
        assert_eq!(parse(b"10 size=1\n10 size=2\n", 7).size, Some(2));
        assert_eq!(parse(b"10 size=1\n8 size=\n", 7).size, None);
    }

    #[test]
    fn malformed_records_end_the_parser() {
        for bytes in [
            &b"x"[..],
            b"3 a",
            b"0 ",
            b"4 =\n",
            b"99999999999999999999 size=1\n",
            b"8 sizes\n10 size=1\n",
            b"29 size=99999999999999999999\n",
            b"10 size=-\n",
            b"9 size=12",
            b"9 size=123\n",
        ] {
            assert_eq!(parse(bytes, 3).size, None, "{}", String::from_utf8_lossy(bytes));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_pieces(
            bytes in prop::collection::vec(prop::sample::select(b"0123459 =\nsizepath".to_vec()), 0..300),
            piece in 1usize..40,
        ) {
            prop_assert_eq!(parse(&bytes, piece), parse(&bytes, bytes.len().max(1)));
        }
    }
}
