//! The verbs, one a file: arguments, call, result.

pub(crate) mod cat;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod diff;
pub(crate) mod dtr;
pub(crate) mod export;
pub(crate) mod init;
pub(crate) mod key;
pub(crate) mod ls;
pub(crate) mod man;
pub(crate) mod optimize;
pub(crate) mod rebuild_index;
pub(crate) mod restore;
pub(crate) mod snapshot;
pub(crate) mod snapshots;
pub(crate) mod stats;

use clap::ValueEnum;

/// A part of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PartArg {
    /// The metadata stream
    Metadata,
    /// The image content
    Images,
}

/// Some items of a list on standard error are enough; the rest is counted.
const LISTED: usize = 20;

/// The first items as warnings, and how many more there are.
fn warn_some<T>(total: u64, items: &[T], line: impl Fn(&T) -> String) {
    for item in items.iter().take(LISTED) {
        crate::progress::say("warning", &line(item));
    }
    let more = total.saturating_sub(items.len().min(LISTED) as u64);
    if more > 0 {
        crate::progress::say("warning", &format!("and {} more", crate::render::grouped(more)));
    }
}
