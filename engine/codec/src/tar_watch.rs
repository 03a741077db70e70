//! Looking at the members of a tar that goes by.

use std::convert::Infallible;
use std::io::{self, Read};

use crate::tar_parts::{Member, PartSink};
use crate::tar_report::TarReport;
use crate::tar_scan::TarScanner;

/// How much is read at once, bytes.
const PIECE_BYTES: usize = 256 << 10;

/// Looks at the members of a tar that goes by, and changes nothing.
pub trait MemberWatch {
    /// A member begins, of this name; of a file so many bytes of contents follow.
    fn begins(&mut self, name: &[u8], content_bytes: u64);

    /// Bytes that come next. Once the member's contents have come, they are none of it.
    fn content(&mut self, bytes: &[u8]);
}

/// Looks at nothing.
impl MemberWatch for () {
    fn begins(&mut self, _: &[u8], _: u64) {}
    fn content(&mut self, _: &[u8]) {}
}

/// What a scanner says, to a watch alone.
struct Watched<'a, W>(&'a mut W);

impl<W: MemberWatch> PartSink for Watched<'_, W> {
    type Error = Infallible;

    fn literal(&mut self, _: &[u8]) -> Result<(), Infallible> {
        Ok(())
    }

    fn payload(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.0.content(bytes);
        Ok(())
    }

    fn member(&mut self, _: u64) -> Result<(), Infallible> {
        Ok(())
    }

    fn begins(&mut self, member: Member<'_>) -> Result<(), Infallible> {
        self.0.begins(member.name, member.size);
        Ok(())
    }
}

/// Reads the whole tar that `source` gives, lets `watch` look at its members, and tells how it ends.
/// Memory is bounded.
///
/// # Errors
/// Those of the source.
pub fn watch_tar(source: &mut dyn Read, watch: &mut impl MemberWatch) -> io::Result<TarReport> {
    let mut scanner = TarScanner::new();
    let mut watched = Watched(watch);
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match source.read(&mut piece) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(0) => break,
            read => match scanner.push(piece.get(..read?).unwrap_or_default(), &mut watched) {
                Ok(()) => {}
                Err(never) => match never {},
            },
        }
    }
    match scanner.finish(&mut watched) {
        Ok(report) => Ok(report),
        Err(never) => match never {},
    }
}
