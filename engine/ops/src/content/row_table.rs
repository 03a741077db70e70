//! Rows of a stored table: read once, when the first is asked for, and kept while the tar is made.

use std::io::{self, Read};

use dtrvault_codec::CodecError;
use dtrvault_codec::rows::{RowSource, Table};
use dtrvault_format::StreamRef;
use dtrvault_repo::read::Reader;

use super::spool::Spool;
use crate::context::Context;

/// Where rows end takes this share of the budget.
const ENDS_SHARE: usize = 4;

/// The rows of one table.
pub(crate) struct RowTable {
    reader: Reader,
    context: Context,
    stream: StreamRef,
    rows: u32,
    table: Option<Table<Spool>>,
}

/// A stream that stops when the operator asks for it.
pub(crate) struct Checked<R> {
    pub(crate) source: R,
    pub(crate) context: Context,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.context.proceed().map_err(io::Error::other)?;
        self.source.read(out)
    }
}

impl RowTable {
    pub(crate) fn new(reader: Reader, stream: StreamRef, rows: u32, context: Context) -> Self {
        Self { reader, context, stream, rows, table: None }
    }

    fn read(&self) -> Result<Table<Spool>, CodecError> {
        let repo = self.reader.repo();
        let budget = repo.options().rows_memory_bytes;
        let source = self.reader.stream(&self.stream).map_err(io::Error::other)?;
        let source = Checked { source, context: self.context.clone() };
        let spool = |bytes| Spool::new(repo.cache_dir(), bytes);
        Table::read(source, self.rows, spool(budget), spool(budget / ENDS_SHARE))
    }
}

impl RowSource for RowTable {
    fn row(&mut self, number: u32, out: &mut Vec<u8>) -> Result<usize, CodecError> {
        if self.table.is_none() {
            self.table = Some(self.read()?);
        }
        match &mut self.table {
            Some(table) => table.row(number, out),
            None => Err(CodecError::NoSuchRow { row: number, rows: 0 }),
        }
    }
}
