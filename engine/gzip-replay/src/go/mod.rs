//! The encoder of Go's library `compress/flate`, from Go 1.8 to 1.26.
//!
//! These are one generation. Go 1.19, 1.24 and 1.26 wrote the same at every level from -2 to 9
//! when they were tried on 320 mixed contents of up to 1 MiB.
//!
//! Go 1.27 has an encoder of another line, klauspost's, and none of its levels writes what these
//! wrote: not even -2 and 0, whose streams end in another way. On the same contents it wrote what
//! klauspost's 1.20.3 writes at levels -2 and 0 to 8. Its -1 is its 6, and that is klauspost's 6
//! (klauspost's -1 is 5). Its 9 is like klauspost's 9, but estimates otherwise what a match saves:
//! 12 of the 320 streams were different.

mod blocks;
mod chains;
mod fast;
mod plain;
mod search;
mod window;

use blocks::BlockWriter;
use chains::ChainEncoder;
use fast::FastEncoder;
use plain::PlainEncoder;

use crate::Deflate;

/// Writes what a `flate.Writer` of Go writes.
#[derive(Debug)]
pub struct Encoder(Way);

/// The ways in which levels encode.
#[derive(Debug)]
enum Way {
    Plain(PlainEncoder),
    Fast(Box<FastEncoder>),
    Chains(Box<ChainEncoder>),
}

impl Encoder {
    /// An encoder of a level: -2 (codes only) to 9, of which -1 is 6. Nothing for others.
    pub fn new(level: i32) -> Option<Self> {
        Some(Self(match level {
            -2 => Way::Plain(PlainEncoder::new(true)),
            0 => Way::Plain(PlainEncoder::new(false)),
            1 => Way::Fast(Box::new(FastEncoder::new())),
            _ => Way::Chains(Box::new(ChainEncoder::new(level)?)),
        }))
    }

    fn finish_blocks(&mut self, out: &mut Vec<u8>) -> &mut BlockWriter {
        match &mut self.0 {
            Way::Plain(encoder) => encoder.finish_blocks(out),
            Way::Fast(encoder) => encoder.finish_blocks(out),
            Way::Chains(encoder) => encoder.finish_blocks(out),
        }
    }
}

impl Deflate for Encoder {
    fn write(&mut self, plain: &[u8], out: &mut Vec<u8>) {
        match &mut self.0 {
            Way::Plain(encoder) => encoder.write(plain, out),
            Way::Fast(encoder) => encoder.write(plain, out),
            Way::Chains(encoder) => encoder.write(plain, out),
        }
    }

    fn flush(&mut self, out: &mut Vec<u8>) {
        self.finish_blocks(out).stored(&[], false, out);
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        self.finish_blocks(out).stored(&[], true, out);
    }

    /// Levels below 2 take no notice of the dictionary.
    fn reset(&mut self, dictionary: &[u8]) {
        match &mut self.0 {
            Way::Plain(encoder) => encoder.reset(),
            Way::Fast(encoder) => encoder.reset(),
            Way::Chains(encoder) => encoder.reset(dictionary),
        }
    }
}
