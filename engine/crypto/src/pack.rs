//! Sealing and opening packs. The layout stands in [`dtrvault_format::pack`].
//!
//! | part | key | nonce | associated data |
//! |---|---|---|---|
//! | `wrapped`, in the header | HPKE to the public key, `info` = `dtrvault/1/pack` | | the pack's salt |
//! | frame *i* | the pack key, random | *i* | `dtrvault/1/frame` |
//! | directory | keyed BLAKE3 of the salt, under the directory secret | 0 | `dtrvault/1/directory` |
//! | trailer | the same | 1 | `dtrvault/1/trailer` |
//!
//! A nonce is eight zero bytes and a number of 32 bits, big-endian. Both roles open directory
//! and trailer, and so can rebuild an index; frames need the full role.
//!
//! No pair of key and nonce occurs twice, by construction: [`PackSealer`] makes pack key and
//! salt itself and cannot be cloned; a frame's number comes with a [`FrameSealer`], handed
//! out once and consumed by sealing; directory and trailer are sealed by one call that
//! consumes the pack's sealer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use dtrvault_format::limits::{MAX_DIRECTORY_BYTES, MAX_FRAMES_PER_PACK};
use dtrvault_format::pack::TRAILER_BYTES;
use dtrvault_format::{FormatError, PackHeader};

use crate::cipher::{self, TAG_BYTES};
use crate::error::{Error, Result, Sealed};
use crate::key::Key;
use crate::padding;
use crate::ring::KeyRing;
use crate::wrap::Wrapping;

const PACK_INFO: &[u8] = b"dtrvault/1/pack";
const FRAME_AAD: &[u8] = b"dtrvault/1/frame";
const DIRECTORY_AAD: &[u8] = b"dtrvault/1/directory";
const TRAILER_AAD: &[u8] = b"dtrvault/1/trailer";
const DIRECTORY_NONCE: u32 = 0;
const TRAILER_NONCE: u32 = 1;

/// Seals one new pack. May be used from several threads at once.
pub struct PackSealer {
    frames: Arc<Key>,
    next_number: AtomicU32,
    directory: Key,
}

/// The right to seal one frame of a pack, under a number that no other frame of it has.
pub struct FrameSealer {
    key: Arc<Key>,
    number: u32,
}

/// Opens the frames of one pack. May be used from several threads at once.
pub struct PackOpener {
    frames: Key,
}

impl KeyRing {
    /// Begins a pack: its plain header, and what seals the rest.
    ///
    /// # Errors
    /// [`Error::Randomness`]; [`Error::PublicKey`] for a ring out of a forged slot.
    pub fn new_pack(&self) -> Result<(PackHeader, PackSealer)> {
        let salt = self.randomness.salt()?;
        let frames = self.randomness.key()?;
        let seed = self.randomness.key()?;
        let (enc, wrapped) = self.pack_wrapping(&salt).seal(&self.secrets().public, seed, frames.bytes())?;
        let wrapped: [u8; 48] = wrapped.try_into().map_err(|_| Error::EphemeralKey)?;
        let header = PackHeader { salt: salt.into(), enc: enc.into(), wrapped: wrapped.into() };
        let sealer = PackSealer {
            frames: Arc::new(frames),
            next_number: AtomicU32::new(0),
            directory: self.secrets().directory.salted(&salt),
        };
        Ok((header, sealer))
    }

    /// Unwraps the key of a pack.
    ///
    /// # Errors
    /// [`Error::NeedsFullKey`], [`Error::Unauthentic`].
    pub fn open_pack(&self, header: &PackHeader) -> Result<PackOpener> {
        let secret = self.secret_key()?;
        let opened = self.pack_wrapping(&header.salt).open(secret, &header.enc, &*header.wrapped)?;
        let opened = zeroize::Zeroizing::new(opened);
        let key = <&[u8; 32]>::try_from(opened.as_slice())
            .map_err(|_| Error::Unauthentic { what: Sealed::PackKey })?;
        Ok(PackOpener { frames: Key::copied(key) })
    }

    /// Opens the sealed directory of a pack and takes its padding off. Needs no full key.
    ///
    /// # Errors
    /// [`Error::TooShort`], [`Error::Unauthentic`], [`Error::Padding`].
    pub fn open_directory(&self, header: &PackHeader, sealed: &[u8]) -> Result<Vec<u8>> {
        let what = Sealed::Directory;
        let key = self.secrets().directory.salted(&header.salt);
        let mut bytes = sealed.to_vec();
        let nonce = cipher::nonce(DIRECTORY_NONCE);
        cipher::open(what, &key, nonce, DIRECTORY_AAD, &mut bytes)?;
        padding::unpad(&mut bytes).ok_or(Error::Padding { what })?;
        Ok(bytes)
    }

