//! Holding what an encoder makes against what stands in the stream.

use crate::catalogue::Encoder;
use crate::encoder::Deflate;

/// An encoder that made everything that was compared.
pub(crate) struct Proof {
    pub(crate) encoder: Encoder,
    pub(crate) deflate: Box<dyn Deflate>,
    /// What it made and the stream has not brought yet, or the other way round: one of them is empty.
    made: Vec<u8>,
    stored: Vec<u8>,
}

impl Proof {
    pub(crate) fn new(encoder: Encoder, deflate: Box<dyn Deflate>) -> Self {
        Self { encoder, deflate, made: Vec::new(), stored: Vec::new() }
    }

    /// Takes content.
    pub(crate) fn plain(&mut self, bytes: &[u8]) {
        self.deflate.write(bytes, &mut self.made);
    }

    pub(crate) fn flush(&mut self) {
        self.deflate.flush(&mut self.made);
    }

    /// Takes bytes of the stream, and tells whether all that can be compared is the same.
    pub(crate) fn agrees(&mut self, stored: &[u8]) -> bool {
        self.stored.extend_from_slice(stored);
        let count = self.made.len().min(self.stored.len());
        let same = self.made.get(..count) == self.stored.get(..count);
        self.made.drain(..count);
        self.stored.drain(..count);
        same
    }

    /// Bytes of the stream that the encoder has not made yet.
    pub(crate) fn behind(&self) -> usize {
        self.stored.len()
    }

    /// Ends the stream, and tells whether that is where it ended. The encoder can be used again.
    pub(crate) fn ends_here(&mut self) -> bool {
        self.deflate.finish(&mut self.made);
        self.agrees(&[]) && self.made.is_empty() && self.stored.is_empty()
    }
}
