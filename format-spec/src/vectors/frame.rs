//! `frame.json`: frames before they are sealed. Decoding alone is a vector: a later zstd may
//! find a shorter form of the same bytes.

use dtrvault_codec::{Compressor, decompress};
use serde_json::{Value, json};

use super::refused;
use crate::error::holds;
use crate::{Result, SpecError, hex, noise, unhex};

/// Sixty times `dtrvault `, by zstd 1.5 at level 3.
pub(super) const ZSTD: &str = "0128b52ffd0000850000486474727661756c7420010010589523";

/// What [`ZSTD`] holds.
pub(super) fn zstd_plain() -> Vec<u8> {
    b"dtrvault ".repeat(60)
}

/// The frame that [`ZSTD`] is.
pub(super) fn zstd_frame() -> Result<Vec<u8>> {
    unhex(ZSTD).ok_or(SpecError::Departs { detail: "the frame of zstd" })
}

pub(super) fn make() -> Result<Value> {
    let stored = noise(1, 100);
    let stored_frame = Compressor::new(3)?.compress(stored.as_slice().into())?;
    let (zstd, plain) = (zstd_frame()?, zstd_plain());
    holds(stored_frame == [&[0], &*stored].concat(), "stored frames")?;
    holds(decompress(&zstd.clone().into(), plain.len())? == plain, "compressed frames")?;
    let skippable = [1, 0x50, 0x2A, 0x4D, 0x18, 0, 0, 0, 0];
    Ok(json!({
        "cases": [
            { "name": "stored", "hex": hex(&stored_frame), "plain": hex(&stored) },
            { "name": "zstd", "hex": ZSTD, "plain": hex(&plain) },
        ],
        "refused": [
            refused("no form byte", &[]),
            refused("unknown form", &[2, 0]),
            refused("skippable frame of zstd", &skippable),
            refused("two frames of zstd", &[&*zstd, &zstd[1..]].concat()),
            refused("a byte behind the frame of zstd", &[&*zstd, &[0]].concat()),
        ],
        "refused_as_of_length": [
            { "len": stored.len() + 1, "hex": hex(&stored_frame) },
            { "len": plain.len() - 1, "hex": ZSTD },
            { "len": plain.len() + 1, "hex": ZSTD },
        ],
    }))
}
