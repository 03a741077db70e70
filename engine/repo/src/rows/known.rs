//! The rows that are known while a tar is taken: those of the map, and those that came since.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::sync::{Arc, Mutex, PoisonError};

use dtrvault_codec::ListEntry;
use dtrvault_crypto::KeyRing;
use dtrvault_format::limits::MAX_TABLE_ROWS;
use dtrvault_format::{RowId, StreamRef};

use super::map::Map;
use super::merge::{self, Sorted};
use super::pages::Header;
use super::place::{self, Place};
use super::runs::{Entry, Run};
use crate::error::{RepoError, Result};
use crate::repository::Repository;
use crate::write::{Class, Session, StreamWriter};

/// New rows that are kept in memory; what comes after is sorted into a file. The most that a
/// hash table of 2^20 places holds.
const FRESH_ROWS: usize = 900_000;

/// Entries of a list, gathered in a file while the stream is written.
type List = Arc<Mutex<Option<io::Result<BufWriter<File>>>>>;

/// Numbers of rows by their content.
///
/// Rows that were new are found again as long as they are in memory; in a tar of millions of new
/// rows one that comes twice may get two numbers, which costs its bytes and nothing else.
pub struct KnownRows {
    ring: KeyRing,
    place: Place,
    budget_bytes: usize,
    map: Option<Map>,
    /// The map is of a name that is only like this source's.
    is_guess: bool,
    fresh: HashMap<RowId, u32>,
    runs: Vec<Run>,
    /// What went wrong with the cache: nothing is kept then.
    failed: Option<io::Error>,
    list: List,
    /// Rows of the table, also the number of the next one.
    rows: u32,
    /// A bit for each row of the table: whether this tar needs it.
    needed: Vec<u64>,
    used: u32,
}

impl Repository {
    /// Whether two names of metadata streams are probably those of one source at two times.
    #[must_use]
    pub fn is_same_source(one: &str, other: &str) -> bool {
        place::same_family(one, other)
    }

    /// The rows that the cache knows of a source; and why a map that was there was discarded.
    #[must_use]
    pub fn known_rows(&self, host: &str, name: &str) -> (KnownRows, Option<io::Error>) {
        let mut known = KnownRows::none(self, host, name);
        let Some((path, is_own)) = known.place.find() else { return (known, None) };
        match File::open(&path).and_then(|file| Map::open(self.ring(), file, known.budget_bytes)) {
            Ok(map) => {
                known.rows = map.header.rows;
                known.map = Some(map);
                known.is_guess = !is_own;
                (known, None)
            }
            Err(error) => {
                known.place.discard(&path);
                (known, Some(error))
            }
        }
    }
}

impl KnownRows {
    /// No row is known.
    #[must_use]
    pub fn none(repo: &Repository, host: &str, name: &str) -> Self {
        Self {
            ring: repo.ring().clone(),
            place: Place::new(&repo.cache_dir(), host, name),
            budget_bytes: repo.options().rows_memory_bytes,
            map: None,
            is_guess: false,
            fresh: HashMap::new(),
            runs: Vec::new(),
            failed: None,
            list: List::default(),
            rows: 0,
            needed: Vec::new(),
            used: 0,
        }
    }

    /// The table that the map is of: its stream, its rows, and how many of them its tar needed.
    #[must_use]
    pub fn mapped_table(&self) -> Option<(StreamRef, u32, u32)> {
        self.map.as_ref().map(|map| (map.header.table, map.header.rows, map.header.used))
    }

    /// Whether the map is not this source's, but of a name that is like it.
    #[must_use]
    pub fn is_guess(&self) -> bool {
        self.is_guess
    }

    /// Whether a row is known; it is not counted as needed.
    #[must_use]
    pub fn knows(&self, id: &RowId) -> bool {
        self.fresh.contains_key(id) || self.map.as_ref().is_some_and(|map| matches!(map.get(id), Ok(Some(_))))
    }

