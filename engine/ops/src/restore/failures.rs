//! What a restore could not give back: counted always, listed as far as memory goes.

use std::collections::HashSet;

use dtrvault_format::tree::path_as_text;

/// Longest paths and reasons of all listed failures together, bytes: a snapshot may name millions
/// of files that nobody can make, each by a path of 64 KiB.
const MAX_LISTED_BYTES: usize = 8 << 20;

/// Something that could not be restored.
#[derive(Debug, serde::Serialize)]
pub struct FailedPath {
    /// Its path.
    #[serde(serialize_with = "path_as_text")]
    pub path: Vec<u8>,
    /// Why.
    pub reason: String,
    /// It is damaged in the repository.
    pub damaged: bool,
}

/// All that could not be restored.
#[derive(Debug, Default, serde::Serialize)]
pub struct Failures {
    listed: Vec<FailedPath>,
    #[serde(skip)]
    listed_bytes: usize,
    count: u64,
    damaged: u64,
    /// Digests of the paths, where hard links may ask for them.
    #[serde(skip)]
    paths: Option<HashSet<[u8; 16]>>,
}

impl Failures {
    /// Failures that can be asked for by their paths.
    pub(super) fn by_path() -> Self {
        Self { paths: Some(HashSet::new()), ..Self::default() }
    }

    /// One more.
    pub fn add(&mut self, failed: FailedPath) {
        self.count += 1;
        self.damaged += u64::from(failed.damaged);
        if let Some(paths) = &mut self.paths {
            paths.insert(short_hash(&failed.path));
        }
        self.listed_bytes = self.listed_bytes.saturating_add(failed.path.len() + failed.reason.len());
        if self.listed_bytes <= MAX_LISTED_BYTES {
            self.listed.push(failed);
        }
    }

    /// Whether the file at `path` is among them.
    pub(super) fn has(&self, path: &[u8]) -> bool {
        self.paths.as_ref().is_some_and(|paths| paths.contains(&short_hash(path)))
    }

    /// The first of them.
    #[must_use]
    pub fn listed(&self) -> &[FailedPath] {
        &self.listed
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How many of them are damaged in the repository.
    #[must_use]
    pub fn damaged(&self) -> u64 {
        self.damaged
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

fn short_hash(path: &[u8]) -> [u8; 16] {
    let mut short = [0; 16];
    blake3::Hasher::new().update(path).finalize_xof().fill(&mut short);
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_ends_and_the_count_goes_on() {
        let mut failures = Failures::by_path();
        for number in 0..1000_u32 {
            let path = [&number.to_be_bytes()[..], &[b'x'; 60_000]].concat();
            failures.add(FailedPath { path, reason: String::new(), damaged: number % 2 == 0 });
        }
        assert!(failures.listed().len() < 150, "{}", failures.listed().len());
        assert_eq!((failures.count(), failures.damaged()), (1000, 500));
        assert!(failures.has(&[&999_u32.to_be_bytes()[..], &[b'x'; 60_000]].concat()));
        assert!(!failures.has(b"x"));
    }
}