    /// Opens the trailer of a pack: the length of the sealed directory before it, bytes, tag
    /// and padding included. Needs no full key.
    ///
    /// # Errors
    /// [`Error::Unauthentic`]; [`Error::Format`] for a length over [`MAX_DIRECTORY_BYTES`].
    pub fn open_trailer(&self, header: &PackHeader, sealed: &[u8; TRAILER_BYTES]) -> Result<u32> {
        let what = Sealed::Trailer;
        let key = self.secrets().directory.salted(&header.salt);
        let mut bytes = sealed.to_vec();
        let nonce = cipher::nonce(TRAILER_NONCE);
        cipher::open(what, &key, nonce, TRAILER_AAD, &mut bytes)?;
        let len = bytes.try_into().map(u32::from_be_bytes);
        let len = len.map_err(|_| Error::Unauthentic { what })?;
        bounded_directory(u64::from(len))
    }

    fn pack_wrapping<'a>(&'a self, salt: &'a [u8; 32]) -> Wrapping<'a> {
        Wrapping { what: Sealed::PackKey, psk: &self.secrets().psk, info: PACK_INFO, aad: salt }
    }
}

impl PackSealer {
    /// The right to seal the next frame. Numbers run from 0 in the order of calls; the
    /// frames must stand in the pack in the order of their numbers, without a gap.
    ///
    /// # Errors
    /// [`Error::PackFull`].
    pub fn next_frame(&self) -> Result<FrameSealer> {
        let limit = MAX_FRAMES_PER_PACK;
        let next = |number: u32| {
            let below = usize::try_from(number).is_ok_and(|number| number < limit);
            below.then(|| number + 1)
        };
        let number = self
            .next_number
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next)
            .map_err(|_| Error::PackFull { limit })?;
        Ok(FrameSealer { key: Arc::clone(&self.frames), number })
    }

    /// Ends the pack: gives its last bytes, the sealed directory and the trailer.
    ///
    /// `stored_bytes` is the length of what stands before: header and frames. The directory
    /// is padded so that the whole pack has a length of [`crate::padded_len`], because the
    /// length of a pack is what an onlooker sees.
    ///
    /// # Errors
    /// [`Error::Format`] when the directory would be longer than [`MAX_DIRECTORY_BYTES`].
    pub fn finish(self, directory: &[u8], stored_bytes: u64) -> Result<Vec<u8>> {
        let least = directory.len() as u64 + 1;
        let around = stored_bytes.saturating_add((TAG_BYTES + TRAILER_BYTES) as u64);
        let pack_bytes = padding::padded_len(around.saturating_add(least));
        let padded = pack_bytes.saturating_sub(around).max(least);
        let sealed_bytes = bounded_directory(padded.saturating_add(TAG_BYTES as u64))?;
        let text_bytes = padded as usize;

        let mut tail = Vec::with_capacity(text_bytes + TAG_BYTES + TRAILER_BYTES);
        tail.extend_from_slice(directory);
        padding::pad_to(&mut tail, text_bytes);
        let nonce = cipher::nonce(DIRECTORY_NONCE);
        let tag = cipher::seal(Sealed::Directory, &self.directory, nonce, DIRECTORY_AAD, &mut tail)?;
        tail.extend_from_slice(&tag);

        let mut len = sealed_bytes.to_be_bytes();
        let nonce = cipher::nonce(TRAILER_NONCE);
        let tag = cipher::seal(Sealed::Trailer, &self.directory, nonce, TRAILER_AAD, &mut len)?;
        tail.extend_from_slice(&len);
        tail.extend_from_slice(&tag);
        Ok(tail)
    }
}

impl FrameSealer {
    /// The number of the frame.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Seals `bytes` in place and appends the tag: 16 bytes more.
    ///
    /// # Errors
    /// [`Error::TooLong`], from 256 GiB on.
    pub fn seal(self, bytes: &mut Vec<u8>) -> Result<()> {
        let nonce = cipher::nonce(self.number);
        let tag = cipher::seal(Sealed::Frame, &self.key, nonce, FRAME_AAD, bytes)?;
        bytes.extend_from_slice(&tag);
        Ok(())
    }
}

impl PackOpener {
    /// Opens the frame with this number in place, and gives the length of its text, which stands
    /// at the beginning of `bytes`. On error nothing of the text is in them.
    ///
    /// # Errors
    /// [`Error::TooShort`], [`Error::Unauthentic`].
    pub fn open_frame(&self, number: u32, bytes: &mut [u8]) -> Result<usize> {
        let nonce = cipher::nonce(number);
        cipher::open_slice(Sealed::Frame, &self.frames, nonce, FRAME_AAD, bytes)
    }
}

/// Refuses the length of a directory over the limit of the format.
fn bounded_directory(len: u64) -> Result<u32> {
    match u32::try_from(len) {
        Ok(len) if len <= MAX_DIRECTORY_BYTES => Ok(len),
        _ => Err(Error::Format(FormatError::Limit {
            what: "pack directory",
            field: "length",
            value: len,
            limit: MAX_DIRECTORY_BYTES.into(),
        })),
    }
}
