//! What follows a header of a tar: contents and padding, and what extended headers say.

use dtrvault_format::limits::MAX_PATH_BYTES;

use crate::tar_header::TAR_BLOCK_BYTES;
use crate::tar_pax::PaxParser;

/// Contents and the padding after them, bytes that are still to come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    pub(crate) content: u64,
    pub(crate) padding: u64,
}

impl Extent {
    pub(crate) fn new(content: u64) -> Self {
        const BLOCK: u64 = TAR_BLOCK_BYTES as u64;
        Self { content, padding: (BLOCK - content % BLOCK) % BLOCK }
    }

    pub(crate) fn is_over(self) -> bool {
        self.content == 0 && self.padding == 0
    }

    /// Splits contents off `data`, or padding when no contents are left.
    pub(crate) fn take<'a>(&mut self, data: &'a [u8]) -> (&'a [u8], &'a [u8]) {
        let left = if self.content > 0 { &mut self.content } else { &mut self.padding };
        let count = usize::try_from(*left).unwrap_or(usize::MAX).min(data.len());
        *left -= count as u64;
        data.split_at(count)
    }
}

#[derive(Debug)]
pub(crate) enum Extended {
    Pax(Box<PaxParser>),
    LongName(Vec<u8>),
    LongLink(Vec<u8>),
    /// Global headers say nothing about where members stand.
    Ignored,
}

impl Extended {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        match self {
            Self::Pax(parser) => parser.push(bytes),
            Self::LongName(name) | Self::LongLink(name) => {
                let room = MAX_PATH_BYTES.saturating_sub(name.len());
                name.extend(bytes.iter().take(room));
            }
            Self::Ignored => {}
        }
    }
}
