//! Chunks that recipes need, gathered to be looked up in the order of the index: in memory
//! while they are few, then in a file, split by the first byte of their ids.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::index::ShortId;

/// A chunk, and the number of the stream that needs it.
pub(super) type Need = (ShortId, u32);

/// Length of a need in the file, bytes.
const NEED_BYTES: usize = size_of::<ShortId>() + 4;
/// So many are kept in memory, 24 MiB of them.
const MEMORY_NEEDS: usize = 1 << 20;
/// The file is not made longer than by so many needs: 1 GiB.
const MOST_NEEDS: usize = 44 << 20;

/// Gathers needs.
pub(super) struct Needs {
    recent: Vec<Need>,
    file: Option<File>,
    /// For each first byte of an id, where in the file needs of it stand: offset and length,
    /// bytes.
    parts: Vec<Vec<(u64, usize)>>,
    end: u64,
    count: usize,
}

impl Needs {
    pub(super) fn new() -> Self {
        Self { recent: Vec::new(), file: None, parts: vec![Vec::new(); 256], end: 0, count: 0 }
    }

    /// Adds a need. The file, when there is one, is in `dir` and has no name.
    pub(super) fn push(&mut self, need: Need, dir: &Path) -> io::Result<()> {
        self.recent.push(need);
        self.count += 1;
        if self.recent.len() >= MEMORY_NEEDS { self.spill(dir) } else { Ok(()) }
    }

    /// Whether it is time to look them up.
    pub(super) fn is_full(&self) -> bool {
        self.count >= MOST_NEEDS
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
        for needs in self.recent.chunk_by(|(a, _), (b, _)| a.first() == b.first()) {
            bytes.clear();
            for (id, stream) in needs {
                bytes.extend_from_slice(id);
                bytes.extend_from_slice(&stream.to_le_bytes());
            }
            file.write_all(&bytes)?;
            let first = needs.first().and_then(|(id, _)| id.first()).copied().unwrap_or_default();
            if let Some(part) = self.parts.get_mut(usize::from(first)) {
                part.push((self.end, bytes.len()));
            }
            self.end += bytes.len() as u64;
        }
        self.recent.clear();
        self.file = Some(file);
        Ok(())
    }

    /// All that were added, in parts that together are in order: each is sorted, and ids of
    /// one begin with other bytes than those of the next. `None` for a part beyond the last.
    pub(super) fn part(&self, number: usize) -> Option<io::Result<Vec<Need>>> {
        let Some(file) = &self.file else {
            return (number == 0).then(|| Ok(sorted(self.recent.clone())));
        };
        Some(
            self.parts
                .get(number)?
                .iter()
                .try_fold(Vec::new(), |mut needs, (offset, len)| {
                    let mut bytes = vec![0; *len];
                    file.read_exact_at(&mut bytes, *offset)?;
                    needs.extend(bytes.chunks_exact(NEED_BYTES).filter_map(|need| {
                        let (id, stream) = need.split_first_chunk()?;
                        Some((*id, u32::from_le_bytes(stream.try_into().ok()?)))
                    }));
                    Ok(needs)
                })
                .map(sorted),
        )
    }

    /// Makes all of them available through [`Needs::part`].
    pub(super) fn settle(&mut self, dir: &Path) -> io::Result<()> {
        if self.file.is_some() { self.spill(dir) } else { Ok(()) }
    }

    /// How many parts there are.
    pub(super) fn parts(&self) -> usize {
        if self.file.is_some() { self.parts.len() } else { 1 }
    }
}

fn sorted(mut needs: Vec<Need>) -> Vec<Need> {
    needs.sort_unstable();
    needs
}

/// A file that is gone when it is closed, or this process ends.
fn unnamed_file(dir: &Path) -> io::Result<File> {
    let path = dir.join(format!("needs.{}", std::process::id()));
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

    fn need(number: u32) -> Need {
        let hash = *blake3::hash(&number.to_le_bytes()).as_bytes();
        (*hash.first_chunk().unwrap(), number)
    }

    #[test]
    fn all_come_back_in_order_from_memory_and_from_a_file() {
        let dir = tempfile::tempdir().unwrap();
        for count in [0, 1, 1000, MEMORY_NEEDS as u32 + 5, 2 * MEMORY_NEEDS as u32 + 1000] {
            let mut needs = Needs::new();
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
