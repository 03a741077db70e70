//! The map as it stands in the cache: read into memory when it is short, else page by page.

use std::fs::File;
use std::io;

use dtrvault_codec::ListEntry;
use dtrvault_crypto::KeyRing;
use dtrvault_format::RowId;
use dtrvault_format::stream::LIST_ENTRY_BYTES;

use super::pages::{self, Header, PAGE_BYTES, Page, STORED_BYTES};
use super::runs::{ENTRY_BYTES, Entry, of_bytes};

/// Entries on a page.
pub(super) const IDS_PER_PAGE: usize = PAGE_BYTES / ENTRY_BYTES;
/// Entries of a list on a page.
pub(super) const CHUNKS_PER_PAGE: usize = PAGE_BYTES / LIST_ENTRY_BYTES;

/// A map that is whole.
pub(super) struct Map {
    ring: KeyRing,
    file: File,
    pub(super) header: Header,
    /// The first eight bytes of each page's first id.
    fences: Vec<u64>,
    /// Pages of ids, when they are few enough.
    memory: Option<Vec<Page>>,
}

fn corrupt(detail: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, detail)
}

fn pages_of(entries: u64, per_page: usize) -> u64 {
    entries.div_ceil(per_page as u64)
}

fn front(id: &[u8]) -> u64 {
    id.first_chunk().map_or(0, |front| u64::from_be_bytes(*front))
}

impl Map {
    /// Reads the whole file once, and holds every page against its tag. Pages of ids are kept
    /// when they take no more than `budget_bytes`.
    pub(super) fn open(ring: &KeyRing, file: File, budget_bytes: usize) -> io::Result<Self> {
        let header = Header::of_page(&pages::read(ring, &file, None, 0)?);
        let header = header.ok_or_else(|| corrupt("its header is malformed"))?;
        let id_pages = pages_of(header.ids, IDS_PER_PAGE);
        let pages = 1 + id_pages + pages_of(header.chunks, CHUNKS_PER_PAGE);
        if header.ids > u64::from(header.rows) || file.metadata()?.len() != pages * STORED_BYTES as u64 {
            return Err(corrupt("it has another length than its header says"));
        }
        let in_memory = id_pages.saturating_mul(PAGE_BYTES as u64) <= budget_bytes as u64;
        let mut map =
            Self { ring: ring.clone(), file, header, fences: Vec::new(), memory: in_memory.then(Vec::new) };
        for number in 1..pages {
            let page = pages::read(&map.ring, &map.file, Some(&map.header.nonce), number)?;
            if number <= id_pages {
                map.fences.push(front(&page));
                if let Some(memory) = &mut map.memory {
                    memory.push(page);
                }
            }
        }
        Ok(map)
    }

    fn page(&self, number: u64) -> io::Result<Page> {
        pages::read(&self.ring, &self.file, Some(&self.header.nonce), number)
    }

    /// The number of a row.
    pub(super) fn get(&self, id: &RowId) -> io::Result<Option<u32>> {
        let page = self.fences.partition_point(|&fence| fence <= front(id.as_bytes()));
        let Some(page) = page.checked_sub(1) else { return Ok(None) };
        match self.memory.as_ref().and_then(|pages| pages.get(page)) {
            Some(content) => Ok(self.search(content, page, id)),
            None => Ok(self.search(&self.page(1 + page as u64)?, page, id)),
        }
    }

    fn search(&self, content: &Page, page: usize, id: &RowId) -> Option<u32> {
        let left = usize::try_from(self.header.ids).unwrap_or(usize::MAX) - page * IDS_PER_PAGE;
        let (entries, _) = content.as_chunks::<ENTRY_BYTES>();
        let entries = entries.get(..left.min(IDS_PER_PAGE))?;
        let found = entries.binary_search_by(|entry| entry.split_at(RowId::LEN).0.cmp(id.as_bytes())).ok()?;
        let (_, number) = of_bytes(entries.get(found)?)?;
        (number < self.header.rows).then_some(number)
    }

    /// Every entry, sorted by id.
    pub(super) fn entries(&self) -> impl Iterator<Item = io::Result<Entry>> {
        let count = usize::try_from(self.header.ids).unwrap_or(usize::MAX);
        let pages = 1..=pages_of(self.header.ids, IDS_PER_PAGE);
        let entries = pages.flat_map(move |number| {
            let page = self.page(number);
            let (page, error) = match page {
                Ok(page) => (page, None),
                Err(error) => ([0; PAGE_BYTES], Some(Err(error))),
            };
            let taken = if error.is_some() { 0 } else { IDS_PER_PAGE };
            error.into_iter().chain((0..taken).filter_map(move |at| {
                let bytes = page.as_chunks::<ENTRY_BYTES>().0.get(at)?;
                of_bytes(bytes).map(Ok)
            }))
        });
        entries.take(count)
    }

    /// The chunks of the table, in order.
    pub(super) fn chunks(&self) -> impl Iterator<Item = io::Result<ListEntry>> {
        let count = usize::try_from(self.header.chunks).unwrap_or(usize::MAX);
        let first = 1 + pages_of(self.header.ids, IDS_PER_PAGE);
        let pages = first..first + pages_of(self.header.chunks, CHUNKS_PER_PAGE);
        let entries = pages.flat_map(move |number| {
            let entries: Vec<io::Result<ListEntry>> = match self.page(number) {
                Err(error) => vec![Err(error)],
                Ok(page) => {
                    let (entries, _) = page.as_chunks::<LIST_ENTRY_BYTES>();
                    let decoded = entries.iter().map(ListEntry::decode);
                    // Behind the last one stand zeros, which are no entry.
                    decoded.map(|entry| entry.map_err(|_| corrupt("a chunk's entry is malformed"))).collect()
                }
            };
            entries
        });
        entries.take(count)
    }
}
