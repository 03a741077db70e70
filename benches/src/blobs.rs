//! Registry storage with opaque blobs: gzip's first bytes, then noise that nothing shortens.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::Words;

/// Smallest and largest blob, bytes.
const SIZES: (u64, u64) = (1_000_000, 200_000_000);
/// The first bytes of a gzip member as Go writes it (RFC 1952, 2.3).
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
const PIECE: usize = 1 << 20;

/// Adds blobs of `bytes` bytes in all below `root`, a folder that holds `docker/registry/v2`.
/// Their sizes are spread evenly over orders of magnitude. Gives how many there are.
///
/// # Errors
///
/// What the file system says.
pub fn add_blobs(root: &Path, bytes: u64, seed: u64) -> io::Result<u64> {
    let mut words = Words::of(&[seed, 5]);
    let mut left = bytes;
    let mut count = 0;
    while left > 0 {
        let (least, most) = (SIZES.0 as f64, SIZES.1 as f64);
        let size = (least * (most / least).powf(words.fraction())) as u64;
        // No blob shorter than the least: the last one takes what is left.
        let size = if left < size + SIZES.0 { left } else { size };
        add_blob(root, size, &mut words)?;
        left -= size;
        count += 1;
    }
    Ok(count)
}

/// Adds `count` blobs of `size` bytes each below `root`.
///
/// # Errors
///
/// What the file system says.
pub fn add_equal_blobs(root: &Path, count: u64, size: u64, seed: u64) -> io::Result<()> {
    let mut words = Words::of(&[seed, 5]);
    (0..count).try_for_each(|_| add_blob(root, size, &mut words))
}

fn add_blob(root: &Path, size: u64, words: &mut Words) -> io::Result<()> {
    let blobs = root.join("docker/registry/v2/blobs/sha256");
    fs::create_dir_all(&blobs)?;
    let path = blobs.join("new");
    let mut file = File::create(&path)?;
    let mut hash = Sha256::new();
    let mut piece = vec![0; PIECE];
    let mut left = size;
    while left > 0 {
        words.fill(&mut piece);
        if left == size {
            piece[..GZIP_HEADER.len()].copy_from_slice(&GZIP_HEADER);
        }
        let part = &piece[..PIECE.min(usize::try_from(left).unwrap_or(PIECE))];
        hash.update(part);
        file.write_all(part)?;
        left -= part.len() as u64;
    }
    let hex: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let place = blobs.join(&hex[..2]).join(&hex);
    fs::create_dir_all(&place)?;
    fs::rename(path, place.join("data"))
}
