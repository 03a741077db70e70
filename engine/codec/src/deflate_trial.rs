//! Finds out at which level zlib makes a deflate stream of its content, if at any.

use gzip_replay::Deflate;
use gzip_replay::zlib::Encoder;

use crate::deflated::Deflated;

/// How much is deflated before what comes out is looked at, bytes.
const PIECE_BYTES: usize = 32 << 10;
/// How much may be deflated in vain in a whole tar, beyond as much as it was of use, bytes.
const FREE_BYTES: u64 = 128 << 20;
/// How many entries of an archive may fail beyond those that did not.
const MOST_MISSES: u32 = 8;
/// Every level is tried for so many entries of an archive, as long as none is right.
const SEARCHED_MISSES: u32 = 2;
/// The levels that most programs have, and then the others.
const LEVELS: [u32; 9] = [6, 9, 1, 5, 4, 3, 2, 7, 8];
const USUAL_LEVELS: usize = 2;

/// Tries levels, as long as that is of use. What it finds depends on what came before in the same tar.
#[derive(Debug, Default)]
pub(crate) struct Trials {
    /// The level that was right last.
    last: Option<u32>,
    hits: u32,
    misses: u32,
    /// What was deflated and was right, bytes.
    useful: u64,
    /// What was deflated or inflated and was not, bytes.
    vain: u64,
    encoder: Option<(u32, Encoder)>,
    made: Vec<u8>,
}

impl Trials {
    /// Another archive begins.
    pub(crate) fn begin(&mut self) {
        self.hits = 0;
        self.misses = 0;
    }

    /// Whether nothing more of this archive is worth a trial.
    pub(crate) fn is_hopeless(&self) -> bool {
        self.misses >= self.hits.saturating_add(MOST_MISSES)
            || self.vain > self.useful.saturating_add(FREE_BYTES)
    }

    /// Something was inflated, at the cost of so many bytes, which is no candidate.
    pub(crate) fn miss(&mut self, cost: u64) {
        self.misses = self.misses.saturating_add(1);
        self.vain = self.vain.saturating_add(cost);
    }

    /// Finds the level.
    pub(crate) fn find<'a>(&mut self, plain: &'a [u8], packed: &'a [u8]) -> Option<Deflated<'a>> {
        let is_searched = self.hits == 0 && self.misses < SEARCHED_MISSES;
        let count = if is_searched { LEVELS.len() } else { USUAL_LEVELS };
        let last = self.last;
        let levels = LEVELS.into_iter().take(count).filter(|level| Some(*level) != last);
        let found = last.into_iter().chain(levels).find(|level| self.makes(*level, plain, packed));
        let Some(level) = found else {
            self.miss(0);
            return None;
        };
        self.hits = self.hits.saturating_add(1);
        self.useful = self.useful.saturating_add(plain.len() as u64);
        self.last = Some(level);
        Some(Deflated::new(level, plain, packed))
    }

    /// Whether zlib makes `packed` at this level.
    fn makes(&mut self, level: u32, plain: &[u8], packed: &[u8]) -> bool {
        let (level, mut encoder) = match self.encoder.take() {
            Some((known, mut encoder)) if known == level => {
                encoder.reset(&[]);
                (known, encoder)
            }
            _ => match Encoder::new(level) {
                Some(encoder) => (level, encoder),
                None => return false,
            },
        };
        let mut left = packed;
        let mut is_right = true;
        let mut fed = 0;
        self.made.clear();
        for piece in plain.chunks(PIECE_BYTES) {
            encoder.write(piece, &mut self.made);
            fed += piece.len() as u64;
            is_right = take(&mut left, &mut self.made);
            if !is_right {
                break;
            }
        }
        if is_right {
            encoder.finish(&mut self.made);
            is_right = take(&mut left, &mut self.made) && left.is_empty();
        }
        self.encoder = Some((level, encoder));
        if !is_right {
            self.vain = self.vain.saturating_add(fed);
        }
        is_right
    }
}

/// Takes what was made off the front of what is left, if that is how it begins.
fn take(left: &mut &[u8], made: &mut Vec<u8>) -> bool {
    let rest = left.strip_prefix(made.as_slice());
    made.clear();
    rest.map(|rest| *left = rest).is_some()
}
