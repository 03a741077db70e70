//! What could not be taken as it was: the first of it one by one, the rest counted.

use dtrvault_format::limits::MAX_PROBLEMS;
use dtrvault_format::{Problem, ProblemKind};

/// Problems of one run.
#[derive(Default)]
pub(super) struct Problems {
    list: Vec<Problem>,
    count: u64,
    incomplete: bool,
}

impl Problems {
    pub(super) fn add(&mut self, problem: Problem) {
        self.count += 1;
        self.incomplete |= problem.kind.leaves_incomplete();
        if self.list.len() < MAX_PROBLEMS {
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
