//! Members of a layer by path, however many there are: sorted in memory up to a budget, beyond it in runs of a
//! file that has no name.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::io::{self, BufReader, Read};
use std::ops::Range;
use std::path::PathBuf;

use dtrvault_codec::rows::Spill;

use super::record::Record;
use crate::content::Spool;
use crate::error::{OpsError, Result};

/// What a record takes in memory beside its path, bytes.
const RECORD_BYTES: usize = size_of::<Record>() + 16;
/// How much of each run is read at once, bytes.
const BUFFER_BYTES: usize = 32 << 10;
/// Records are written in pieces of this length, bytes.
const PIECE_BYTES: usize = 256 << 10;

/// Takes records in any order.
pub(super) struct Sorter {
    memory: Vec<Record>,
    memory_bytes: usize,
    budget_bytes: usize,
    spool: Spool,
    runs: Vec<Range<u64>>,
    end: u64,
}

/// Records by path.
pub(super) struct Sorted {
    memory: Vec<Record>,
    spool: Spool,
    runs: Vec<Range<u64>>,
}

impl Sorter {
    /// An empty one, whose file would stand in `dir`.
    pub(super) fn new(dir: PathBuf, budget_bytes: usize) -> Self {
        let spool = Spool::new(dir, 0);
        Self { memory: Vec::new(), memory_bytes: 0, budget_bytes, spool, runs: Vec::new(), end: 0 }
    }

    pub(super) fn push(&mut self, record: Record) -> Result<()> {
        self.memory_bytes += RECORD_BYTES + record.path.len();
        self.memory.push(record);
        if self.memory_bytes > self.budget_bytes { self.spill().map_err(failed) } else { Ok(()) }
    }

    /// Moves what is in memory into a run of the file.
    fn spill(&mut self) -> io::Result<()> {
        self.memory.sort_unstable_by(Record::order);
        let start = self.end;
        let mut piece = Vec::new();
        let mut write = |piece: &mut Vec<u8>| {
            self.end += piece.len() as u64;
            self.spool.append(piece)?;
            piece.clear();
            io::Result::Ok(())
        };
        for record in self.memory.drain(..) {
            record.encode(&mut piece);
            if piece.len() >= PIECE_BYTES {
                write(&mut piece)?;
            }
        }
        write(&mut piece)?;
        self.runs.push(start..self.end);
        self.memory_bytes = 0;
        Ok(())
    }

    pub(super) fn finish(mut self) -> Sorted {
        self.memory.sort_unstable_by(Record::order);
        Sorted { memory: self.memory, spool: self.spool, runs: self.runs }
    }
}

impl Sorted {
    /// The records by path, of each path the last one of the tar. May be asked for again.
    pub(super) fn records(&self) -> Result<Records<'_>> {
        let runs = self.runs.iter().map(|run| {
            let part = Part { spool: &self.spool, left: run.clone() };
            Run::File(BufReader::with_capacity(BUFFER_BYTES, part))
        });
        let runs = runs.chain([Run::Memory(self.memory.iter())]).collect();
        let mut records = Records { runs, heads: BinaryHeap::new() };
        for run in 0..records.runs.len() {
            records.refill(run)?;
        }
        Ok(records)
    }
}

/// A part of the file.
struct Part<'a> {
    spool: &'a Spool,
    left: Range<u64>,
}

impl Read for Part<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.left.end - self.left.start).unwrap_or(usize::MAX);
        let count = left.min(out.len());
        self.spool.read_at(self.left.start, out.get_mut(..count).unwrap_or_default())?;
        self.left.start += count as u64;
        Ok(count)
    }
}

enum Run<'a> {
    File(BufReader<Part<'a>>),
    Memory(std::slice::Iter<'a, Record>),
}

/// The next record of a run.
struct Head {
    record: Record,
    run: usize,
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        self.record.order(&other.record)
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Head {}

/// Records in order.
pub(super) struct Records<'a> {
    runs: Vec<Run<'a>>,
    heads: BinaryHeap<Reverse<Head>>,
}

impl Records<'_> {
    fn refill(&mut self, run: usize) -> Result<()> {
        let next = match self.runs.get_mut(run) {
            Some(Run::File(file)) => Record::decode(file).map_err(failed)?,
            Some(Run::Memory(records)) => records.next().cloned(),
            None => None,
        };
        self.heads.extend(next.map(|record| Reverse(Head { record, run })));
        Ok(())
    }

    fn pop(&mut self) -> Result<Option<Record>> {
        let Some(Reverse(Head { record, run })) = self.heads.pop() else { return Ok(None) };
        self.refill(run)?;
        Ok(Some(record))
    }

    /// The last record of the next path; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Record>> {
        let mut last = self.pop()?;
        while let (Some(record), Some(Reverse(next))) = (&last, self.heads.peek())
            && record.path == next.record.path
        {
            last = self.pop()?;
        }
        Ok(last)
    }
}

fn failed(error: io::Error) -> OpsError {
    OpsError::from_io(error, OpsError::Cache)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::layer::record::record;

    #[test]
    fn records_are_sorted_in_memory_and_in_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = |number: u64| format!("{}/{}", number * 7919 % 10, number * 31 % 50);
        for budget in [0, 1000, 1 << 20] {
            let mut sorter = Sorter::new(dir.path().to_owned(), budget);
            for number in 0..200 {
                sorter.push(record(&path(number), number)).unwrap();
            }
            let sorted = sorter.finish();
            assert_eq!(sorted.runs.is_empty(), budget == 1 << 20);
            for _ in 0..2 {
                let mut records = sorted.records().unwrap();
                let mut found = Vec::new();
                while let Some(record) = records.next().unwrap() {
                    found.push(record);
                }
                assert!(found.is_sorted_by(|one, other| one.order(other).is_lt()));
                assert_eq!(found.len(), 50);
                // Of one path the last.
                assert!(found.iter().all(|record| record.number >= 150), "{found:?}");
            }
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
