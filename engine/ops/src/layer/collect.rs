//! The members of one layer, gathered to be compared.

use dtrvault_codec::{MemberSink, TarEntry};
use dtrvault_format::Digest;
use dtrvault_repo::read::Reader;

use super::open::{LayerTar, ListError};
use super::record::Record;
use super::sorted::{Sorted, Sorter};
use crate::context::Context;
use crate::error::Result;

/// Each of two layers takes this share of the budget for rows.
const BUDGET_SHARE: usize = 4;

/// Members by their place in the tar.
#[derive(Default)]
pub(super) struct Places(Vec<u64>);

impl Places {
    pub(super) fn add(&mut self, number: u64) {
        let word = usize::try_from(number / 64).unwrap_or(usize::MAX);
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        if let Some(word) = self.0.get_mut(word) {
            *word |= 1 << (number % 64);
        }
    }

    fn has(&self, number: u64) -> bool {
        let word = usize::try_from(number / 64).ok().and_then(|word| self.0.get(word));
        word.is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Lists a layer. Contents are read of the members in `wanted`, and of all where they cannot be passed over.
pub(super) fn collect(
    reader: &Reader,
    digest: &Digest,
    wanted: &Places,
    context: &Context,
) -> Result<Sorted> {
    let tar = LayerTar::open(reader, digest, context)?;
    let repo = reader.repo();
    let mut collector = Collector {
        sorter: Sorter::new(repo.cache_dir(), repo.options().rows_memory_bytes / BUDGET_SHARE),
        current: None,
        sum: blake3::Hasher::new(),
        number: 0,
        reads_all: !tar.skips,
        wanted,
        context,
    };
    tar.list(&mut collector)?;
    collector.end()?;
    Ok(collector.sorter.finish())
}

struct Collector<'a> {
    sorter: Sorter,
    current: Option<Record>,
    /// Of the current member's contents.
    sum: blake3::Hasher,
    number: u64,
    reads_all: bool,
    wanted: &'a Places,
    context: &'a Context,
}

impl Collector<'_> {
    /// Ends the current member.
    fn end(&mut self) -> Result<()> {
        let Some(mut record) = self.current.take() else { return Ok(()) };
        record.content = self.sum.finalize().into();
        self.sum.reset();
        self.sorter.push(record)
    }
}

impl MemberSink for Collector<'_> {
    type Error = ListError;

    fn member(&mut self, entry: TarEntry) -> std::result::Result<bool, ListError> {
        self.context.proceed()?;
        self.end()?;
        let number = self.number;
        self.current = Some(Record::new(&entry, number));
        self.number += 1;
        Ok(self.reads_all || self.wanted.has(number))
    }

    fn content(&mut self, bytes: &[u8]) -> std::result::Result<(), ListError> {
        self.context.proceed()?;
        self.sum.update(bytes);
        Ok(())
    }

    fn passed(&mut self) -> &mut blake3::Hasher {
        if let Some(record) = &mut self.current {
            record.is_read = false;
        }
        &mut self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_kept() {
        let mut places = Places::default();
        assert!(places.is_empty() && !places.has(0));
        [0, 63, 64, 1000].into_iter().for_each(|number| places.add(number));
        let found: Vec<u64> = (0..2000).filter(|number| places.has(*number)).collect();
        assert_eq!(found, [0, 63, 64, 1000]);
    }
}
