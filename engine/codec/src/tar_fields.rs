//! What extended headers say of a member.

use dtrvault_format::Time;
use dtrvault_format::limits::MAX_XATTRS;

/// What the records change about the member they belong to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct PaxFields {
    /// `size`: bytes of content in the archive.
    pub(crate) size: Option<u64>,
    /// `path`, at most 64 KiB of it.
    pub(crate) path: Option<Vec<u8>>,
    /// `GNU.sparse.name`: what `path` is when a sparse member's `path` is made up.
    pub(crate) sparse_name: Option<Vec<u8>>,
    /// `GNU.sparse.realsize` or `GNU.sparse.size`: length of a sparse member with its holes.
    pub(crate) sparse_size: Option<u64>,
    /// `linkpath`, at most 64 KiB of it.
    pub(crate) link: Option<Vec<u8>>,
    /// `uid`.
    pub(crate) uid: Option<u64>,
    /// `gid`.
    pub(crate) gid: Option<u64>,
    /// `mtime`.
    pub(crate) mtime: Option<Time>,
    /// `SCHILY.xattr.*`.
    pub(crate) xattrs: Xattrs,
}

/// Extended attributes as a tar has them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Xattrs {
    /// Their names, the first [`MAX_XATTRS`].
    pub(crate) names: Vec<Vec<u8>>,
    /// Changes with every name and value.
    pub(crate) sum: [u8; 32],
}

impl Xattrs {
    pub(crate) fn add(&mut self, name: &[u8], value: &[u8]) {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.sum).update(&(name.len() as u64).to_le_bytes()).update(name).update(value);
        self.sum = hasher.finalize().into();
        if self.names.len() < MAX_XATTRS {
            self.names.push(name.to_vec());
        }
    }
}

impl PaxFields {
    /// Takes in what later records of the same member say.
    pub(crate) fn add(&mut self, later: Self) {
        self.size = later.size.or(self.size);
        self.path = later.sparse_name.or(later.path).or(self.path.take());
        self.sparse_size = later.sparse_size.or(self.sparse_size);
        self.link = later.link.or(self.link.take());
        self.uid = later.uid.or(self.uid);
        self.gid = later.gid.or(self.gid);
        self.mtime = later.mtime.or(self.mtime);
        if !later.xattrs.names.is_empty() {
            self.xattrs = later.xattrs;
        }
    }
}

/// Seconds since 1970 in decimal, with a fraction or without; digits below nanoseconds are cut.
pub(crate) fn pax_time(value: &[u8]) -> Option<Time> {
    let text = std::str::from_utf8(value).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
    let nanos = digits.fold(0, |nanos, digit| nanos * 10 + u32::from(digit - b'0'));
    let secs: i64 = whole.parse().ok()?;
    // Nanoseconds count forwards, and the fraction of a negative time backwards.
    if whole.starts_with('-') && nanos > 0 {
        return Some(Time { secs: secs.checked_sub(1)?, nanos: 1_000_000_000 - nanos });
    }
    Some(Time { secs, nanos })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_every_writer() {
        let at = |secs, nanos| Some(Time { secs, nanos });
        for (text, time) in [
            ("0", at(0, 0)),
            ("1700000000.5", at(1_700_000_000, 500_000_000)),
            ("1.1234567899", at(1, 123_456_789)),
            ("-1", at(-1, 0)),
            ("-1.25", at(-2, 750_000_000)),
            ("-0.5", at(-1, 500_000_000)),
            ("1.x", None),
            ("", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(pax_time(text.as_bytes()), time, "{text}");
        }
    }
}
