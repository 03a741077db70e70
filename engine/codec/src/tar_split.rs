//! Splits a tar into its skeleton (headers, paddings, end blocks) and its payload
//! (contents of members, back to back).
//!
//! The skeleton stream is a sequence of records `n, literal, m`: `n` and `m` are LEB128
//! `u64` in shortest form, `n` is at most [`crate::MAX_LITERAL_BYTES`],
//! not both are 0. A record means: `n` bytes that follow here, then the next `m` bytes of
//! the payload stream. So joining needs no knowledge of tar and gives back every byte,
//! whatever the splitter took the bytes for.

use crate::tar_report::TarReport;
use crate::tar_scan::{PartSink, TarScanner};
use crate::tar_skeleton::{SkeletonWriter, SplitSink};

/// Splits a tar that arrives in pieces. How it was pieced does not change the result.
///
/// What cannot be read as tar goes to the payload. Memory is bounded: a literal run, a
/// name, a block.
#[derive(Debug, Default)]
pub struct TarSplitter {
    scanner: TarScanner,
    writer: SkeletonWriter,
}

/// The scanner's parts on their way into records.
struct Records<'a, S> {
    writer: &'a mut SkeletonWriter,
    sink: &'a mut S,
}

impl<S: SplitSink> PartSink for Records<'_, S> {
    type Error = S::Error;

    fn literal(&mut self, bytes: &[u8]) -> Result<(), S::Error> {
        self.writer.literal(bytes, self.sink)
    }

    fn payload(&mut self, bytes: &[u8]) -> Result<(), S::Error> {
        self.writer.payload(bytes, self.sink)
    }

    fn member(&mut self, _: u64) -> Result<(), S::Error> {
        Ok(())
    }
}

impl TarSplitter {
    /// A splitter at the start of an archive.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the archive. Fails only as the sink does, and is lost then.
    pub fn push<S: SplitSink>(&mut self, data: &[u8], sink: &mut S) -> Result<(), S::Error> {
        self.scanner.push(data, &mut Records { writer: &mut self.writer, sink })
    }

    /// Ends the archive: the last bytes for the sink, and what it was.
    pub fn finish<S: SplitSink>(mut self, sink: &mut S) -> Result<TarReport, S::Error> {
        let report = self.scanner.finish(&mut Records { writer: &mut self.writer, sink })?;
        self.writer.finish(sink)?;
        Ok(report)
    }
}
