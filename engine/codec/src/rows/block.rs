//! One block of columns, read: what stands where in a stretch of the tar.

use std::ops::Range;

use dtrvault_format::limits::{MAX_COLUMNS_ROWS, MAX_TEMPLATES};

use super::TAR_BLOCK_BYTES;
use super::header::{MAX_NUMBER, Middle, NAME_BYTES, TEMPLATE_BYTES, Template, Variable};
use crate::error::CodecError;
use crate::leb128;

/// What an operation does; its number's two lowest bits.
pub(crate) mod op {
    pub(crate) const LITERAL: u64 = 0;
    pub(crate) const PAYLOAD: u64 = 1;
    pub(crate) const ROWS: u64 = 2;
    pub(crate) const MEMBERS: u64 = 3;
}

/// Sections of a block, in their order.
pub(crate) const SECTIONS: usize = 7;

/// A block that is being followed.
#[derive(Debug)]
pub(crate) struct Block {
    bytes: Vec<u8>,
    templates: Vec<Template>,
    /// The number that each template's next member has if it counts up by one.
    expected: Vec<u64>,
    ops: Range<usize>,
    literals: Range<usize>,
    names: Range<usize>,
    numbers: Range<usize>,
    times: Range<usize>,
    rows: Range<usize>,
    row_count: usize,
    next_row: usize,
    time: u64,
    run: Run,
}

#[derive(Debug, Clone, Copy)]
struct Run {
    kind: u64,
    left: u64,
    template: usize,
}

/// A stretch of the tar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Bytes of the block itself.
    Literal(Range<usize>),
    /// So many bytes of the payload.
    Payload(u64),
    /// A row and its padding.
    Row(u32),
    /// A header, a row, and the row's padding.
    Member(Member, u32),
}

/// A member's header, once the length of its row is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    template: usize,
    number: Option<u64>,
    name: Range<usize>,
    time: u64,
}

fn malformed(detail: &'static str) -> CodecError {
    CodecError::MalformedColumns { detail }
}

/// A number at the front of `range`, which shrinks by it.
fn number(bytes: &[u8], range: &mut Range<usize>) -> Result<u64, CodecError> {
    let mut reader = leb128::Reader::default();
    while range.start < range.end {
        let byte = *bytes.get(range.start).ok_or(malformed("a section ends early"))?;
        range.start += 1;
        if let Some(value) = reader.push(byte).map_err(|leb128::Malformed| malformed("a malformed number"))? {
            return Ok(value);
        }
    }
    Err(malformed("a section ends early"))
}

/// The next `len` bytes of `range`.
fn take(range: &mut Range<usize>, len: u64) -> Result<Range<usize>, CodecError> {
    let len = usize::try_from(len).ok().filter(|&len| len <= range.len());
    let len = len.ok_or(malformed("a section ends early"))?;
    let taken = range.start..range.start + len;
    range.start = taken.end;
    Ok(taken)
}

/// `value` moved by a difference that was folded so that small ones of both signs are short.
fn moved(value: u64, folded: u64) -> Result<u64, CodecError> {
    let half = folded >> 1;
    let moved = if folded & 1 == 0 {
        value.checked_add(half)
    } else {
        value.checked_sub(half).and_then(|v| v.checked_sub(1))
    };
    moved.ok_or(malformed("a difference leads out of 64 bits"))
}

/// The folded difference that leads from `from` to `to`.
pub(crate) fn folded(from: u64, to: u64) -> u64 {
    if to >= from { (to - from) << 1 } else { ((from - to - 1) << 1) | 1 }
}

impl Block {
    /// The block whose body these bytes are.
    pub(crate) fn parse(bytes: Vec<u8>) -> Result<Self, CodecError> {
        let mut rest = 0..bytes.len();
        let mut sections: [Range<usize>; SECTIONS] = Default::default();
        for section in &mut sections {
            let len = number(&bytes, &mut rest)?;
            *section = take(&mut rest, len)?;
        }
        if !rest.is_empty() {
            return Err(malformed("bytes behind the last section"));
        }
        let [templates, ops, literals, names, numbers, times, rows] = sections;
        let stored = bytes.get(templates).unwrap_or_default();
        let (stored, cut) = stored.as_chunks::<TEMPLATE_BYTES>();
        if !cut.is_empty() || stored.len() > MAX_TEMPLATES {
            return Err(malformed("a cut template, or too many"));
        }
        let templates: Result<Vec<_>, _> = stored.iter().map(|stored| Template::new(*stored)).collect();
        let templates = templates.map_err(malformed)?;
        let row_count = rows.len() / 4;
        if !rows.len().is_multiple_of(4) || row_count > MAX_COLUMNS_ROWS {
            return Err(malformed("a cut row number, or too many"));
        }
        Ok(Self {
            expected: vec![0; templates.len()],
            bytes,
            templates,
            ops,
            literals,
            names,
            numbers,
            times,
            rows,
            row_count,
            next_row: 0,
            time: 0,
            run: Run { kind: op::LITERAL, left: 0, template: 0 },
        })
    }

