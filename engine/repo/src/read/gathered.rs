//! Records that gather to be gone through in order: in memory while they are few, then in a file,
//! split into parts.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Something that gathers. Lower parts come first in its order.
pub(super) trait Record: Copy + Ord {
    /// Its length in the file, bytes.
    const BYTES: usize;

    /// Which part it belongs to: as many to each, or parts do not fit into memory.
    fn part(&self) -> u8;

    /// Appends its bytes.
    fn encode(&self, out: &mut Vec<u8>);

    /// Reads it back.
    fn decode(bytes: &[u8]) -> Option<Self>;
}

/// So many are kept in memory, 24 MiB of them.
const MEMORY_RECORDS: usize = 1 << 20;

/// Gathers records.
pub(super) struct Gathered<T> {
    recent: Vec<T>,
    file: Option<File>,
    /// For each part, where in the file records of it stand: offset and length, bytes.
    parts: Vec<Vec<(u64, usize)>>,
    end: u64,
    count: usize,
}

impl<T: Record> Gathered<T> {
    pub(super) fn new() -> Self {
        Self { recent: Vec::new(), file: None, parts: vec![Vec::new(); 256], end: 0, count: 0 }
    }

    /// How many were added.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Adds a record. The file, when there is one, is in `dir` and has no name.
    pub(super) fn push(&mut self, record: T, dir: &Path) -> io::Result<()> {
        self.recent.push(record);
        self.count += 1;
        if self.recent.len() >= MEMORY_RECORDS { self.spill(dir) } else { Ok(()) }
    }

    /// Moves what is in memory into the file.
    fn spill(&mut self, dir: &Path) -> io::Result<()> {
        let mut file = match self.file.take() {
            Some(file) => file,
            None => unnamed_file(dir)?,
        };
        self.recent.sort_unstable();
        file.seek(SeekFrom::Start(self.end))?;
        let mut bytes = Vec::new();
        for records in self.recent.chunk_by(|a, b| a.part() == b.part()) {
            bytes.clear();
            records.iter().for_each(|record| record.encode(&mut bytes));
            file.write_all(&bytes)?;
            let part = records.first().map(T::part).unwrap_or_default();
            if let Some(part) = self.parts.get_mut(usize::from(part)) {
                part.push((self.end, bytes.len()));
            }
            self.end += bytes.len() as u64;
        }
        self.recent.clear();
        self.file = Some(file);
        Ok(())
    }

    /// All that were added, in parts that together are in order. `None` for a part beyond the last.
    pub(super) fn part(&self, number: usize) -> Option<io::Result<Vec<T>>> {
        let Some(file) = &self.file else {
            return (number == 0).then(|| Ok(sorted(self.recent.clone())));
        };
        Some(
            self.parts
                .get(number)?
                .iter()
                .try_fold(Vec::new(), |mut records, (offset, len)| {
                    let mut bytes = vec![0; *len];
                    file.read_exact_at(&mut bytes, *offset)?;
                    records.extend(bytes.chunks_exact(T::BYTES).filter_map(T::decode));
                    Ok(records)
                })
                .map(sorted),
        )
    }

    /// Makes all of them available through [`Gathered::part`].
    pub(super) fn settle(&mut self, dir: &Path) -> io::Result<()> {
        if self.file.is_some() { self.spill(dir) } else { Ok(()) }
    }

    /// How many parts there are.
    pub(super) fn parts(&self) -> usize {
        if self.file.is_some() { self.parts.len() } else { 1 }
    }
}

fn sorted<T: Ord>(mut records: Vec<T>) -> Vec<T> {
    records.sort_unstable();
    records
}

/// A file that is gone when it is closed, or this process ends.
fn unnamed_file(dir: &Path) -> io::Result<File> {
    let path = dir.join(format!("gathered.{}", std::process::id()));
    let file = File::options().create_new(true).read(true).write(true).open(&path).or_else(|error| {
        // Left by a process of the same number that was killed at this very point.
        if error.kind() != io::ErrorKind::AlreadyExists {
            return Err(error);
        }
        std::fs::remove_file(&path)?;
        File::options().create_new(true).read(true).write(true).open(&path)
    })?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::read::need::Need;

    fn need(number: u32) -> Need {
        let hash = *blake3::hash(&number.to_le_bytes()).as_bytes();
        (*hash.first_chunk().unwrap(), number)
    }

    #[test]
    fn all_come_back_in_order_from_memory_and_from_a_file() {
        let dir = tempfile::tempdir().unwrap();
        for count in [0, 1, 1000, MEMORY_RECORDS as u32 + 5, 2 * MEMORY_RECORDS as u32 + 1000] {
            let mut needs = Gathered::new();
            let mut expected: Vec<Need> = (0..count).map(need).collect();
            for need in &expected {
                needs.push(*need, dir.path()).unwrap();
            }
            needs.settle(dir.path()).unwrap();
            expected.sort_unstable();
            let found = (0..needs.parts()).flat_map(|part| needs.part(part).unwrap().unwrap());
            assert!(found.eq(expected), "{count}");
            assert!(needs.part(needs.parts()).is_none());
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
