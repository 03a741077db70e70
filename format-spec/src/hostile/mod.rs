//! One function for each parser that meets bytes from outside. Each takes any bytes, and
//! panics where something does not hold that must hold for all of them.

mod layers;
mod objects;
mod registry;
mod rows;
mod streams;
mod tars;

/// A function that takes any bytes.
pub type Target = fn(&[u8]);

/// Every target of `fuzz/`, by the name of its binary and of its folder of seeds.
pub const TARGETS: [(&str, Target); 20] = [
    ("config", objects::config),
    ("frame", streams::frame),
    ("gzip_join", layers::gzip_join),
    ("layer_split", layers::layer_split),
    ("lease", objects::lease),
    ("link", registry::link),
    ("manifest", registry::manifest),
    ("metadata_rows", registry::metadata_rows),
    ("pack_directory", objects::pack_directory),
    ("pack_header", objects::pack_header),
    ("recipe", objects::recipe),
    ("rows_join", rows::rows_join),
    ("rows_split", rows::rows_split),
    ("segment", objects::segment),
    ("slot", objects::slot),
    ("snapshot", objects::snapshot),
    ("stream_list", streams::stream_list),
    ("tar_join", tars::tar_join),
    ("tar_split", tars::tar_split),
    ("tree", objects::tree),
];

/// The target of this name.
#[must_use]
pub fn target(name: &str) -> Option<Target> {
    TARGETS.iter().find(|(known, _)| *known == name).map(|(_, target)| *target)
}

/// Runs the target of this name.
///
/// # Panics
/// When there is none of this name, or when what must hold does not.
pub fn run(name: &str, bytes: &[u8]) {
    let target = target(name);
    assert!(target.is_some(), "no target is named {name}");
    if let Some(target) = target {
        target(bytes);
    }
}

/// Splits a number in two bytes, little-endian, off the front.
fn number(bytes: &[u8]) -> (usize, &[u8]) {
    match bytes.split_first_chunk::<2>() {
        Some((number, rest)) => (usize::from(u16::from_le_bytes(*number)), rest),
        None => (0, bytes),
    }
}