    /// Bytes that a piece of this block names.
    pub(crate) fn bytes(&self, range: &Range<usize>) -> &[u8] {
        self.bytes.get(range.clone()).unwrap_or_default()
    }

    /// The next piece; `None` at the block's end.
    pub(crate) fn next_piece(&mut self) -> Result<Option<Piece>, CodecError> {
        if self.run.left == 0 {
            if self.ops.is_empty() {
                return self.end();
            }
            let value = number(&self.bytes, &mut self.ops)?;
            self.run = Run { kind: value & 3, left: value >> 2, template: 0 };
            if self.run.left == 0 {
                return Err(malformed("an operation of nothing"));
            }
            if self.run.kind == op::MEMBERS {
                let template = usize::try_from(number(&self.bytes, &mut self.ops)?).unwrap_or(usize::MAX);
                if template >= self.templates.len() {
                    return Err(malformed("a template that is not there"));
                }
                self.run.template = template;
            }
        }
        match self.run.kind {
            op::LITERAL => {
                let len = std::mem::take(&mut self.run.left);
                take(&mut self.literals, len).map(|range| Some(Piece::Literal(range)))
            }
            op::PAYLOAD => Ok(Some(Piece::Payload(std::mem::take(&mut self.run.left)))),
            op::ROWS => {
                self.run.left -= 1;
                self.row().map(|row| Some(Piece::Row(row)))
            }
            _ => {
                self.run.left -= 1;
                let member = self.member()?;
                Ok(Some(Piece::Member(member, self.row()?)))
            }
        }
    }

    fn end(&self) -> Result<Option<Piece>, CodecError> {
        let sections = [&self.literals, &self.names, &self.numbers, &self.times];
        if self.next_row < self.row_count || sections.iter().any(|section| !section.is_empty()) {
            return Err(malformed("a section is longer than its block needs"));
        }
        Ok(None)
    }

    /// The next row number: its bytes stand a whole column apart.
    fn row(&mut self) -> Result<u32, CodecError> {
        if self.next_row >= self.row_count {
            return Err(malformed("a section ends early"));
        }
        let mut row = 0;
        for plane in 0..4 {
            let at = self.rows.start + plane * self.row_count + self.next_row;
            row |= u32::from(self.bytes.get(at).copied().unwrap_or_default()) << (8 * plane);
        }
        self.next_row += 1;
        Ok(row)
    }

    fn member(&mut self) -> Result<Member, CodecError> {
        let template = self.run.template;
        let is_counter = self.templates.get(template).is_some_and(Template::is_counter);
        let (mut number_of, mut name) = (None, 0..0);
        if is_counter {
            let difference = number(&self.bytes, &mut self.numbers)?;
            if let Some(expected) = self.expected.get_mut(template) {
                let value = moved(*expected, difference)?;
                if value > MAX_NUMBER {
                    return Err(malformed("a number has too many digits"));
                }
                *expected = value + 1;
                number_of = Some(value);
            }
        } else {
            let len = number(&self.bytes, &mut self.names)?;
            if len > NAME_BYTES as u64 {
                return Err(malformed("a name is too long"));
            }
            name = take(&mut self.names, len)?;
        }
        self.time = moved(self.time, number(&self.bytes, &mut self.times)?)?;
        Ok(Member { template, number: number_of, name, time: self.time })
    }

    /// The header of a member whose row has `size` bytes.
    pub(crate) fn header(&self, member: &Member, size: usize) -> Result<[u8; TAR_BLOCK_BYTES], CodecError> {
        let middle = match member.number {
            Some(number) => Middle::Number(number),
            None => Middle::Text(self.bytes(&member.name)),
        };
        let variable = Variable { middle, time: member.time };
        let header = self.templates.get(member.template).and_then(|t| t.fill(variable, size as u64));
        header.ok_or(malformed("a header's field is too long"))
    }
}
