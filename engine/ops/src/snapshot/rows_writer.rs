//! Storing a tar by rows: the caller's thread labels the bytes, another one looks rows up and
//! writes columns and table.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use dtrvault_codec::TarReport;
use dtrvault_codec::rows::{Batch, ColumnsWriter, Part, TableReader, TarLabels, write_row};
use dtrvault_format::Recipe;
use dtrvault_repo::rows::KnownRows;
use dtrvault_repo::write::{Class, Session, StreamWriter};

use super::known_rows::Start;
use crate::error::{OpsError, Result};
use crate::proof::{Described, RowWatch};

/// The tar is handed on in stretches of about so many bytes.
const BATCH_BYTES: usize = 4 << 20;
/// Length of a header, bytes.
const HEADER_BYTES: usize = 512;
/// Stretches that wait.
const WAITING: usize = 2;

/// Takes a tar's bytes.
pub(super) struct RowsWriter {
    labels: TarLabels,
    watch: RowWatch,
    /// `None` once no more comes.
    batches: Option<SyncSender<Batch>>,
    spare: Receiver<Batch>,
    worker: Option<JoinHandle<Result<Streams>>>,
}

/// What became of a tar.
pub(super) struct StoredRows {
    pub(super) recipe: Recipe,
    pub(super) report: TarReport,
    /// To be kept for the next run once the snapshot stands.
    pub(super) known: KnownRows,
    /// What its rows say.
    pub(super) described: Described,
}

impl RowsWriter {
    /// `watch` sees all that is written.
    pub(super) fn new(session: &Session, start: Start, watch: RowWatch) -> Self {
        let streams = Streams {
            columns: ColumnsWriter::new(),
            column_stream: session.stream(Class::Fine),
            payload: session.stream(Class::Fine),
            table: start.table,
            known: start.known,
            otherwise: start.otherwise,
            records: Vec::new(),
            bytes: 0,
        };
        let (batches, incoming) = sync_channel(WAITING);
        let (done, spare) = sync_channel(WAITING + 2);
        let worker = thread::spawn(move || {
            let mut streams = streams;
            while let Ok(batch) = incoming.recv() {
                streams.add(&batch)?;
                // Nobody waits for it.
                let _ = done.try_send(batch);
            }
            Ok(streams)
        });
        Self { labels: TarLabels::new(), watch, batches: Some(batches), spare, worker: Some(worker) }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.labels.push_watched(bytes, &mut self.watch);
        if self.labels.bytes() < BATCH_BYTES {
            return Ok(());
        }
        let batch = self.labels.take_for(self.spare.try_recv().unwrap_or_default());
        self.send(batch)
    }

    fn send(&mut self, batch: Batch) -> Result<()> {
        let sent = self.batches.as_ref().is_some_and(|batches| batches.send(batch).is_ok());
        // The worker has ended, and its result says why.
        if sent { Ok(()) } else { self.join().and(Err(OpsError::WorkerDied)) }
    }

    fn join(&mut self) -> Result<Streams> {
        self.batches = None;
        let worker = self.worker.take().ok_or(OpsError::WorkerDied)?;
        worker.join().map_err(|_| OpsError::WorkerDied)?
    }

    /// The recipe; none when it does not account for all of `size` bytes.
    pub(super) fn finish(mut self, size: u64) -> Result<Option<StoredRows>> {
        let (batch, report) = std::mem::take(&mut self.labels).finish();
        self.send(batch)?;
        let streams = self.join()?;
        if streams.bytes != size {
            return Ok(None);
        }
        let (recipe, known) = streams.finish()?;
        let described = std::mem::replace(&mut self.watch, RowWatch::new(false)).finish();
        Ok(Some(StoredRows { recipe, report, known, described }))
    }
}

impl Drop for RowsWriter {
    /// Nothing is written any more when the session ends.
    fn drop(&mut self) {
        self.batches = None;
        if let Some(worker) = self.worker.take() {
            let _ = worker.join();
        }
    }
}

