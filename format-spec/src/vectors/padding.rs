//! `padding.json`: lengths, and padded content.

use dtrvault_crypto::padded_len;
use serde_json::{Value, json};

use crate::error::holds;
use crate::{Result, hex, noise};

/// The rule of `keys.md`, once more.
fn by_the_document(len: u64) -> u64 {
    let len = len.max(256);
    let exponent = len.ilog2();
    let kept = exponent.ilog2() + 1;
    let rounded = (exponent - kept).min(16);
    len.div_ceil(1 << rounded) << rounded
}

pub(super) fn make() -> Result<Value> {
    let edges = (0..40).flat_map(|bits| [(1_u64 << bits) - 1, 1 << bits, (1 << bits) + 1]);
    let mut lengths = Vec::new();
    for len in edges.chain([257, 272, 273, 100_000, 1_000_000, 67_174_400]) {
        holds(padded_len(len) == by_the_document(len), "how lengths are padded")?;
        lengths.push(json!([len, padded_len(len)]));
    }
    let mut padded = Vec::new();
    for len in [0, 255, 256] {
        let content = noise(1, len);
        let mut bytes = content.clone();
        bytes.push(0x80);
        bytes.resize(usize::try_from(padded_len(len as u64 + 1)).unwrap_or(usize::MAX), 0);
        padded.push(json!({ "content": hex(&content), "padded": hex(&bytes) }));
    }
    Ok(json!({
        "lengths": lengths,
        "padded": padded,
        "refused": ["", "0000", "01", "800100", "8100"],
    }))
}
