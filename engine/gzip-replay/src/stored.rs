//! Streams that only store: what is in them does not depend on who made them, but for where blocks end.
//!
//! That is level 0 of zlib, whose blocks end where its program's buffers do, and of others.

use crate::Deflate;
use crate::catalogue::Encoder as Catalogued;
use crate::replay::MAX_FLUSHES;

/// The longest stored block.
const MAX_BLOCK_BYTES: u16 = u16::MAX;
/// Kind and length of a block.
const HEAD_BYTES: usize = 5;

/// Writes stored blocks. One ends where it is told to flush, and where it is full and content goes on.
#[derive(Debug)]
pub(crate) struct Encoder {
    block_bytes: usize,
    block: Vec<u8>,
}

impl Encoder {
    /// One for blocks of at most so many bytes, and of 1 at least.
    pub(crate) fn new(block_bytes: u16) -> Option<Self> {
        (block_bytes > 0).then(|| Self { block_bytes: block_bytes.into(), block: Vec::new() })
    }

    fn end_block(&mut self, is_last: bool, out: &mut Vec<u8>) {
        let length = self.block.len() as u16;
        out.push(is_last.into());
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.append(&mut self.block);
    }
}

impl Deflate for Encoder {
    fn write(&mut self, mut plain: &[u8], out: &mut Vec<u8>) {
        while !plain.is_empty() {
            if self.block.len() == self.block_bytes {
                self.end_block(false, out);
            }
            let (now, later) = plain.split_at(plain.len().min(self.block_bytes - self.block.len()));
            self.block.extend_from_slice(now);
            plain = later;
        }
    }

    /// Ends the block, be it empty. No empty one follows.
    fn flush(&mut self, out: &mut Vec<u8>) {
        self.end_block(false, out);
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        self.end_block(true, out);
    }

    fn reset(&mut self, _: &[u8]) {
        self.block.clear();
    }
}

/// Follows the blocks of a deflate stream for as long as they are stored. That is proof enough: nothing else
/// stands in such a stream.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    head: [u8; HEAD_BYTES],
    /// Bytes of the head that have come.
    head_bytes: usize,
    /// Bytes that are still to come of the block whose head is whole.
    left: usize,
    /// Length of the content so far, bytes.
    at: u64,
    /// Where in the content blocks ended, but the last one.
    ends: Vec<u64>,
    longest: u16,
    /// There was something else.
    lost: bool,
}

impl Blocks {
    /// Takes the next bytes of the stream.
    pub(crate) fn follow(&mut self, mut stream: &[u8]) {
        while !self.lost && !stream.is_empty() {
            if self.head_bytes < HEAD_BYTES {
                let (now, later) = stream.split_at(stream.len().min(HEAD_BYTES - self.head_bytes));
                self.head[self.head_bytes..][..now.len()].copy_from_slice(now);
                self.head_bytes += now.len();
                stream = later;
                self.read_head();
            } else {
                let (now, later) = stream.split_at(stream.len().min(self.left));
                self.left -= now.len();
                self.at += now.len() as u64;
                stream = later;
            }
            if self.head_bytes == HEAD_BYTES && self.left == 0 && self.head[0] == 0 {
                self.ends.push(self.at);
                self.head_bytes = 0;
            }
        }
    }

    fn read_head(&mut self) {
        let [kind, length @ .., c, d] = self.head;
        let length = u16::from_le_bytes(length);
        let is_whole = self.head_bytes == HEAD_BYTES;
        let is_sound = !is_whole || u16::from_le_bytes([c, d]) == !length;
        if kind > 1 || !is_sound || self.ends.len() == MAX_FLUSHES {
            *self = Self { lost: true, ..Self::default() };
        } else if is_whole {
            self.left = length.into();
            self.longest = self.longest.max(length);
        }
    }

    /// Whether all blocks have been stored so far.
    pub(crate) fn are_stored(&self) -> bool {
        !self.lost
    }

    /// What makes a stream of these blocks, and when it has to flush.
    pub(crate) fn encoder(&self) -> (Catalogued, Vec<u64>) {
        let block_bytes = if self.longest > 0 { self.longest } else { MAX_BLOCK_BYTES };
        let (mut flushes, mut began) = (Vec::new(), 0);
        for (block, &end) in self.ends.iter().enumerate() {
            let is_full = end - began == u64::from(block_bytes);
            let goes_on = self.ends.get(block + 1).copied().unwrap_or(self.at) > end;
            if !(is_full && goes_on) {
                flushes.push(end);
            }
            began = end;
        }
        (Catalogued::Stored { block_bytes }, flushes)
    }
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_followed_wherever_they_end() {
        for lengths in [
            &[0][..],
            &[7],
            &[65_535, 65_535, 3],
            &[65_535, 0],
            &[0, 0, 5, 5, 0, 5, 0],
            &[1, 1, 1],
            &[16_379, 32_763, 65_531, 65_535, 65_535, 10],
        ] {
            let mut stream = Vec::new();
            for (at, length) in lengths.iter().enumerate() {
                stream.push(u8::from(at + 1 == lengths.len()));
                stream.extend((*length as u16).to_le_bytes());
                stream.extend((!(*length as u16)).to_le_bytes());
                stream.extend((0..*length).map(|byte| byte as u8));
            }
            let mut blocks = Blocks::default();
            stream.chunks(3).for_each(|piece| blocks.follow(piece));
            assert!(blocks.are_stored());
            let (encoder, flushes) = blocks.encoder();
            let mut made = Vec::new();
            let mut encoder = encoder.start().expect("the encoder exists");
            let content: Vec<u8> =
                lengths.iter().flat_map(|length| (0..*length).map(|byte| byte as u8)).collect();
            let mut began = 0;
            for flush in flushes {
                encoder.write(&content[began..flush as usize], &mut made);
                encoder.flush(&mut made);
                began = flush as usize;
            }
            encoder.write(&content[began..], &mut made);
            encoder.finish(&mut made);
            assert!(made == stream, "{lengths:?}");
        }
    }

    #[test]
    fn other_blocks_are_not_followed() {
        for stream in [&[2][..], &[3, 0], &[0, 1, 0, 0xfe, 0xfe], &[0, 1, 0, 0xfe, 0xff, 9, 5]] {
            let mut blocks = Blocks::default();
            blocks.follow(stream);
            assert!(!blocks.are_stored(), "{stream:?}");
        }
    }
}
