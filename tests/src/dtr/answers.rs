//! What goes back to a command: bytes for its output, lines for its errors, its end.

use std::io::{self, Write};

use dtrvault_dtr_stand_in::frames::Frame;
use dtrvault_dtr_stand_in::http::Chunks;
use dtrvault_dtr_stand_in::log;

use super::{Refused, told};

/// The way back to a command's container.
pub(super) struct Answers<'a> {
    out: Chunks<&'a mut dyn Write>,
}

impl<'a> Answers<'a> {
    /// Begins: the command will run.
    pub(super) fn begin(out: &'a mut dyn Write) -> io::Result<Self> {
        out.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n")?;
        Ok(Self { out: Chunks(out) })
    }

    /// Bytes on standard output.
    pub(super) fn output(&mut self, bytes: &[u8]) -> Refused<()> {
        self.frame(&Frame::Output(bytes.to_vec()))
    }

    /// A line on standard error.
    pub(super) fn tell(&mut self, level: &str, message: &str) -> Refused<()> {
        self.frame(&Frame::Errors(log::line(level, message).into_bytes()))
    }

    /// The end.
    pub(super) fn exit(mut self, code: u8) -> Refused<()> {
        self.frame(&Frame::Exit(code))?;
        self.out.end().map_err(told)
    }

    fn frame(&mut self, frame: &Frame) -> Refused<()> {
        let mut bytes = Vec::new();
        frame
            .write(&mut bytes)
            .and_then(|()| self.out.write_all(&bytes))
            .and_then(|()| self.out.flush())
            .map_err(told)
    }
}
