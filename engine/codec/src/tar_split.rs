//! Splits a tar into its skeleton (headers, paddings, end blocks, stamps) and its payload
//! (contents of members, back to back).
//!
//! The skeleton stream is a sequence of records `n, literal, m`: `n` and `m` are LEB128
//! `u64` in shortest form, `n` is at most [`crate::MAX_LITERAL_BYTES`]. A record means: `n` bytes
//! that follow here, then the next `m` bytes of the payload stream. Where both are 0 there follow a
//! level, `p` and `c`: the next `p` bytes of the payload stream, which zlib deflates at this level
//! into `c` bytes. So joining needs no knowledge of tar or zip and gives back every byte, whatever
//! the splitter took the bytes for.

use crate::tar_parts::PartSink;
use crate::tar_report::TarReport;
use crate::tar_scan::TarScanner;
use crate::tar_skeleton::{SkeletonWriter, SplitSink};
use crate::tar_stamp::{Beginning, Found};
use crate::zip_scan::{ZipScanner, is_archive};

/// Splits a tar that arrives in pieces. How it was pieced does not change the result.
///
/// What cannot be read as tar goes to the payload. Memory is bounded: a literal run, a
/// name, a block; for archives within it, 20 MiB.
#[derive(Debug, Default)]
pub struct TarSplitter {
    scanner: TarScanner,
    parts: Parts,
}

/// What becomes of the scanner's parts.
#[derive(Debug, Default)]
struct Parts {
    writer: SkeletonWriter,
    beginning: Beginning,
    archives: ZipScanner,
    /// The contents that come are an archive.
    is_archive: bool,
}

/// The scanner's parts on their way into records.
struct Records<'a, S> {
    parts: &'a mut Parts,
    sink: &'a mut S,
}

impl<S: SplitSink> PartSink for Records<'_, S> {
    type Error = S::Error;

    fn literal(&mut self, bytes: &[u8]) -> Result<(), S::Error> {
        self.parts.end_content(self.sink)?;
        self.parts.writer.literal(bytes, self.sink)
    }

    fn payload(&mut self, bytes: &[u8]) -> Result<(), S::Error> {
        let (found, rest) = self.parts.beginning.take(bytes);
        match found {
            Some(Found::Stamp(stamp)) => self.parts.writer.literal(&stamp, self.sink)?,
            Some(Found::Content(content)) => {
                if is_archive(&content) {
                    self.parts.archives.begin();
                    self.parts.is_archive = true;
                }
                self.parts.content(&content, self.sink)?;
            }
            None => {}
        }
        self.parts.content(rest, self.sink)
    }

    fn member(&mut self, content_bytes: u64) -> Result<(), S::Error> {
        self.parts.end_content(self.sink)?;
        self.parts.beginning.expect(content_bytes);
        Ok(())
    }
}

impl Parts {
    /// More of a member's contents.
    fn content<S: SplitSink>(&mut self, bytes: &[u8], sink: &mut S) -> Result<(), S::Error> {
        if self.is_archive {
            self.archives.push(bytes, &mut self.writer, sink)
        } else {
            self.writer.payload(bytes, sink)
        }
    }

    /// No more of a member's contents comes.
    fn end_content<S: SplitSink>(&mut self, sink: &mut S) -> Result<(), S::Error> {
        self.writer.payload(self.beginning.broken_off(), sink)?;
        if std::mem::take(&mut self.is_archive) { self.archives.end(&mut self.writer, sink) } else { Ok(()) }
    }
}

impl TarSplitter {
    /// A splitter at the start of an archive.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the archive. Fails only as the sink does, and is lost then.
    pub fn push<S: SplitSink>(&mut self, data: &[u8], sink: &mut S) -> Result<(), S::Error> {
        self.scanner.push(data, &mut Records { parts: &mut self.parts, sink })
    }

    /// Ends the archive: the last bytes for the sink, and what it was.
    pub fn finish<S: SplitSink>(mut self, sink: &mut S) -> Result<TarReport, S::Error> {
        let report = self.scanner.finish(&mut Records { parts: &mut self.parts, sink })?;
        self.parts.end_content(sink)?;
        self.parts.writer.finish(sink)?;
        Ok(report)
    }
}
