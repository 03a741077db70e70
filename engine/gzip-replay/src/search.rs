//! Finding the encoder of a stream by its beginning.

use std::mem;

use crate::candidates::candidates;
use crate::catalogue::Encoder;
use crate::encoder::Deflate;
use crate::proof::Proof;

/// Content that is gathered before the encoder is looked for, bytes: more than a block of pgzip.
pub(crate) const BEGINNING_BYTES: usize = (1 << 20) + (256 << 10);
/// Encoders are tried on so much content at a time: most are wrong about the first block.
const STEP_BYTES: usize = 64 << 10;

/// The beginning of a deflate stream.
#[derive(Default)]
pub(crate) struct Beginning {
    pub(crate) plain: Vec<u8>,
    pub(crate) stored: Vec<u8>,
    /// This is all of it.
    pub(crate) is_whole: bool,
}

/// An encoder and its working memory, from the member before.
pub(crate) type Kept = (Encoder, Box<dyn Deflate>);

impl Beginning {
    /// The first encoder that made this, with flushes at these places of the content, and is none of
    /// `without`.
    pub(crate) fn find(&self, flushes: &[u64], kept: Option<Kept>, without: &[Encoder]) -> Option<Proof> {
        let before = kept.as_ref().map(|(encoder, _)| *encoder);
        if let Some((encoder, mut deflate)) = kept {
            deflate.reset(&[]);
            if let Ok(proof) = self.holds_for(encoder, deflate, flushes) {
                return Some(proof);
            }
        }
        // By level: after how many bytes zlib was wrong. Blocks of pigz begin alike.
        let mut zlib_wrong_at = [usize::MAX; 10];
        for encoder in candidates(flushes) {
            let is_wrong = match encoder {
                Encoder::Pigz { level, block_bytes, .. } => {
                    zlib_wrong_at.get(usize::from(level)).is_some_and(|at| *at <= block_bytes as usize)
                }
                _ => false,
            };
            if is_wrong || before == Some(encoder) || without.contains(&encoder) {
                continue;
            }
            match (self.holds_for(encoder, encoder.start()?, flushes), encoder) {
                (Ok(proof), _) => return Some(proof),
                (Err(at), Encoder::Zlib { level }) => {
                    if let Some(place) = zlib_wrong_at.get_mut(usize::from(level)) {
                        *place = at;
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// What `deflate` makes of the content, if that is what stands in the stream; or else how much of the content
    /// it had when it was wrong, bytes.
    fn holds_for(
        &self,
        encoder: Encoder,
        deflate: Box<dyn Deflate>,
        flushes: &[u64],
    ) -> Result<Proof, usize> {
        let mut proof = Proof::new(encoder, deflate);
        let mut stored = &*self.stored;
        let mut flushes = encoder.told(flushes).iter().peekable();
        let mut at = 0;
        loop {
            while flushes.next_if_eq(&&(at as u64)).is_some() {
                proof.flush();
            }
            // All that there is: most encoders are wrong at once.
            if !proof.agrees(mem::take(&mut stored)) {
                return Err(at);
            }
            if at == self.plain.len() {
                break;
            }
            let until_flush = flushes.peek().map_or(usize::MAX, |flush| **flush as usize - at);
            let count = STEP_BYTES.min(until_flush).min(self.plain.len() - at);
            proof.plain(self.plain.get(at..at + count).unwrap_or_default());
            at += count;
        }
        if !self.is_whole || proof.ends_here() { Ok(proof) } else { Err(usize::MAX) }
    }
}
