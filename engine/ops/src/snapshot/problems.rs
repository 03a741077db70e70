//! What could not be taken as it was: the first of it one by one, the rest counted.

use dtrvault_format::limits::{MAX_PROBLEMS, MAX_PROBLEMS_BYTES};
use dtrvault_format::{Problem, ProblemKind};

/// Problems of one run.
#[derive(Default)]
pub(super) struct Problems {
    list: Vec<Problem>,
    /// Lengths of the listed paths and details.
    bytes: usize,
    count: u64,
    incomplete: bool,
}

impl Problems {
    pub(super) fn add(&mut self, problem: Problem) {
        self.count += 1;
        self.incomplete |= problem.kind.leaves_incomplete();
        let bytes = self.bytes + problem.path.len() + problem.detail.len();
        if self.list.len() < MAX_PROBLEMS && bytes <= MAX_PROBLEMS_BYTES {
            self.bytes = bytes;
            self.list.push(problem);
        }
    }

    pub(super) fn note(&mut self, kind: ProblemKind, path: &[u8], detail: impl Into<String>) {
        self.add(Problem { path: path.to_vec(), kind, detail: detail.into() });
    }

    /// Takes what another collection holds.
    pub(super) fn absorb(&mut self, other: Self) {
        let unlisted = other.count - other.list.len() as u64;
        self.incomplete |= other.incomplete;
        other.list.into_iter().for_each(|problem| self.add(problem));
        self.count += unlisted;
    }

    /// Whether the snapshot is complete, the problems, and how many there were.
    pub(super) fn into_parts(self) -> (bool, Vec<Problem>, u64) {
        (!self.incomplete, self.list, self.count)
    }
}
