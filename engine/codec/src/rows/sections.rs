//! The bytes of a block while it is being written: operations and sections.

use super::block::{SECTIONS, folded, op};
use super::header::{Middle, Template, Variable};
use crate::leb128;

/// Sections that grow as pieces of the tar come.
#[derive(Debug, Default)]
pub(crate) struct Sections {
    templates: Vec<u8>,
    ops: Vec<u8>,
    literals: Vec<u8>,
    names: Vec<u8>,
    numbers: Vec<u8>,
    times: Vec<u8>,
    rows: Vec<u32>,
    expected: Vec<u64>,
    time: u64,
    /// The operation that is still growing: kind, count, template.
    run: Option<(u64, u64, usize)>,
}

impl Sections {
    fn op(&mut self, kind: u64, count: u64, template: usize) {
        if let Some((last, so_far, of)) = &mut self.run
            && (*last, *of) == (kind, template)
        {
            *so_far += count;
            return;
        }
        self.end_op();
        self.run = Some((kind, count, template));
    }

    fn end_op(&mut self) {
        let Some((kind, count, template)) = self.run.take() else { return };
        leb128::write(&mut self.ops, count << 2 | kind);
        if kind == op::MEMBERS {
            leb128::write(&mut self.ops, template as u64);
        }
    }

    pub(crate) fn literal(&mut self, bytes: &[u8]) {
        self.literals.extend_from_slice(bytes);
        self.op(op::LITERAL, bytes.len() as u64, 0);
    }

    pub(crate) fn payload(&mut self, bytes: u64) {
        self.op(op::PAYLOAD, bytes, 0);
    }

    pub(crate) fn row(&mut self, number: u32) {
        self.rows.push(number);
        self.op(op::ROWS, 1, 0);
    }

    pub(crate) fn add_template(&mut self, template: &Template) {
        self.templates.extend_from_slice(template.stored());
        self.expected.push(0);
    }

    pub(crate) fn member(&mut self, template: usize, variable: Variable<'_>, number: u32) {
        match variable.middle {
            Middle::Text(text) => {
                leb128::write(&mut self.names, text.len() as u64);
                self.names.extend_from_slice(text);
            }
            Middle::Number(value) => {
                if let Some(expected) = self.expected.get_mut(template) {
                    leb128::write(&mut self.numbers, folded(*expected, value));
                    *expected = value + 1;
                }
            }
        }
        leb128::write(&mut self.times, folded(self.time, variable.time));
        self.time = variable.time;
        self.rows.push(number);
        self.op(op::MEMBERS, 1, template);
    }

    pub(crate) fn row_count(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn literal_bytes(&self) -> usize {
        self.literals.len()
    }

    pub(crate) fn op_bytes(&self) -> usize {
        self.ops.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.run.is_none() && self.ops.is_empty()
    }

    /// The block's body; everything is empty again.
    pub(crate) fn take_body(&mut self) -> Vec<u8> {
        self.end_op();
        let mut planes = Vec::with_capacity(4 * self.rows.len());
        for plane in 0..4 {
            planes.extend(self.rows.iter().map(|row| (row >> (8 * plane)) as u8));
        }
        let sections: [&[u8]; SECTIONS] =
            [&self.templates, &self.ops, &self.literals, &self.names, &self.numbers, &self.times, &planes];
        let mut body = Vec::with_capacity(sections.iter().map(|section| section.len() + 4).sum());
        for section in sections {
            leb128::write(&mut body, section.len() as u64);
            body.extend_from_slice(section);
        }
        for section in [&mut self.templates, &mut self.ops, &mut self.literals] {
            section.clear();
        }
        for section in [&mut self.names, &mut self.numbers, &mut self.times] {
            section.clear();
        }
        self.rows.clear();
        self.expected.clear();
        self.time = 0;
        body
    }
}
