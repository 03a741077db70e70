//! Frames: how a run of chunks is compressed before it is sealed.
//!
//! A frame is one form byte, then the body: `0` the plain bytes as they are, `1` a
//! single zstd frame (RFC 8878) without dictionary and without checksum. The plain
//! length stands outside, in the pack's directory.

use std::fmt;

use bytes::Bytes;
use dtrvault_format::limits::MAX_FRAME_BYTES;
use zstd::zstd_safe::{self, CParameter};

use crate::error::CodecError;

/// Form byte of a body that is the plain bytes.
const STORED: u8 = 0;
/// Form byte of a body that is a zstd frame.
const ZSTD: u8 = 1;
/// Longest plain content of a frame, bytes.
const MAX_PLAIN_BYTES: usize = MAX_FRAME_BYTES as usize;
/// Samples of a frame that tell whether it is worth compressing, and their length, bytes.
const SAMPLES: usize = 4;
const SAMPLE_BYTES: usize = 4 << 10;
/// First bytes of a zstd frame, little-endian 0xFD2FB528 (RFC 8878, 3.1.1).
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];

/// Plain bytes that become a frame. The form byte's place is kept free before them, so that
/// what does not shrink need not be copied.
#[derive(Debug, Clone)]
pub struct PlainFrame(Vec<u8>);

impl Default for PlainFrame {
    fn default() -> Self {
        Self(vec![STORED])
    }
}

impl From<&[u8]> for PlainFrame {
    fn from(plain: &[u8]) -> Self {
        let mut frame = Self::reuse(Vec::with_capacity(1 + plain.len()));
        frame.extend(plain);
        frame
    }
}

impl PlainFrame {
    /// No bytes, in memory that was used before.
    pub fn reuse(mut memory: Vec<u8>) -> Self {
        memory.clear();
        memory.push(STORED);
        Self(memory)
    }

    /// Adds bytes behind the others.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// The bytes.
    pub fn plain(&self) -> &[u8] {
        self.0.get(1..).unwrap_or_default()
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.plain().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes off the last byte.
    pub(crate) fn pop(&mut self) -> Option<u8> {
        if self.is_empty() { None } else { self.0.pop() }
    }

    pub(crate) fn clear(&mut self) {
        self.0.truncate(1);
    }
}

/// Tells from samples whether bytes are worth compressing.
pub(crate) struct Probe {
    fast: zstd::bulk::Compressor<'static>,
    scratch: Vec<u8>,
}

impl Probe {
    pub(crate) fn new() -> Result<Self, CodecError> {
        let fast = zstd::bulk::Compressor::new(1).map_err(CodecError::Compress)?;
        Ok(Self { fast, scratch: Vec::new() })
    }

    /// Whether a fast pass over `sample` saves less than a sixteenth of it.
    pub(crate) fn is_opaque(&mut self, sample: &[u8]) -> Result<bool, CodecError> {
        self.scratch.clear();
        self.scratch.reserve(zstd_safe::compress_bound(sample.len()));
        self.fast.compress_to_buffer(sample, &mut self.scratch).map_err(CodecError::Compress)?;
        Ok(self.scratch.len() > sample.len() - sample.len() / 16)
    }
}

/// Compresses frames with one zstd context and one scratch buffer, both kept between frames.
pub struct Compressor {
    context: zstd::bulk::Compressor<'static>,
    scratch: Vec<u8>,
    probe: Probe,
    sample: Vec<u8>,
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compressor").finish_non_exhaustive()
    }
}

impl Compressor {
    /// `level` as zstd counts it: 3 is its default, 22 its slowest, negative ones its fastest.
    pub fn new(level: i32) -> Result<Self, CodecError> {
        let mut context = zstd::bulk::Compressor::new(level).map_err(CodecError::Compress)?;
        for parameter in [
            CParameter::ContentSizeFlag(false),
            CParameter::ChecksumFlag(false),
            CParameter::DictIdFlag(false),
        ] {
            context.set_parameter(parameter).map_err(CodecError::Compress)?;
        }
        Ok(Self { context, scratch: Vec::new(), probe: Probe::new()?, sample: Vec::new() })
    }

    /// Compresses at another level from here on.
    pub fn set_level(&mut self, level: i32) -> Result<(), CodecError> {
        self.context.set_compression_level(level).map_err(CodecError::Compress)
    }