    /// Whether every chunk of the mapped table is still to be had.
    ///
    /// # Errors
    /// Those of the index. A map that cannot be read is one of no use.
    pub fn is_table_held(&self, session: &Session) -> Result<bool> {
        for entry in self.map.iter().flat_map(Map::chunks) {
            match entry {
                Ok(entry) if session.holds(&entry.id)? => {}
                _ => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Begins the table's stream. It goes on from `chunks`, or from the mapped table where
    /// there are none.
    ///
    /// # Errors
    /// Those of the session.
    pub fn begin_table(
        &mut self,
        session: &Session,
        chunks: Option<&mut dyn Iterator<Item = Result<ListEntry>>>,
    ) -> Result<StreamWriter> {
        let list = self.place.spare().map(|file| BufWriter::with_capacity(64 << 10, file));
        self.list = Arc::new(Mutex::new(Some(list)));
        let mut stream = session.stream(Class::Fine);
        let log = Arc::clone(&self.list);
        stream.set_log(Box::new(move |entry| {
            let mut list = log.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(Ok(file)) = &mut *list
                && let Err(error) = file.write_all(entry)
            {
                *list = Some(Err(error));
            }
        }));
        match chunks {
            Some(chunks) => {
                for entry in chunks {
                    stream.add_stored(entry?)?;
                }
            }
            None => {
                for entry in self.map.iter().flat_map(Map::chunks) {
                    let entry =
                        entry.map_err(|_| RepoError::DamagedStream { detail: "its map is damaged" })?;
                    stream.add_stored(entry)?;
                }
            }
        }
        Ok(stream)
    }

    /// Takes in a row of a table that is read from its start: it gets the next number.
    pub fn learn(&mut self, row: &[u8]) {
        let id = self.ring.row_id(row);
        self.insert(id);
    }

    /// Makes everything that was learned to be found: rows above what memory holds stand in
    /// runs, which are only merged. `table` is what they were learned from.
    ///
    /// # Errors
    /// When the cache cannot be written. Only a part is known then.
    pub fn settle(&mut self, table: StreamRef) -> io::Result<()> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        if self.runs.is_empty() {
            return Ok(());
        }
        let file = self.place.spare()?;
        self.merge_into(&file, table, &mut self.place.spare()?)?;
        self.map = Some(Map::open(&self.ring, file, self.budget_bytes)?);
        Ok(())
    }

    /// Writes all that is known into an empty file; what came since the map was made is forgotten.
    fn merge_into(&mut self, file: &File, table: StreamRef, list: &mut File) -> io::Result<()> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(io::Error::other)?;
        let header = Header { nonce, table, rows: self.rows, used: self.used, ids: 0, chunks: 0 };
        let fresh = self.sorted_fresh();
        let mut places: Vec<Sorted<'_>> = vec![Box::new(fresh.into_iter().map(Ok))];
        if let Some(map) = &self.map {
            places.push(Box::new(map.entries()));
        }
        for run in std::mem::take(&mut self.runs) {
            places.push(Box::new(run.entries()?));
        }
        merge::write(&self.ring, file, header, places, list)
    }

    /// The name of a row.
    #[must_use]
    pub fn row_id(&self, row: &[u8]) -> RowId {
        self.ring.row_id(row)
    }

    /// The number of a row that is known, which is counted as needed.
    pub fn find(&mut self, id: &RowId) -> Option<u32> {
        let number = match self.fresh.get(id) {
            Some(number) => Some(*number),
            None => match self.map.as_ref().map(|map| map.get(id)) {
                None => None,
                Some(Ok(number)) => number,
                // Unknown rows are stored again: right, if not cheap.
                Some(Err(error)) => {
                    self.failed.get_or_insert(error);
                    None
                }
            },
        };
        if let Some(number) = number {
            self.need(number);
        }
        number
    }

    /// Gives a row that is not known its number, which is counted as needed; none when the
    /// table is full.
    pub fn add(&mut self, id: RowId) -> Option<u32> {
        if self.rows >= MAX_TABLE_ROWS {
            return None;
        }
        let number = self.insert(id);
        self.need(number);
        Some(number)
    }

    fn insert(&mut self, id: RowId) -> u32 {
        let number = self.rows;
        self.rows = self.rows.saturating_add(1);
        self.fresh.entry(id).or_insert(number);
        if self.fresh.len() >= FRESH_ROWS {
            let entries = self.sorted_fresh();
            if self.failed.is_none() {
                match self.place.spare().and_then(|file| Run::write(file, &entries)) {
                    Ok(run) => self.runs.push(run),
                    Err(error) => self.failed = Some(error),
                }
            }
        }
        number
    }

    fn sorted_fresh(&mut self) -> Vec<Entry> {
        let mut entries: Vec<Entry> = self.fresh.drain().collect();
        entries.sort_unstable();
        entries
    }

    fn need(&mut self, number: u32) {
        let (word, bit) = (number as usize / 64, 1 << (number % 64));
        if self.needed.len() <= word {
            self.needed.resize(word + 1, 0);
        }
        if let Some(word) = self.needed.get_mut(word)
            && *word & bit == 0
        {
            *word |= bit;
            self.used += 1;
        }
    }

    /// Rows of the table.
    #[must_use]
    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// Rows that were needed.
    #[must_use]
    pub fn used(&self) -> u32 {
        self.used
    }

    /// Writes the map for the next run: `table` is what was begun by [`KnownRows::begin_table`].
    /// Only to be done when a snapshot needs that table.
    ///
    /// # Errors
    /// When the cache cannot be written; the map that was there stays then.
    pub fn keep(mut self, table: StreamRef) -> io::Result<()> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let list = self.list.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(list) = list.transpose()? else { return Ok(()) };
        let mut list = list.into_inner().map_err(io::IntoInnerError::into_error)?;
        self.place.clone().replace(|file| self.merge_into(file, table, &mut list))
    }
}
