//! Makes the vectors: one file for each document of the format.
//!
//! Everything random follows from [`SEED`], so a run gives the same bytes as the one before.
//! Where a document says how bytes come about, a vector is made a second time here with the
//! bare primitives, and both must agree: the documents are tested, not only the code.

mod chunk;
mod config;
mod frame;
mod keys;
mod markers;
mod pack;
mod padding;
mod recipe;
mod repository;
mod rows;
mod segment;
mod slot;
mod snapshot;
mod stream;
mod tar;
mod tree;
mod zip;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::{Result, SpecError, hex};

pub use repository::SEED;

/// Makes the content of one file.
type Make = fn() -> Result<Value>;

/// Every file of the folder, without `.json`, and what makes it.
pub const FILES: [(&str, Make); 18] = [
    ("chunk", chunk::make),
    ("config", config::make),
    ("cut-points", chunk::make_cut_points),
    ("doomed", markers::make_doomed),
    ("frame", frame::make),
    ("keys", keys::make),
    ("lease", markers::make_lease),
    ("pack", pack::make),
    ("padding", padding::make),
    ("recipe", recipe::make),
    ("rows", rows::make),
    ("segment", segment::make),
    ("slot", slot::make),
    ("snapshot", snapshot::make),
    ("stream", stream::make),
    ("tar", tar::make),
    ("tree", tree::make),
    ("names", config::make_names),
];

/// The folder where the vectors are checked in.
#[must_use]
pub fn dir() -> PathBuf {
    crate::folder().join("vectors")
}

/// Makes all vectors and writes them into `dir`.
///
/// # Errors
/// [`SpecError`]; files written before stay.
pub fn write_all(dir: &Path) -> Result<()> {
    for (name, make) in FILES {
        let path = dir.join(name).with_extension("json");
        let text = serde_json::to_string_pretty(&make()?)? + "\n";
        fs::write(&path, text).map_err(|source| SpecError::Write { path, source })?;
    }
    Ok(())
}

/// Bytes that a reader must refuse, and why.
fn refused(why: &str, bytes: &[u8]) -> Value {
    json!({ "why": why, "hex": hex(bytes) })
}

/// `bytes` with one of them changed.
fn changed(bytes: &[u8], at: usize, to: u8) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if let Some(byte) = bytes.get_mut(at) {
        *byte = to;
    }
    bytes
}
