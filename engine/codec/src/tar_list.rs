//! Lists the members of a tar, and reads no more of it than that takes: where contents can be
//! passed over, they are.

use std::io::{self, BufReader, Read};

use crate::tar_entry::TarEntry;
use crate::tar_parts::{Member, Next, PartSink};
use crate::tar_report::TarReport;
use crate::tar_scan::TarScanner;

/// How much is read at once, bytes.
const PIECE_BYTES: usize = 64 << 10;

/// A stream of which parts can be passed over.
pub trait SkipRead: Read {
    /// Passes over `count` bytes, or fewer where the stream ends, and tells how many. `sum` is given
    /// what they are made of: where that is the same, they are; where it is not, they may be all the same.
    ///
    /// # Errors
    /// As reading.
    fn skip(&mut self, count: u64, sum: &mut blake3::Hasher) -> io::Result<u64>;
}

/// A stream that can be read only: what is passed over is read all the same.
pub struct ReadThrough<R> {
    source: BufReader<R>,
}

impl<R: Read> ReadThrough<R> {
    /// Of `source`, which need not be buffered.
    pub fn new(source: R) -> Self {
        Self { source: BufReader::with_capacity(PIECE_BYTES, source) }
    }
}

impl<R: Read> Read for ReadThrough<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.source.read(out)
    }
}

impl<R: Read> SkipRead for ReadThrough<R> {
    fn skip(&mut self, count: u64, sum: &mut blake3::Hasher) -> io::Result<u64> {
        io::copy(&mut (&mut self.source).take(count), sum)
    }
}

/// Takes the members of a tar.
pub trait MemberSink {
    /// Why it takes no more.
    type Error: From<io::Error>;

    /// The next member. Whether its contents are to be read.
    fn member(&mut self, entry: TarEntry) -> Result<bool, Self::Error>;

    /// Contents of the member that were read.
    fn content(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;

    /// Contents of the member are passed over: what they are made of goes there.
    fn passed(&mut self) -> &mut blake3::Hasher;
}

/// What the scanner says, on its way to the sink.
struct Members<'a, K> {
    sink: &'a mut K,
    is_read: bool,
}

impl<K: MemberSink> PartSink for Members<'_, K> {
    type Error = K::Error;

    fn literal(&mut self, _: &[u8]) -> Result<(), K::Error> {
        Ok(())
    }

    fn payload(&mut self, bytes: &[u8]) -> Result<(), K::Error> {
        self.sink.content(bytes)
    }

    fn member(&mut self, _: u64) -> Result<(), K::Error> {
        Ok(())
    }

    fn begins(&mut self, member: Member<'_>) -> Result<(), K::Error> {
        self.is_read = self.sink.member(TarEntry::of(&member))?;
        Ok(())
    }
}

/// Lists the tar that `source` gives, as far as it is one, and tells how it ends. Memory is bounded.
///
/// # Errors
/// Those of the source and of the sink.
pub fn list_tar<K: MemberSink>(source: &mut dyn SkipRead, sink: &mut K) -> Result<TarReport, K::Error> {
    let mut scanner = TarScanner::new();
    let mut members = Members { sink, is_read: false };
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let wanted = match scanner.next() {
            // Nothing in it is a member any more.
            Next::Rest => break,
            Next::Content(bytes) if !members.is_read => {
                let passed = source.skip(bytes, members.sink.passed())?;
                scanner.skip(passed);
                if passed < bytes {
                    break;
                }
                continue;
            }
            Next::Content(bytes) | Next::Seen(bytes) => bytes,
        };
        let most = usize::try_from(wanted).unwrap_or(usize::MAX).min(piece.len());
        let count = match source.read(piece.get_mut(..most).unwrap_or_default()) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        if count == 0 {
            break;
        }
        scanner.push(piece.get(..count).unwrap_or_default(), &mut members)?;
    }
    scanner.finish(&mut members)
}
