//! The deflate of pigz, of versions 2.6 and 2.8 alike, with zlib: pieces that are compressed apart, each ending on a byte's
//! boundary.

use crate::{Deflate, zlib};

/// What a piece knows of those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum History {
    /// The last 32 KiB, as preset window: what pigz does with several processors, the usual case.
    Window,
    /// All that zlib has seen: one stream that is only flushed (`--processes 1`).
    Stream,
    /// Nothing (`--independent`, whatever the processors).
    Nothing,
}

impl History {
    /// Every kind, by its number in replays.
    pub(crate) const ALL: [Self; 3] = [Self::Window, Self::Stream, Self::Nothing];
}

const WINDOW_BYTES: usize = 1 << 15;

/// pigz writes an empty stored block of this form where a stream already stands on a boundary.
const MARKER: [u8; 5] = [0, 0, 0, 0xff, 0xff];

/// Writes what pigz writes between its header and its trailer.
#[derive(Debug)]
pub struct Encoder {
    zlib: zlib::Encoder,
    block_bytes: usize,
    history: History,
    /// How much of the present piece was taken. A full one waits for the next byte, or the end.
    taken: usize,
    /// The last 32 KiB, if they prime the next piece; up to twice that in between.
    window: Vec<u8>,
}

impl Encoder {
    /// One for a level from 1 to 9, and pieces of 32 KiB at least (`--blocksize`, 128 KiB by
    /// default).
    #[must_use]
    pub fn new(level: u32, block_bytes: usize, history: History) -> Option<Self> {
        if block_bytes < WINDOW_BYTES {
            return None;
        }
        let zlib = zlib::Encoder::new(level)?;
        Some(Self { zlib, block_bytes, history, taken: 0, window: Vec::new() })
    }

    fn remember(&mut self, plain: &[u8]) {
        if self.history != History::Window {
            return;
        }
        self.window.extend_from_slice(&plain[plain.len().saturating_sub(WINDOW_BYTES)..]);
        if self.window.len() > 2 * WINDOW_BYTES {
            self.window.drain(..self.window.len() - WINDOW_BYTES);
        }
    }

    /// Ends a piece that others follow, and begins the next.
    fn join(&mut self, out: &mut Vec<u8>) {
        let bits = self.zlib.end_block(out);
        if self.history == History::Nothing {
            pad_with_stored_block(bits, out);
            out.extend(MARKER);
        } else if bits % 2 == 1 {
            pad_with_stored_block(bits, out);
        } else {
            pad_with_fixed_blocks(bits, out);
        }
        match self.history {
            History::Window => {
                let from = self.window.len().saturating_sub(WINDOW_BYTES);
                self.zlib.reset(&self.window[from..]);
            }
            History::Stream => {}
            History::Nothing => self.zlib.reset(&[]),
        }
        self.taken = 0;
    }
}

/// Appends an empty stored block to a stream with so many bits in its last byte.
fn pad_with_stored_block(bits: u32, out: &mut Vec<u8>) {
    // Three bits of header, then up to the next boundary: all zero.
    if bits == 0 || bits > 5 {
        out.push(0);
    }
    out.extend(&MARKER[1..]);
}

/// Appends empty fixed blocks, ten bits each with the second one set, up to a boundary. `bits` is
/// even.
fn pad_with_fixed_blocks(mut bits: u32, out: &mut Vec<u8>) {
    while bits != 0 {
        if let Some(last) = out.last_mut() {
            *last |= 2 << bits;
        }
        out.push(0);
        bits = (bits + 2) % 8;
    }
}

impl Deflate for Encoder {
    fn write(&mut self, mut plain: &[u8], out: &mut Vec<u8>) {
        while !plain.is_empty() {
            if self.taken == self.block_bytes {
                self.join(out);
            }
            let (now, later) = plain.split_at(plain.len().min(self.block_bytes - self.taken));
            self.zlib.write(now, out);
            self.remember(now);
            self.taken += now.len();
            plain = later;
        }
    }

    /// Does nothing: pigz never flushes but between pieces.
    fn flush(&mut self, _: &mut Vec<u8>) {}

    fn finish(&mut self, out: &mut Vec<u8>) {
        self.zlib.finish(out);
    }

    /// pigz has no preset windows but its own; a given one is not looked at.
    fn reset(&mut self, _: &[u8]) {
        self.zlib.reset(&[]);
        self.taken = 0;
        self.window.clear();
    }
}
