//! The deflate of GNU gzip, of versions 1.10 and 1.12 alike; it is zlib's ancestor.
//!
//! gzip reads its input into the free part of its window whenever little lies ahead. These are
//! the bytes that it writes if each read gets all it asks for, as from a file. Short reads from a
//! pipe change nothing but in one case: one that makes gzip slide its window a byte early may
//! lose it the one match that reaches back the farthest. `--rsyncable` is left out.

mod block;
mod header;
mod parse;
mod prefix;
mod window;

use crate::Deflate;
use block::Block;
use parse::Parser;
use window::{MIN_LOOKAHEAD, Window};

/// How hard a level searches.
#[derive(Debug)]
struct Effort {
    /// With a match of this length at hand, the search for a better one is cut to a quarter.
    good: usize,
    /// With a match of this length, none is searched at the next byte. At levels that are not
    /// lazy, the strings within a longer match are not indexed.
    lazy: usize,
    /// A match of this length ends the search.
    nice: usize,
    /// How many candidates are looked at.
    chain: u32,
}

const fn effort(good: usize, lazy: usize, nice: usize, chain: u32) -> Effort {
    Effort { good, lazy, nice, chain }
}

static EFFORTS: [Effort; 9] = [
    effort(4, 4, 8, 4),
    effort(4, 5, 16, 8),
    effort(4, 6, 32, 32),
    effort(4, 4, 16, 16),
    effort(8, 16, 32, 32),
    effort(8, 16, 128, 128),
    effort(8, 32, 128, 256),
    effort(32, 128, 258, 1024),
    effort(32, 258, 258, 4096),
];

/// Levels up to this one are not lazy.
const LAST_FAST_LEVEL: u32 = 3;

/// Writes what `gzip` writes between its header and its trailer.
#[derive(Debug)]
pub struct Encoder {
    window: Window,
    block: Block,
    parser: Parser,
}

impl Encoder {
    /// One for a level from 1 to 9.
    #[must_use]
    pub fn new(level: u32) -> Option<Self> {
        let effort = EFFORTS.get(level.checked_sub(1)? as usize)?;
        Some(Self {
            window: Window::new(),
            block: Block::new(level),
            parser: Parser::new(effort, level > LAST_FAST_LEVEL),
        })
    }
}

impl Deflate for Encoder {
    fn write(&mut self, mut plain: &[u8], out: &mut Vec<u8>) {
        while !plain.is_empty() {
            let taken = self.window.read(plain);
            plain = &plain[taken..];
            if self.window.is_full() {
                self.parser.run(&mut self.window, &mut self.block, MIN_LOOKAHEAD, out);
                self.slide();
            }
        }
    }

    /// Does nothing: gzip never flushes.
    fn flush(&mut self, _: &mut Vec<u8>) {}

    fn finish(&mut self, out: &mut Vec<u8>) {
        self.parser.run(&mut self.window, &mut self.block, MIN_LOOKAHEAD, out);
        // What gzip does on its way to finding that there is no more to read.
        self.slide();
        self.window.end();
        self.parser.run(&mut self.window, &mut self.block, 1, out);
        self.parser.finish(&self.window, &mut self.block);
        self.block.close(&self.window, self.window.at, true, out);
    }

    /// gzip knows no preset windows; a given one is not looked at.
    fn reset(&mut self, _: &[u8]) {
        self.window.reset();
        self.block.reset();
        self.parser.reset();
    }
}

impl Encoder {
    /// Makes room in the window, if it is time to.
    fn slide(&mut self) {
        if self.window.slide() {
            self.block.slid();
        }
    }
}