    /// The frame of these bytes, at most one byte longer than they are.
    pub fn compress(&mut self, frame: PlainFrame) -> Result<Vec<u8>, CodecError> {
        let plain = frame.plain();
        self.scratch.clear();
        self.scratch.reserve(zstd_safe::compress_bound(plain.len()) + 1);
        self.scratch.push(ZSTD);
        let mut body = std::io::Cursor::new(&mut self.scratch);
        body.set_position(1);
        self.context.compress_to_buffer(plain, &mut body).map_err(CodecError::Compress)?;
        Ok(if self.scratch.len() < frame.0.len() { self.scratch.clone() } else { frame.0 })
    }

    /// As [`Compressor::compress`], for bytes that are probably compressed already: they are
    /// left as they are when samples of them do not shrink.
    pub fn compress_opaque(&mut self, frame: PlainFrame) -> Result<Vec<u8>, CodecError> {
        let plain = frame.plain();
        let last = plain.len().saturating_sub(SAMPLE_BYTES);
        self.sample.clear();
        for at in (0..SAMPLES).map(|number| last / (SAMPLES - 1) * number) {
            let sample = plain.get(at..).and_then(|rest| rest.get(..SAMPLE_BYTES)).unwrap_or(plain);
            self.sample.extend_from_slice(sample);
        }
        let opaque = plain.len() > SAMPLES * SAMPLE_BYTES && self.probe.is_opaque(&self.sample)?;
        if opaque { Ok(frame.0) } else { self.compress(frame) }
    }
}

