//! Writes blocks of columns. Which pieces of the tar come decides where blocks end, and
//! nothing else does: not how the pieces were pieced.

use std::collections::HashMap;

use super::TAR_BLOCK_BYTES;
use super::header::{TEMPLATE_BYTES, Template, Variable};
use super::sections::Sections;
use super::trace::Trace;
use crate::error::CodecError;
use crate::leb128;

/// Rows of a block. What goes into a block is kept until it is proven: 16 MiB of headers.
const BLOCK_ROWS: usize = 1 << 15;
/// Literals of a block, bytes.
const BLOCK_LITERAL_BYTES: usize = 1 << 20;
/// Operations of a block, bytes.
const BLOCK_OP_BYTES: usize = 1 << 18;
/// Templates of a block.
const BLOCK_TEMPLATES: usize = 256;
/// Above so many templates, text before a number is no reason for another one.
const BUSY_TEMPLATES: usize = 64;

/// Takes the pieces of a tar in order, and makes blocks of them.
///
/// A block is only given out after it was followed as a reader will, and gave back what went
/// into it. After an error the writer is lost.
#[derive(Debug, Default)]
pub struct ColumnsWriter {
    sections: Sections,
    templates: Vec<Template>,
    known: HashMap<[u8; TEMPLATE_BYTES], usize>,
    last: usize,
    trace: Trace,
    ready: Vec<u8>,
    /// Headers are kept whole, whatever they are.
    is_plain: bool,
    #[cfg(test)]
    pub(crate) breaks_blocks: bool,
}

impl ColumnsWriter {
    /// A writer at the start of the tar.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The bytes of the columns stream that are certain; the caller takes them out.
    pub fn ready(&mut self) -> &mut Vec<u8> {
        &mut self.ready
    }

    /// Bytes that stand in the columns themselves.
    ///
    /// # Errors
    /// [`CodecError::Unproven`], as of every other step.
    pub fn literal(&mut self, mut bytes: &[u8]) -> Result<(), CodecError> {
        while !bytes.is_empty() {
            let room = BLOCK_LITERAL_BYTES - self.sections.literal_bytes();
            let (next, later) = bytes.split_at(room.min(bytes.len()));
            self.sections.literal(next);
            self.trace.literal(next);
            bytes = later;
            self.close_if_full()?;
        }
        Ok(())
    }

    /// Bytes that stand next in the payload stream.
    ///
    /// # Errors
    /// [`CodecError::Unproven`].
    pub fn payload(&mut self, bytes: u64) -> Result<(), CodecError> {
        if bytes > 0 {
            self.sections.payload(bytes);
            self.trace.payload(bytes);
        }
        self.close_if_full()
    }

    /// A member: its header, the row that holds its contents, and zeros up to a whole block.
    ///
    /// # Errors
    /// [`CodecError::Unproven`].
    pub fn member(
        &mut self,
        header: &[u8; TAR_BLOCK_BYTES],
        row: u32,
        row_bytes: usize,
    ) -> Result<(), CodecError> {
        if self.templates.len() >= BLOCK_TEMPLATES {
            self.close()?;
        }
        match self.template(header, row_bytes) {
            Some((template, variable)) => {
                self.trace.literal(header);
                self.sections.member(template, variable, row);
            }
            None => {
                self.literal(header)?;
                self.sections.row(row);
            }
        }
        self.trace.row(row, row_bytes);
        self.close_if_full()
    }

    /// A template that gives back exactly this header, and what to fill it with.
    fn template<'a>(
        &mut self,
        header: &'a [u8; TAR_BLOCK_BYTES],
        row_bytes: usize,
    ) -> Option<(usize, Variable<'a>)> {
        if self.is_plain {
            return None;
        }
        let fits = |template: &Template| {
            let variable = template.read(header)?;
            // Two texts of one name, such as 7 and 007, are told apart here.
            let same = template.fill(variable, row_bytes as u64)? == *header;
            same.then_some(variable)
        };
        if let Some(variable) = self.templates.get(self.last).and_then(fits)
            && !variable.hides_counter()
        {
            return Some((self.last, variable));
        }
        let is_busy = self.templates.len() >= BUSY_TEMPLATES;
        let template = Template::of(header, true).filter(|template| {
            !is_busy || self.known.contains_key(template.stored()) || has_bare_number(template)
        });
        let template = template.or_else(|| Template::of(header, false))?;
        let variable = fits(&template)?;
        self.last = match self.known.get(template.stored()) {
            Some(known) => *known,
            None => {
                let number = self.templates.len();
                self.known.insert(*template.stored(), number);
                self.sections.add_template(&template);
                self.templates.push(template);
                number
            }
        };
        Some((self.last, variable))
    }

    fn close_if_full(&mut self) -> Result<(), CodecError> {
        let is_full = self.sections.row_count() >= BLOCK_ROWS
            || self.sections.literal_bytes() >= BLOCK_LITERAL_BYTES
            || self.sections.op_bytes() >= BLOCK_OP_BYTES;
        if is_full { self.close() } else { Ok(()) }
    }

    /// Ends the tar; the last bytes are ready then.
    ///
    /// # Errors
    /// [`CodecError::Unproven`].
    pub fn finish(&mut self) -> Result<(), CodecError> {
        self.close()
    }

    /// Ends the block, and proves it. One that does not hold is written again with whole headers.
    fn close(&mut self) -> Result<(), CodecError> {
        if self.sections.is_empty() {
            return Ok(());
        }
        #[cfg_attr(not(test), allow(unused_mut))]
        let mut body = self.sections.take_body();
        self.templates.clear();
        self.known.clear();
        self.last = 0;
        #[cfg(test)]
        if self.breaks_blocks
            && let Some(byte) = body.last_mut()
        {
            *byte ^= 1;
        }
        if self.trace.is_given_by(&body) {
            leb128::write(&mut self.ready, body.len() as u64);
            self.ready.extend_from_slice(&body);
        } else if self.is_plain {
            return Err(CodecError::Unproven);
        } else {
            let trace = std::mem::take(&mut self.trace);
            self.ready.extend_from_slice(&plain(&trace)?);
        }
        self.trace.clear();
        Ok(())
    }
}

