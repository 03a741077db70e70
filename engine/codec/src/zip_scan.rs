//! Takes zip archives (jar, war, whl, apk) apart that are members of a tar: local headers and the
//! directory, which hold times, go to the skeleton, and entries that zlib has deflated to the payload
//! as what they hold.
//!
//! Records follow one on the other, and which belongs to which is never asked: an archive that is
//! stored within another is no exception. Whatever else there is goes to the payload as it is.

use dtrvault_format::limits::MAX_DEFLATED_BYTES;

use crate::deflate_trial::Trials;
use crate::tar_skeleton::{SkeletonWriter, SplitSink};
use crate::zip_entry::{Entry, MAX_PACKED_BYTES, Pushed};
use crate::zip_header::{Behind, LOCAL, Measured, behind, measure};

/// Shorter streams are not worth a record, bytes.
const MIN_PACKED_BYTES: usize = 64;
/// Content may be so many times as long as its stream: a tar must not become a thousand times as long.
const MAX_RATIO: usize = 32;

/// Scans archives one after the other. How an archive was pieced does not change the result.
///
/// Memory is bounded: a stream of 4 MiB, 16 MiB of content, a record of 193 KiB.
#[derive(Debug, Default)]
pub(crate) struct ZipScanner {
    state: State,
    /// The beginning of a record.
    held: Vec<u8>,
    entry: Entry,
    trials: Trials,
    /// What is left of a stored entry that is an archive itself, bytes.
    inner: Option<u64>,
}

#[derive(Debug, Default)]
enum State {
    /// A record comes.
    #[default]
    Record,
    /// The first bytes of a stored entry of this length come, which tell whether it is an archive.
    Stored(u64),
    /// A deflated entry comes, of which so much is left if that is known.
    Deflated(Option<u64>),
    /// So many bytes come that are not looked into.
    Opaque(u64),
    /// No archive any more.
    Rest,
}

/// Whether contents that begin so are an archive.
pub(crate) fn is_archive(first: &[u8]) -> bool {
    first.starts_with(&LOCAL)
}

impl ZipScanner {
    /// Another archive begins.
    pub(crate) fn begin(&mut self) {
        self.state = State::Record;
        self.inner = None;
        self.trials.begin();
    }

    /// Takes the next bytes of the archive. Fails only as the sink does, and is lost then.
    pub(crate) fn push<S: SplitSink>(
        &mut self,
        mut data: &[u8],
        writer: &mut SkeletonWriter,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        while !data.is_empty() {
            match self.state {
                State::Rest => return writer.payload(data, sink),
                State::Opaque(left) => {
                    let (now, later) = data.split_at(at_most(left, data));
                    self.took(now.len());
                    writer.payload(now, sink)?;
                    self.state = opaque(left - now.len() as u64);
                    data = later;
                }
                State::Stored(_) | State::Record => data = self.take_record(data, writer, sink)?,
                State::Deflated(left) => {
                    let (now, _) = data.split_at(left.map_or(data.len(), |left| at_most(left, data)));
                    let pushed = self.entry.push(now);
                    let taken = match pushed {
                        Pushed::All => now.len(),
                        Pushed::Ended(taken) | Pushed::Broken(taken) => taken,
                    };
                    self.took(taken);
                    data = data.get(taken..).unwrap_or_default();
                    let left = left.map(|left| left.saturating_sub(taken as u64));
                    match (pushed, left) {
                        (Pushed::All, None | Some(1..)) => self.state = State::Deflated(left),
                        (Pushed::Ended(_), None | Some(0)) => self.end_entry(writer, sink)?,
                        _ => self.break_entry(left, writer, sink)?,
                    }
                }
            }
        }
        Ok(())
    }

    /// The archive is over, and what was held back of it goes on.
    pub(crate) fn end<S: SplitSink>(
        &mut self,
        writer: &mut SkeletonWriter,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        writer.payload(&self.held, sink)?;
        if matches!(self.state, State::Deflated(_)) {
            writer.payload(self.entry.packed(), sink)?;
        }
        self.held.clear();
        self.entry = Entry::default();
        Ok(())
    }