/// The `plain_len` bytes that a frame holds; a part of `frame` itself when they were stored as they are.
///
/// Allocates at most `plain_len` bytes and a fixed context, whatever `frame` claims. Any other
/// length, trailing bytes, a second zstd frame or a damaged one are errors.
pub fn decompress(frame: &Bytes, plain_len: usize) -> Result<Bytes, CodecError> {
    if plain_len > MAX_PLAIN_BYTES {
        return Err(CodecError::FrameTooLong { bytes: plain_len, max: MAX_PLAIN_BYTES });
    }
    let (&form, body) = frame.split_first().ok_or(CodecError::FrameEmpty)?;
    let plain = match form {
        STORED => frame.slice(1..),
        ZSTD => {
            // Skippable frames and several frames in a row would decompress as well.
            let one_frame = body.starts_with(&ZSTD_MAGIC)
                && zstd_safe::find_frame_compressed_size(body) == Ok(body.len());
            if !one_frame {
                return Err(CodecError::FrameNotSingle);
            }
            let mut plain = Vec::with_capacity(plain_len);
            zstd::bulk::Decompressor::new()
                .and_then(|mut context| context.decompress_to_buffer(body, &mut plain))
                .map_err(CodecError::Decompress)?;
            plain.into()
        }
        other => return Err(CodecError::FrameForm(other)),
    };
    if plain.len() != plain_len {
        return Err(CodecError::FrameLength { expected: plain_len, found: plain.len() });
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    fn text(length: usize) -> Vec<u8> {
        b"a line of text that comes again, ".iter().copied().cycle().take(length).collect()
    }

    /// Bytes that no compressor can shorten (xorshift64, Marsaglia 2003).
    fn noise(length: usize) -> Vec<u8> {
        let mut state = 88_172_645_463_325_252_u64;
        (0..length)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                (state >> 32) as u8
            })
            .collect()
    }

    fn zstd_frame(plain: &[u8]) -> Vec<u8> {
        let frame = compressed(plain);
        assert_eq!(frame[0], ZSTD);
        frame
    }

    fn compressed(plain: &[u8]) -> Vec<u8> {
        Compressor::new(3).unwrap().compress(frame(plain)).unwrap()
    }

    fn frame(plain: &[u8]) -> PlainFrame {
        plain.into()
    }

    fn decompress(frame: &[u8], plain_len: usize) -> Result<Bytes, CodecError> {
        super::decompress(&Bytes::copy_from_slice(frame), plain_len)
    }

    #[test]
    fn text_shrinks_and_noise_is_stored() {
        let mut compressor = Compressor::new(3).unwrap();
        let plain = text(1 << 20);
        let frame = compressor.compress(frame(&plain)).unwrap();
        assert_eq!(frame[0], ZSTD);
        assert!(frame.len() < 1000);
        assert_eq!(decompress(&frame, plain.len()).unwrap(), plain);
        let plain = noise(1 << 20);
        let frame = compressor.compress(self::frame(&plain)).unwrap();
        assert_eq!((frame[0], &frame[1..]), (STORED, plain.as_slice()));
        assert_eq!(decompress(&frame, plain.len()).unwrap(), plain);
    }

    #[test]
    fn a_kept_context_gives_the_same_bytes() {
        let mut kept = Compressor::new(3).unwrap();
        kept.compress(frame(&noise(300_000))).unwrap();
        let plain = text(500_000);
        assert_eq!(kept.compress(frame(&plain)).unwrap(), zstd_frame(&plain));
    }

    #[test]
    fn what_looks_opaque_and_is_not_is_compressed_all_the_same() {
        let mut compressor = Compressor::new(3).unwrap();
        let opaque = noise(1 << 20);
        assert_eq!(compressor.compress_opaque(frame(&opaque)).unwrap()[0], STORED);
        let mut half = noise(1 << 19);
        half.extend(text(1 << 19));
        assert_eq!(compressor.compress_opaque(frame(&half)).unwrap()[0], ZSTD);
        assert_eq!(compressor.compress_opaque(frame(&text(100))).unwrap()[0], ZSTD);
        assert_eq!(compressor.compress_opaque(frame(b"")).unwrap(), [STORED]);
    }

    #[test]
    fn a_bomb_fails_within_the_stated_length() {
        let bomb = zstd_frame(&vec![0; MAX_PLAIN_BYTES]);
        assert!(bomb.len() < 4096);
        assert!(matches!(decompress(&bomb, 100), Err(CodecError::Decompress(_))));
    }

    #[test]
    fn a_wrong_length_is_an_error() {
        let frame = zstd_frame(&text(1000));
        assert!(matches!(
            decompress(&frame, 1001),
            Err(CodecError::FrameLength { expected: 1001, found: 1000 })
        ));
        assert!(decompress(&frame, 999).is_err());
        assert!(matches!(
            decompress(&[STORED, 1, 2], 3),
            Err(CodecError::FrameLength { expected: 3, found: 2 })
        ));
        assert!(matches!(decompress(&frame, usize::MAX), Err(CodecError::FrameTooLong { .. })));
    }

    #[test]
    fn only_one_zstd_frame_is_taken() {
        let frame = zstd_frame(&text(1000));
        let mut trailing = frame.clone();
        trailing.push(0);
        let mut twice = frame.clone();
        twice.extend_from_slice(&frame[1..]);
        let skippable = [ZSTD, 0x50, 0x2A, 0x4D, 0x18, 0, 0, 0, 0];
        for (bytes, length) in [(&trailing[..], 1000), (&twice, 2000), (&skippable, 0), (&frame[..9], 1000)] {
            assert!(matches!(decompress(bytes, length), Err(CodecError::FrameNotSingle)));
        }
    }

    #[test]
    fn unknown_forms_and_nothing_are_errors() {
        assert!(matches!(decompress(&[], 0), Err(CodecError::FrameEmpty)));
        assert!(matches!(decompress(&[2, 9], 1), Err(CodecError::FrameForm(2))));
        assert_eq!(decompress(&[STORED], 0).unwrap(), b""[..]);
    }

    proptest! {
        #[test]
        fn any_bytes_come_back(plain in prop::collection::vec(0u8..4, 0..5000)) {
            let frame = compressed(&plain);
            prop_assert!(frame.len() <= plain.len() + 1);
            prop_assert_eq!(decompress(&frame, plain.len()).unwrap(), plain);
        }

        #[test]
        fn hostile_bytes_never_give_another_length(
            mut frame in prop::collection::vec(any::<u8>(), 0..200),
            length in 0usize..2000,
            whole in any::<bool>(),
        ) {
            if whole {
                let mut sound = zstd_frame(&text(length + 200));
                for (at, byte) in frame.iter().enumerate().skip(1).take(3) {
                    let place = (at * 31 + usize::from(*byte)) % sound.len();
                    sound[place] ^= byte;
                }
                frame = sound;
            }
            if let Ok(plain) = decompress(&frame, length) {
                prop_assert_eq!(plain.len(), length);
            }
        }
    }
}
