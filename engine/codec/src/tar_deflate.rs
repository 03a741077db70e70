//! Deflates runs of payload, when a tar is joined.

use std::io::Read;

use gzip_replay::Deflate;
use gzip_replay::zlib::Encoder;

use crate::deflated::DeflatedRun;
use crate::error::CodecError;

/// How much content is deflated at once, bytes.
const PIECE_BYTES: usize = 32 << 10;

/// Makes one stream after the other. Memory is bounded: an encoder, and what it makes of a piece.
#[derive(Debug, Default)]
pub(crate) struct Deflater {
    encoder: Option<(u32, Encoder)>,
    /// Content that is not yet deflated, bytes.
    plain_left: u64,
    run: Option<DeflatedRun>,
    piece: Vec<u8>,
    made: Vec<u8>,
    /// How much of `made` was given.
    given: usize,
    /// What was made before `made`, bytes.
    before: u64,
}

impl Deflater {
    /// Begins another stream.
    pub(crate) fn begin(&mut self, run: DeflatedRun) {
        match &mut self.encoder {
            Some((level, encoder)) if *level == run.level => encoder.reset(&[]),
            other => *other = Encoder::new(run.level).map(|encoder| (run.level, encoder)),
        }
        self.plain_left = run.plain;
        self.run = Some(run);
        self.made.clear();
        self.given = 0;
        self.before = 0;
    }

    /// The stream that is to be made, if nothing was made of it yet.
    pub(crate) fn untouched(&self) -> Option<DeflatedRun> {
        self.run.filter(|run| self.plain_left == run.plain)
    }

    /// Gives some of the stream; `None` at its end.
    pub(crate) fn read(
        &mut self,
        payload: &mut impl Read,
        out: &mut [u8],
    ) -> Result<Option<usize>, CodecError> {
        while self.given == self.made.len() {
            let Some(run) = self.run else { return Ok(None) };
            self.make(run, payload)?;
        }
        let rest = self.made.get(self.given..).unwrap_or_default();
        let count = rest.len().min(out.len());
        if let (Some(to), Some(from)) = (out.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        self.given += count;
        Ok(Some(count))
    }

    /// Makes more of the stream, and ends it when all of its content is there.
    fn make(&mut self, run: DeflatedRun, payload: &mut impl Read) -> Result<(), CodecError> {
        self.before += self.made.len() as u64;
        self.made.clear();
        self.given = 0;
        let Some((_, encoder)) = &mut self.encoder else {
            return Err(CodecError::PayloadDeflates { packed: run.packed });
        };
        self.piece.clear();
        let wanted = self.plain_left.min(PIECE_BYTES as u64);
        payload.by_ref().take(wanted).read_to_end(&mut self.piece)?;
        self.plain_left -= self.piece.len() as u64;
        if (self.piece.len() as u64) < wanted {
            return Err(CodecError::PayloadCut { missing: self.plain_left });
        }
        encoder.write(&self.piece, &mut self.made);
        let is_over = self.plain_left == 0;
        if is_over {
            encoder.finish(&mut self.made);
            self.run = None;
        }
        let made = self.before + self.made.len() as u64;
        if made > run.packed || (is_over && made < run.packed) {
            self.made.clear();
            return Err(CodecError::PayloadDeflates { packed: run.packed });
        }
        Ok(())
    }
}