struct Streams {
    columns: ColumnsWriter,
    column_stream: StreamWriter,
    payload: StreamWriter,
    table: StreamWriter,
    known: KnownRows,
    /// Only until the first batch has come.
    otherwise: Option<Box<Start>>,
    /// Records of the rows of a batch that are new.
    records: Vec<u8>,
    /// Bytes of the tar so far.
    bytes: u64,
}

impl Streams {
    /// Begins otherwise, if so few of the first rows are known that the table is another source's.
    fn choose(&mut self, batch: &Batch) {
        let Some(otherwise) = self.otherwise.take() else { return };
        let (mut rest, mut rows, mut known) = (&batch.bytes[..], 0, 0);
        for part in &batch.parts {
            let Some((bytes, later)) = rest.split_at_checked(part.bytes()) else { return };
            rest = later;
            if let Part::Member(content) = *part
                && let Some(row) = bytes.get(HEADER_BYTES..HEADER_BYTES + content)
            {
                rows += 1;
                known += u64::from(self.known.knows(&self.known.row_id(row)));
            }
        }
        if known * 2 < rows {
            (self.known, self.table) = (otherwise.known, otherwise.table);
        }
    }

    fn add(&mut self, batch: &Batch) -> Result<()> {
        self.choose(batch);
        self.records.clear();
        let mut fresh: Vec<&[u8]> = Vec::new();
        let mut rest = &batch.bytes[..];
        for part in &batch.parts {
            let Some((bytes, later)) = rest.split_at_checked(part.bytes()) else {
                return Err(OpsError::WorkerDied);
            };
            rest = later;
            match (*part, bytes.split_first_chunk()) {
                (Part::Member(content), Some((header, behind))) => {
                    let row = behind.get(..content).unwrap_or_default();
                    let id = self.known.row_id(row);
                    let number = match self.known.find(&id) {
                        Some(number) => Some(number),
                        None => {
                            let number = self.known.add(id);
                            if number.is_some() {
                                write_row(&mut self.records, row);
                                fresh.push(row);
                            }
                            number
                        }
                    };
                    match number {
                        Some(number) => self.columns.member(header, number, content)?,
                        None => {
                            self.columns.literal(header)?;
                            self.payload.write(behind)?;
                            self.columns.payload(behind.len() as u64)?;
                        }
                    }
                }
                (Part::Payload(_), _) => {
                    self.payload.write(bytes)?;
                    self.columns.payload(bytes.len() as u64)?;
                }
                _ => self.columns.literal(bytes)?,
            }
            self.bytes += bytes.len() as u64;
        }
        prove(&self.records, &fresh)?;
        self.table.write(&self.records)?;
        self.column_stream.write(self.columns.ready())?;
        self.columns.ready().clear();
        Ok(())
    }

    fn finish(mut self) -> Result<(Recipe, KnownRows)> {
        self.columns.finish()?;
        self.column_stream.write(self.columns.ready())?;
        let recipe = Recipe::Rows {
            columns: self.column_stream.finish()?,
            payload: self.payload.finish()?,
            table: self.table.finish()?,
            rows: self.known.rows(),
            used: self.known.used(),
        };
        recipe.validate()?;
        Ok((recipe, self.known))
    }
}

/// Reads records as a reader will, and holds them against the rows that they are of: as the
/// writer numbers rows by counting them, so their numbers are right as well.
fn prove(records: &[u8], rows: &[&[u8]]) -> Result<()> {
    let mut reader = TableReader::new(records);
    let mut found = Vec::new();
    for row in rows {
        found.clear();
        if reader.next_row(&mut found)?.is_none() || found != *row {
            return Err(dtrvault_codec::CodecError::Unproven.into());
        }
    }
    match reader.next_row(&mut found)? {
        None => Ok(()),
        Some(_) => Err(dtrvault_codec::CodecError::Unproven.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_held_against_their_rows() {
        let mut records = Vec::new();
        write_row(&mut records, b"one");
        write_row(&mut records, b"");
        assert!(prove(&records, &[b"one", b""]).is_ok());
        assert!(prove(&records, &[b"one"]).is_err());
        assert!(prove(&records, &[b"one", b"", b""]).is_err());
        assert!(prove(&records, &[b"two", b""]).is_err());
    }
}
