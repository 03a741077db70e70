//! A tar by rows, all in memory: what the vectors and the targets of fuzzing share.

use std::collections::HashMap;
use std::io::Read;

use dtrvault_codec::rows::{Batch, ColumnsWriter, Part, RowsJoin, Table, TarLabels, write_row};
use dtrvault_codec::{CodecError, TarReport};

/// Every stream of a Rows recipe.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Streams {
    pub(crate) columns: Vec<u8>,
    pub(crate) payload: Vec<u8>,
    pub(crate) table: Vec<u8>,
    pub(crate) rows: u32,
}

#[derive(Default)]
struct Splitter {
    writer: ColumnsWriter,
    streams: Streams,
    known: HashMap<Vec<u8>, u32>,
}

impl Splitter {
    fn add(&mut self, batch: &Batch) -> Result<(), CodecError> {
        let mut rest = &batch.bytes[..];
        for part in &batch.parts {
            let (bytes, later) = rest.split_at(part.bytes());
            rest = later;
            match (*part, bytes.split_first_chunk()) {
                (Part::Member(content), Some((header, behind))) => {
                    let row = behind.get(..content).unwrap_or_default();
                    let number = *self.known.entry(row.to_vec()).or_insert_with(|| {
                        write_row(&mut self.streams.table, row);
                        self.streams.rows += 1;
                        self.streams.rows - 1
                    });
                    self.writer.member(header, number, content)?;
                }
                (Part::Payload(_), _) => {
                    self.streams.payload.extend_from_slice(bytes);
                    self.writer.payload(bytes.len() as u64)?;
                }
                _ => self.writer.literal(bytes)?,
            }
        }
        Ok(())
    }
}

/// Splits `bytes`, pushed in pieces of `piece` bytes.
pub(crate) fn split(bytes: &[u8], piece: usize) -> Result<(TarReport, Streams), CodecError> {
    let mut labels = TarLabels::new();
    let mut splitter = Splitter::default();
    for part in bytes.chunks(piece.max(1)) {
        labels.push(part);
        splitter.add(&labels.take())?;
    }
    let (last, report) = labels.finish();
    splitter.add(&last)?;
    splitter.writer.finish()?;
    let Splitter { mut writer, mut streams, .. } = splitter;
    streams.columns = std::mem::take(writer.ready());
    Ok((report, streams))
}

/// A reader of the tar that these streams make.
pub(crate) fn join(streams: &Streams) -> Result<impl Read, CodecError> {
    let table = Table::read(&*streams.table, streams.rows, Vec::new(), Vec::new())?;
    Ok(RowsJoin::new(&*streams.columns, &*streams.payload, table))
}
