//! The skeleton of a tar as it is written: see [`crate::tar_split`] for the format.

use std::convert::Infallible;

use crate::deflated::Deflated;
use crate::leb128;

/// Longest literal run of a skeleton, bytes.
pub const MAX_LITERAL_BYTES: usize = 64 * 1024;

/// Takes what a tar is split into. Each stream's bytes come in order.
pub trait SplitSink {
    /// Why the sink takes no more.
    type Error;

    /// The next bytes of the skeleton stream.
    fn skeleton(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;

    /// The next bytes of the payload stream.
    fn payload(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;

    /// The next bytes of the payload stream, which are the content of a run that is deflated in the tar; its
    /// record has just been given.
    fn deflated(&mut self, deflated: Deflated<'_>) -> Result<(), Self::Error> {
        self.payload(deflated.plain())
    }
}

/// Both streams of a tar that memory holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TarStreams {
    /// The skeleton stream.
    pub skeleton: Vec<u8>,
    /// The payload stream.
    pub payload: Vec<u8>,
}

impl SplitSink for TarStreams {
    type Error = Infallible;

    fn skeleton(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.skeleton.extend_from_slice(bytes);
        Ok(())
    }

    fn payload(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.payload.extend_from_slice(bytes);
        Ok(())
    }
}

/// Turns literal bytes and payload bytes into records, merging neighbours.
#[derive(Debug, Default)]
pub(crate) struct SkeletonWriter {
    literal: Vec<u8>,
    /// Length so far of the payload run of the last record, which is not yet written.
    run: Option<u64>,
    out: Vec<u8>,
}

impl SkeletonWriter {
    /// Bytes that stand in the skeleton itself.
    pub(crate) fn literal<S: SplitSink>(&mut self, mut bytes: &[u8], sink: &mut S) -> Result<(), S::Error> {
        while !bytes.is_empty() {
            if self.literal.len() >= MAX_LITERAL_BYTES {
                self.write_literal(sink)?;
            }
            let room = MAX_LITERAL_BYTES - self.literal.len();
            let (next, later) = bytes.split_at(room.min(bytes.len()));
            self.literal.extend_from_slice(next);
            bytes = later;
        }
        Ok(())
    }

    /// Bytes that go to the payload stream.
    pub(crate) fn payload<S: SplitSink>(&mut self, bytes: &[u8], sink: &mut S) -> Result<(), S::Error> {
        if bytes.is_empty() {
            return Ok(());
        }
        if self.run.is_none() || !self.literal.is_empty() {
            self.write_literal(sink)?;
        }
        let length = bytes.len() as u64;
        self.run = Some(self.run.unwrap_or(0) + length);
        sink.payload(bytes)
    }

    /// A run that is deflated in the tar, and stands in the payload as it is.
    pub(crate) fn deflated<S: SplitSink>(
        &mut self,
        deflated: Deflated<'_>,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        if !self.literal.is_empty() {
            self.write_literal(sink)?;
        }
        self.out.clear();
        self.end_run();
        deflated.run().write(&mut self.out);
        self.write_out(sink)?;
        sink.deflated(deflated)
    }

    /// Writes what is left of the last record.
    pub(crate) fn finish<S: SplitSink>(&mut self, sink: &mut S) -> Result<(), S::Error> {
        if !self.literal.is_empty() {
            self.write_literal(sink)?;
        }
        self.out.clear();
        self.end_run();
        self.write_out(sink)
    }

    fn write_literal<S: SplitSink>(&mut self, sink: &mut S) -> Result<(), S::Error> {
        self.out.clear();
        self.end_run();
        leb128::write(&mut self.out, self.literal.len() as u64);
        self.out.extend_from_slice(&self.literal);
        self.literal.clear();
        self.run = Some(0);
        self.write_out(sink)
    }

    fn end_run(&mut self) {
        if let Some(run) = self.run.take() {
            leb128::write(&mut self.out, run);
        }
    }

    fn write_out<S: SplitSink>(&mut self, sink: &mut S) -> Result<(), S::Error> {
        if self.out.is_empty() { Ok(()) } else { sink.skeleton(&self.out) }
    }
}