    /// Takes what belongs to a record, and gives back the rest.
    fn take_record<'a, S: SplitSink>(
        &mut self,
        data: &'a [u8],
        writer: &mut SkeletonWriter,
        sink: &mut S,
    ) -> Result<&'a [u8], S::Error> {
        let room = match measure(&self.held) {
            Measured::Needs(needed) => needed - self.held.len(),
            Measured::Whole | Measured::Unknown => 0,
        };
        // What is held is never a whole record here. One that goes on behind the inner archive is none.
        if room == 0 || self.inner.is_some_and(|left| room as u64 > left) {
            return self.leave(writer, sink).map(|()| data);
        }
        let (now, later) = data.split_at(room.min(data.len()));
        self.held.extend_from_slice(now);
        self.took(now.len());
        if now.len() < room {
            return Ok(later);
        }
        if let State::Stored(length) = self.state {
            if is_archive(&self.held) {
                self.inner = Some(length - self.held.len() as u64);
                self.trials.begin();
                self.state = State::Record;
            } else {
                writer.payload(&self.held, sink)?;
                self.state = opaque(length - self.held.len() as u64);
                self.held.clear();
                return Ok(later);
            }
        }
        match measure(&self.held) {
            Measured::Needs(_) => {}
            Measured::Unknown => self.leave(writer, sink)?,
            Measured::Whole => {
                writer.literal(&self.held, sink)?;
                let behind = behind(&self.held);
                self.held.clear();
                self.state = self.after(behind);
            }
        }
        Ok(later)
    }

    /// What a record leads to.
    fn after(&mut self, behind: Behind) -> State {
        match behind {
            Behind::Record => State::Record,
            Behind::Unknown => self.no_record(),
            Behind::Opaque(left) => opaque(left),
            Behind::Stored(left) if self.inner.is_none() && left > LOCAL.len() as u64 => State::Stored(left),
            Behind::Stored(left) => opaque(left),
            Behind::Deflated(Some(left)) => {
                let is_of_use = usize::try_from(left)
                    .is_ok_and(|left| (MIN_PACKED_BYTES..=MAX_PACKED_BYTES).contains(&left));
                if is_of_use && !self.trials.is_hopeless() {
                    self.entry.begin();
                    State::Deflated(Some(left))
                } else {
                    opaque(left)
                }
            }
            Behind::Deflated(None) if self.trials.is_hopeless() => self.no_record(),
            Behind::Deflated(None) => {
                self.entry.begin();
                State::Deflated(None)
            }
        }
    }

    /// A stream has ended where it should.
    fn end_entry<S: SplitSink>(&mut self, writer: &mut SkeletonWriter, sink: &mut S) -> Result<(), S::Error> {
        self.state = State::Record;
        let (plain, packed) = (self.entry.plain(), self.entry.packed());
        let is_worth_it = packed.len() >= MIN_PACKED_BYTES && packed.len() < plain.len();
        if is_worth_it && plain.len() > packed.len().saturating_mul(MAX_RATIO) {
            self.trials.miss(plain.len() as u64);
        } else if is_worth_it && let Some(deflated) = self.trials.find(plain, packed) {
            return writer.deflated(deflated, sink);
        }
        writer.payload(packed, sink)
    }

    /// A stream is damaged, too long, or of another length than was said.
    fn break_entry<S: SplitSink>(
        &mut self,
        left: Option<u64>,
        writer: &mut SkeletonWriter,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        // Where it breaks depends on the pieces; what it costs must not.
        self.trials.miss(MAX_DEFLATED_BYTES);
        writer.payload(self.entry.packed(), sink)?;
        self.state = left.map_or_else(|| self.no_record(), opaque);
        Ok(())
    }

    /// What is held is no record.
    fn leave<S: SplitSink>(&mut self, writer: &mut SkeletonWriter, sink: &mut S) -> Result<(), S::Error> {
        self.state = self.no_record();
        writer.payload(&self.held, sink)?;
        self.held.clear();
        Ok(())
    }

    /// No record comes, and there is no way on but behind the inner archive.
    fn no_record(&mut self) -> State {
        self.inner.take().map_or(State::Rest, opaque)
    }

    /// So many bytes were taken.
    fn took(&mut self, bytes: usize) {
        self.inner = self.inner.map(|left| left.saturating_sub(bytes as u64)).filter(|left| *left > 0);
    }
}

fn opaque(left: u64) -> State {
    if left == 0 { State::Record } else { State::Opaque(left) }
}

fn at_most(left: u64, data: &[u8]) -> usize {
    usize::try_from(left).unwrap_or(usize::MAX).min(data.len())
}
