//! Labels on the bytes of a tar: which of them are plain small members.

use std::convert::Infallible;

use dtrvault_format::limits::MAX_ROW_BYTES;

use super::{TAR_BLOCK_BYTES, padding};
use crate::tar_parts::{Member, PartSink};
use crate::tar_report::TarReport;
use crate::tar_scan::TarScanner;
use crate::tar_watch::MemberWatch;

/// What a stretch of bytes is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Headers, paddings, end blocks: so many bytes.
    Literal(usize),
    /// Contents of long members, and what is no tar: so many bytes.
    Payload(usize),
    /// A header, contents of so many bytes, and zeros up to a whole block.
    Member(usize),
}

impl Part {
    /// Length of the stretch, bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match *self {
            Self::Literal(bytes) | Self::Payload(bytes) => bytes,
            Self::Member(content) => TAR_BLOCK_BYTES + content + padding(content),
        }
    }
}

/// A stretch of a tar, whole: the parts follow one on another and cover all of its bytes.
#[derive(Debug, Default)]
pub struct Batch {
    /// The tar's own bytes.
    pub bytes: Vec<u8>,
    /// What they are.
    pub parts: Vec<Part>,
}

/// Labels a tar that arrives in pieces. Holds what was not yet taken, and of a member that has
/// only begun at most its [`MAX_ROW_BYTES`] and a header more.
#[derive(Debug, Default)]
pub struct TarLabels {
    scanner: TarScanner,
    gathered: Gathered,
}

#[derive(Debug, Default)]
struct Gathered {
    batch: Batch,
    /// A member that has begun: where, and the length of its contents.
    open: Option<(usize, usize)>,
}

impl TarLabels {
    /// At the start of an archive.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the archive.
    pub fn push(&mut self, data: &[u8]) {
        self.push_watched(data, &mut ());
    }

    /// The same, and lets `watch` look at the members.
    pub fn push_watched(&mut self, data: &[u8], watch: &mut impl MemberWatch) {
        match self.scanner.push(data, &mut Watched { gathered: &mut self.gathered, watch }) {
            Ok(()) => {}
            Err(never) => match never {},
        }
    }

    /// Bytes that wait to be taken.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.gathered.batch.bytes.len()
    }

    /// Gives out what is labelled.
    pub fn take(&mut self) -> Batch {
        self.take_for(Batch::default())
    }

    /// Gives out what is labelled, and goes on in the memory of `spare`.
    pub fn take_for(&mut self, mut spare: Batch) -> Batch {
        spare.bytes.clear();
        spare.parts.clear();
        let mut batch = std::mem::replace(&mut self.gathered.batch, spare);
        if let Some((start, _)) = &mut self.gathered.open {
            self.gathered.batch.bytes.extend_from_slice(batch.bytes.get(*start..).unwrap_or_default());
            batch.bytes.truncate(*start);
            *start = 0;
        }
        batch
    }

    /// Ends the archive: what was left of it, and what it was.
    #[must_use]
    pub fn finish(mut self) -> (Batch, TarReport) {
        let report = match self.scanner.finish(&mut self.gathered) {
            Ok(report) => report,
            Err(never) => match never {},
        };
        self.gathered.give_up();
        (self.gathered.batch, report)
    }
}

impl Gathered {
    fn add(&mut self, part: Part, bytes: &[u8]) {
        self.batch.bytes.extend_from_slice(bytes);
        match self.open {
            None => self.label(part),
            Some((start, content)) => {
                if self.batch.bytes.len() - start >= Part::Member(content).bytes() {
                    self.close(start, content);
                }
            }
        }
    }

    /// Joins neighbours of one kind, so that pieces do not show.
    fn label(&mut self, part: Part) {
        match (self.batch.parts.last_mut(), part) {
            (_, Part::Literal(0) | Part::Payload(0)) => {}
            (Some(Part::Literal(bytes)), Part::Literal(more))
            | (Some(Part::Payload(bytes)), Part::Payload(more)) => *bytes += more,
            _ => self.batch.parts.push(part),
        }
    }

    /// A member has come whole.
    fn close(&mut self, start: usize, content: usize) {
        self.open = None;
        let padding = self.batch.bytes.get(start + TAR_BLOCK_BYTES + content..).unwrap_or_default();
        if padding.iter().all(|&byte| byte == 0) {
            self.label(Part::Member(content));
        } else {
            let padding = padding.len();
            self.label(Part::Literal(TAR_BLOCK_BYTES));
            self.label(Part::Payload(content));
            self.label(Part::Literal(padding));
        }
    }

    /// The archive ends within a member.
    fn give_up(&mut self) {
        let Some((start, content)) = self.open.take() else { return };
        let there = self.batch.bytes.len() - start;
        let header = there.min(TAR_BLOCK_BYTES);
        let content = content.min(there - header);
        self.label(Part::Literal(header));
        self.label(Part::Payload(content));
        self.label(Part::Literal(there - header - content));
    }
}

/// What is gathered, and who looks on.
struct Watched<'a, W> {
    gathered: &'a mut Gathered,
    watch: &'a mut W,
}

impl<W: MemberWatch> PartSink for Watched<'_, W> {
    type Error = Infallible;

    fn literal(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.gathered.literal(bytes)
    }

    fn payload(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.watch.content(bytes);
        self.gathered.payload(bytes)
    }

    fn member(&mut self, content_bytes: u64) -> Result<(), Infallible> {
        self.gathered.member(content_bytes)
    }

    fn begins(&mut self, member: Member<'_>) -> Result<(), Infallible> {
        self.watch.begins(member.name, member.size);
        Ok(())
    }
}

impl PartSink for Gathered {
    type Error = Infallible;

    fn literal(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.add(Part::Literal(bytes.len()), bytes);
        Ok(())
    }

    fn payload(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.add(Part::Payload(bytes.len()), bytes);
        Ok(())
    }

    fn member(&mut self, content_bytes: u64) -> Result<(), Infallible> {
        if content_bytes <= u64::from(MAX_ROW_BYTES) {
            self.open = usize::try_from(content_bytes).ok().map(|content| (self.batch.bytes.len(), content));
        }
        Ok(())
    }
}
