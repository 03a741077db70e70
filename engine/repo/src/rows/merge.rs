//! Writes a map: sorted entries from many places, then the chunks of the table.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};

use dtrvault_crypto::KeyRing;
use dtrvault_format::stream::LIST_ENTRY_BYTES;

use super::map::{CHUNKS_PER_PAGE, IDS_PER_PAGE};
use super::pages::{self, Header, PAGE_BYTES, STORED_BYTES};
use super::runs::{ENTRY_BYTES, Entry, to_bytes};

/// Entries from one place, sorted by id.
pub(super) type Sorted<'a> = Box<dyn Iterator<Item = io::Result<Entry>> + 'a>;

/// All entries of `places` in order; of one id the lowest number.
struct Merged<'a> {
    places: Vec<Sorted<'a>>,
    heads: BinaryHeap<Reverse<(Entry, usize)>>,
}

impl<'a> Merged<'a> {
    fn new(places: Vec<Sorted<'a>>) -> io::Result<Self> {
        let mut merged = Self { places, heads: BinaryHeap::new() };
        for place in 0..merged.places.len() {
            merged.refill(place)?;
        }
        Ok(merged)
    }

    fn refill(&mut self, place: usize) -> io::Result<()> {
        if let Some(entry) = self.places.get_mut(place).and_then(Iterator::next) {
            self.heads.push(Reverse((entry?, place)));
        }
        Ok(())
    }

    fn next(&mut self) -> io::Result<Option<Entry>> {
        let Some(Reverse((entry, place))) = self.heads.pop() else { return Ok(None) };
        self.refill(place)?;
        while let Some(Reverse(((id, _), place))) = self.heads.peek()
            && *id == entry.0
        {
            let place = *place;
            self.heads.pop();
            self.refill(place)?;
        }
        Ok(Some(entry))
    }
}

struct Pages<'a> {
    ring: &'a KeyRing,
    nonce: [u8; 16],
    out: BufWriter<&'a File>,
    number: u64,
    page: Vec<u8>,
}

impl Pages<'_> {
    fn add(&mut self, entry: &[u8], per_page: usize) -> io::Result<()> {
        self.page.extend_from_slice(entry);
        if self.page.len() >= per_page * entry.len() { self.end() } else { Ok(()) }
    }

    /// Ends the page, unless it is empty.
    fn end(&mut self) -> io::Result<()> {
        if self.page.is_empty() {
            return Ok(());
        }
        let mut page = [0; PAGE_BYTES];
        for (to, from) in page.iter_mut().zip(self.page.drain(..)) {
            *to = from;
        }
        self.out.write_all(&pages::sealed(self.ring, &self.nonce, self.number, &page))?;
        self.number += 1;
        Ok(())
    }
}

/// Writes the map into `file`, which is empty. `list` holds the entries of the table's list.
/// The header's counts are those of what was written.
pub(super) fn write(
    ring: &KeyRing,
    file: &File,
    mut header: Header,
    places: Vec<Sorted<'_>>,
    list: &mut File,
) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(256 << 10, file);
    out.seek(SeekFrom::Start(STORED_BYTES as u64))?;
    let mut pages = Pages { ring, nonce: header.nonce, out, number: 1, page: Vec::new() };
    let mut merged = Merged::new(places)?;
    header.ids = 0;
    while let Some(entry) = merged.next()? {
        let bytes: [u8; ENTRY_BYTES] = to_bytes(entry);
        pages.add(&bytes, IDS_PER_PAGE)?;
        header.ids += 1;
    }
    pages.end()?;
    list.rewind()?;
    header.chunks = list.metadata()?.len() / LIST_ENTRY_BYTES as u64;
    let mut list = BufReader::new(list);
    for _ in 0..header.chunks {
        let mut entry = [0; LIST_ENTRY_BYTES];
        list.read_exact(&mut entry)?;
        pages.add(&entry, CHUNKS_PER_PAGE)?;
    }
    pages.end()?;
    pages.out.rewind()?;
    // Last, so that what was cut short has no header.
    pages.out.write_all(&pages::sealed(ring, &header.nonce, 0, &header.to_page()))?;
    pages.out.flush()
}
