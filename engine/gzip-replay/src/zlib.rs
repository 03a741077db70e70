//! The deflate of zlib itself, which is linked and called: window of 32 KiB, `memLevel` 8 and the
//! default strategy, as `deflateInit` and nearly all programs have it.
//!
//! Versions 1.2.11, 1.2.13, 1.3.1 and 1.3.2 write the same bytes at levels 1 to 9. Rewrites such
//! as zlib-ng do not, even where a system has them under zlib's name. Level 0 is left out: where
//! its stored blocks end depends on the room that a program has for output, and `stored` makes them. `memLevel` 9,
//! which Perl uses, is out of reach through flate2.

use flate2::{Compress, Compression, FlushCompress, Status};

use crate::Deflate;

const WINDOW_BYTES: usize = 1 << 15;

/// zlib slides its window of 64 KiB by half once it stands here in the upper half, and then loses
/// sight of one byte that it could still have matched. It slides when input runs short, so what
/// is fed must not end between here and the end of the half, else the cut could show.
const SLIDE_AT: usize = WINDOW_BYTES - MIN_LOOKAHEAD;

/// With less than this ahead, zlib asks for more input: a longest match, and the start of another.
const MIN_LOOKAHEAD: usize = 258 + 3 + 1;

/// More than zlib ever holds back of its output: its window and its symbols, badly compressed.
const MOST_PENDING: usize = 1 << 18;

/// Writes what zlib writes for `deflate` of it all at once.
#[derive(Debug)]
pub struct Encoder {
    stream: Compress,
    /// Where in its window zlib's input ends, in the half that it is in.
    fed: usize,
    /// What may not be fed yet.
    held: Vec<u8>,
}

impl Encoder {
    /// One for a level from 1 to 9.
    #[must_use]
    pub fn new(level: u32) -> Option<Self> {
        (1..=9).contains(&level).then(|| Self {
            stream: Compress::new(Compression::new(level), false),
            fed: 0,
            held: Vec::new(),
        })
    }

    /// How many bytes of an input that ends `length` bytes from here must wait.
    fn to_hold(&self, length: usize) -> usize {
        let end = self.fed.wrapping_add(length) % WINDOW_BYTES;
        length.min((end + 1).saturating_sub(SLIDE_AT))
    }

    fn feed(&mut self, mut plain: &[u8], out: &mut Vec<u8>) {
        self.fed = self.fed.wrapping_add(plain.len()) % WINDOW_BYTES;
        while !plain.is_empty() {
            out.reserve(plain.len() / 2 + 4096);
            let taken = self.call(plain, FlushCompress::None, out).1;
            plain = plain.get(taken..).unwrap_or_default();
        }
    }

    fn feed_held(&mut self, out: &mut Vec<u8>) {
        let held = std::mem::take(&mut self.held);
        self.feed(&held, out);
    }

    /// One call of zlib, with the room that `out` has. Says what it took.
    fn call(&mut self, plain: &[u8], flush: FlushCompress, out: &mut Vec<u8>) -> (Status, usize) {
        let before = self.stream.total_in();
        // It cannot fail: the stream is sound, and no room or no input is a status.
        let status = self.stream.compress_vec(plain, out, flush).unwrap_or(Status::StreamEnd);
        let taken =
            if status == Status::StreamEnd { plain.len() as u64 } else { self.stream.total_in() - before };
        (status, taken as usize)
    }

    /// Flushes in one call, as a second could begin a second empty block.
    fn flush_by(&mut self, flush: FlushCompress, out: &mut Vec<u8>) {
        out.reserve(MOST_PENDING);
        self.call(&[], flush, out);
    }

    /// Ends the block (zlib's `Z_BLOCK`) but leaves zlib as after a flush: the caller has to bring
    /// the stream to a byte's boundary. Says how many bits of the last byte in `out` are in use;
    /// 0 if all are.
    ///
    /// There must be input since the last flush.
    pub(crate) fn end_block(&mut self, out: &mut Vec<u8>) -> u32 {
        self.feed_held(out);
        // Marks the place by an empty fixed block: one bit is set in it, and none in the stored
        // block that follows, up to the 4 bytes of its length.
        self.flush_by(FlushCompress::Partial, out);
        self.flush_by(FlushCompress::Sync, out);
        out.truncate(out.len().saturating_sub(4));
        while out.last() == Some(&0) {
            out.pop();
        }
        let Some(last) = out.last_mut() else { return 0 };
        // The set bit is the second of the block.
        let mark = last.ilog2();
        *last &= !(1 << mark);
        match mark {
            0 => {
                out.pop();
                7
            }
            1 => {
                out.pop();
                0
            }
            _ => mark - 1,
        }
    }
}

impl Deflate for Encoder {
    fn write(&mut self, plain: &[u8], out: &mut Vec<u8>) {
        let mut rest = plain;
        if !self.held.is_empty() {
            // Enough to leave the stretch that zlib must not stop in, and to come to no other.
            let (joined, after) = plain.split_at(plain.len().min(2 * MIN_LOOKAHEAD));
            self.held.extend_from_slice(joined);
            if self.to_hold(self.held.len()) > 0 {
                return;
            }
            self.feed_held(out);
            rest = after;
        }
        let (now, later) = rest.split_at(rest.len() - self.to_hold(rest.len()));
        self.feed(now, out);
        self.held.extend_from_slice(later);
    }

    fn flush(&mut self, out: &mut Vec<u8>) {
        self.feed_held(out);
        self.flush_by(FlushCompress::Sync, out);
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        self.feed_held(out);
        loop {
            out.reserve(1 << 16);
            if self.call(&[], FlushCompress::Finish, out).0 == Status::StreamEnd {
                return;
            }
        }
    }

    fn reset(&mut self, dictionary: &[u8]) {
        let dictionary = &dictionary[dictionary.len().saturating_sub(WINDOW_BYTES)..];
        self.stream.reset();
        self.held.clear();
        self.fed = dictionary.len() % WINDOW_BYTES;
        if !dictionary.is_empty() {
            // A raw stream that has just begun takes any.
            let set = self.stream.set_dictionary(dictionary);
            debug_assert!(set.is_ok(), "zlib refuses a dictionary");
        }
    }
}