/// Whether the last part of the names is a number and nothing else, so that there are no more
/// templates of the kind than folders.
fn has_bare_number(template: &Template) -> bool {
    let [prefix, suffix, _, _, name @ ..] = template.stored();
    let before = usize::from(*prefix).checked_sub(1).and_then(|at| name.get(at));
    *suffix == 0 && matches!(before, None | Some(b'/'))
}

/// Blocks that give back what was traced, with nothing derived.
fn plain(trace: &Trace) -> Result<Vec<u8>, CodecError> {
    let mut writer = ColumnsWriter { is_plain: true, ..ColumnsWriter::default() };
    let mut payloads = trace.payloads.iter().peekable();
    let mut at = 0;
    for seen in 0..=trace.rows.len() {
        let row = trace.rows.get(seen);
        let end = row.map_or(trace.bytes.len(), |row| row.at);
        while let Some(payload) = payloads.next_if(|payload| payload.at.1 == seen) {
            writer.literal(trace.bytes.get(at..payload.at.0).unwrap_or_default())?;
            at = payload.at.0;
            writer.payload(payload.bytes)?;
        }
        writer.literal(trace.bytes.get(at..end).unwrap_or_default())?;
        at = end;
        if let Some(row) = row {
            writer.sections.row(row.number);
            writer.trace.row(row.number, row.bytes);
            writer.close_if_full()?;
        }
    }
    writer.finish()?;
    Ok(writer.ready)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::rows::{RowsJoin, Table, write_row};
    use std::io::Read;

    fn header(name: &str, size: u64, time: u64) -> [u8; TAR_BLOCK_BYTES] {
        let mut header = tar::Header::new_gnu();
        header.set_path(name).unwrap();
        header.set_size(size);
        header.set_mtime(time);
        header.set_mode(0o600);
        header.set_cksum();
        *header.as_bytes()
    }

    /// Columns of members with one row each, and literals and payload between them.
    fn columns(writer: &mut ColumnsWriter) -> (Vec<u8>, Vec<u8>, Vec<u8>, Vec<u8>) {
        let (mut tar, mut table) = (Vec::new(), Vec::new());
        writer.payload(2).unwrap();
        tar.extend_from_slice(b"01");
        for row in 0..5_u32 {
            let content = vec![b'x'; row as usize * 300];
            let header = header(&format!("dir/{row}"), content.len() as u64, 7);
            writer.member(&header, row, content.len()).unwrap();
            tar.extend_from_slice(&header);
            tar.extend_from_slice(&content);
            tar.resize(tar.len() + crate::rows::padding(content.len()), 0);
            write_row(&mut table, &content);
            writer.literal(b"between").unwrap();
            tar.extend_from_slice(b"between");
            writer.payload(2).unwrap();
            tar.extend_from_slice(&[b'2' + row as u8; 2]);
        }
        writer.finish().unwrap();
        let payload = b"0122334455667788".to_vec();
        (std::mem::take(writer.ready()), payload[..12].to_vec(), table, tar)
    }

    fn joined(columns: &[u8], payload: &[u8], table: &[u8]) -> Vec<u8> {
        let table = Table::read(table, 5, Vec::new(), Vec::new()).unwrap();
        let mut tar = Vec::new();
        RowsJoin::new(columns, payload, table).read_to_end(&mut tar).unwrap();
        tar
    }

    #[test]
    fn a_block_that_does_not_hold_is_written_with_whole_headers() {
        let (sound, payload, table, tar) = columns(&mut ColumnsWriter::new());
        assert!(joined(&sound, &payload, &table) == tar);
        let mut writer = ColumnsWriter { breaks_blocks: true, ..ColumnsWriter::new() };
        let (plain, ..) = columns(&mut writer);
        assert!(plain.len() > sound.len() + 3 * TAR_BLOCK_BYTES, "headers are whole");
        assert!(joined(&plain, &payload, &table) == tar);
    }

    #[test]
    fn a_run_that_counts_up_costs_next_to_nothing() {
        let mut writer = ColumnsWriter::new();
        for row in 0..10_000_u32 {
            writer.member(&header(&format!("root/table/{}", 17 + row), 9, 1_700_000_000), row, 9).unwrap();
        }
        writer.finish().unwrap();
        let columns = writer.ready();
        // Four bytes of row number, a zero of name and a zero of time.
        assert!(columns.len() < 6 * 10_000 + 600, "{}", columns.len());
        assert!(zstd::encode_all(&columns[..], 3).unwrap().len() < 500);
    }

    #[test]
    fn names_of_all_kinds_share_templates() {
        let mut writer = ColumnsWriter::new();
        let names = [
            "7",
            "007",
            "row-12.json",
            "row-9.json",
            "3f9a01",
            "3f9a02",
            "alice",
            "bob",
            "",
            "8",
            "row-10.json",
        ];
        for (row, name) in names.iter().enumerate() {
            writer.member(&header(&format!("d/{name}"), 1, 1), row as u32, 1).unwrap();
        }
        let templates = writer.templates.len();
        // A bare counter, one of three digits, one within text, and any text.
        assert_eq!(templates, 4);
        writer.finish().unwrap();
    }
}
