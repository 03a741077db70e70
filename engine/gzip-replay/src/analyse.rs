//! From a gzip stream to its content and its replay, proven while it flows.

use std::io::{self, Read};
use std::mem;
use std::sync::Arc;

use crate::body::Body;
use crate::catalogue::Encoder;
use crate::error::{Error, Refusal};
use crate::inflate::{Found, Inflater, Pushed};
use crate::replay::{MAX_FLUSHES, MAX_HEADERS_BYTES, MAX_MEMBERS, MAX_REST_BYTES, Replay};
use crate::search::Kept;
use crate::wrapper::{self, TRAILER_BYTES};

/// The stream is taken in pieces of this length, bytes: content may be a thousand times as long.
const PIECE_BYTES: usize = 16 << 10;

const TOO_MANY_FLUSHES: Refusal = Refusal::Limit("the list of flushes");

/// What takes the content.
pub trait Sink {
    /// Takes the next bytes of the content.
    ///
    /// # Errors
    /// Whatever shall end the analysis.
    fn take(&mut self, plain: &[u8]) -> io::Result<()>;
}

impl<F: FnMut(&[u8]) -> io::Result<()>> Sink for F {
    fn take(&mut self, plain: &[u8]) -> io::Result<()> {
        self(plain)
    }
}

/// Analyses a stream while it comes. Memory is bounded, whatever the length.
pub struct Analyser {
    stage: Stage,
    inflater: Inflater,
    /// Bytes of a header or a trailer, as far as they have come.
    gathered: Vec<u8>,
    replay: Replay,
    /// Flushes that were seen in all members.
    flushes: usize,
    /// Flushes that the members' encoders are told of.
    told: usize,
    headers_bytes: usize,
    kept: Option<Kept>,
    without: Vec<Encoder>,
}

/// What comes next.
enum Stage {
    Header,
    Body(Box<Body>),
    Trailer(Body),
    Rest,
}

impl Default for Analyser {
    fn default() -> Self {
        Self::new()
    }
}

impl Analyser {
    /// For one stream.
    #[must_use]
    pub fn new() -> Self {
        Self::without(&[])
    }

    /// For a stream whose encoder is none of these: after a [`Refusal::Diverged`] the stream can be
    /// tried again without the encoder that it names.
    #[must_use]
    pub fn without(encoders: &[Encoder]) -> Self {
        Self {
            stage: Stage::Header,
            inflater: Inflater::new(),
            gathered: Vec::new(),
            replay: Replay::default(),
            flushes: 0,
            told: 0,
            headers_bytes: 0,
            kept: None,
            without: encoders.to_vec(),
        }
    }

    /// Takes the next bytes of the stream, and gives their content to `sink`: of each member from
    /// when its encoder is known.
    ///
    /// # Errors
    /// [`Error::Refused`] as soon as it is known that there is no replay; [`Error::Io`] of the sink.
    pub fn write(&mut self, stream: &[u8], sink: &mut dyn Sink) -> Result<(), Error> {
        for piece in stream.chunks(PIECE_BYTES) {
            let mut rest = piece;
            while !rest.is_empty() {
                let taken = self.step(rest, sink)?;
                rest = rest.get(taken..).unwrap_or_default();
            }
        }
        Ok(())
    }

    /// The replay of the stream, which has ended.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn finish(mut self) -> Result<Replay, Refusal> {
        match &self.stage {
            // What looks like another member's header and breaks off is the rest.
            Stage::Header if !self.replay.members.is_empty() => {
                self.replay.rest = mem::take(&mut self.gathered);
            }
            Stage::Header if self.gathered.is_empty() => return Err(Refusal::NotGzip),
            Stage::Rest => {}
            _ => return Err(Refusal::Damaged("it breaks off")),
        }
        Ok(self.replay)
    }

    /// Takes some of the bytes, and tells how many.
    fn step(&mut self, bytes: &[u8], sink: &mut dyn Sink) -> Result<usize, Error> {
        match mem::replace(&mut self.stage, Stage::Header) {
            Stage::Header => self.header(bytes),
            Stage::Body(body) => self.body(body, bytes, sink),
            Stage::Trailer(body) => self.trailer(body, bytes),
            Stage::Rest => {
                self.stage = Stage::Rest;
                self.rest(bytes)?;
                Ok(bytes.len())
            }
        }
    }

    fn header(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        let before = self.gathered.len();
        self.gathered.extend_from_slice(bytes);
        match wrapper::header_len(&self.gathered) {
            Ok(None) => Ok(bytes.len()),
            Ok(Some(length)) => {
                if self.replay.members.len() == MAX_MEMBERS {
                    return Err(Refusal::Limit("the list of members").into());
                }
                self.headers_bytes += length;
                if self.headers_bytes > MAX_HEADERS_BYTES {
                    return Err(Refusal::Limit("all members' headers").into());
                }
                self.gathered.truncate(length);
                let header = match self.replay.members.last() {
                    Some(before) if *before.header == *self.gathered => Arc::clone(&before.header),
                    _ => self.gathered.as_slice().into(),
                };
                self.gathered.clear();
                self.inflater.reset();
                self.stage = Stage::Body(Box::new(Body::new(header)));
                Ok(length - before)
            }
            Err(Refusal::NotGzip) if !self.replay.members.is_empty() => {
                let gathered = mem::take(&mut self.gathered);
                self.stage = Stage::Rest;
                self.rest(&gathered)?;
                Ok(bytes.len())
            }
            Err(refusal) => Err(refusal.into()),
        }
    }

    fn body(&mut self, mut body: Box<Body>, bytes: &[u8], sink: &mut dyn Sink) -> Result<usize, Error> {
        let pushed = self.inflater.push(bytes, &mut |found| match found {
            Found::Plain(plain) => {
                if body.is_known() {
                    sink.take(plain)?;
                }
                body.plain(plain);
                Ok(())
            }
            Found::Flush => {
                self.flushes += 1;
                if self.flushes > MAX_FLUSHES {
                    return Err(Error::Refused(TOO_MANY_FLUSHES));
                }
                body.flush();
                Ok(())
            }
        })?;
        let taken = match pushed {
            Pushed::All => bytes.len(),
            Pushed::Ended(taken) => taken,
        };
        let is_end = pushed != Pushed::All;
        let stored = bytes.get(..taken).unwrap_or_default();
        body.hold_against(stored, is_end, &mut self.kept, &self.without, sink)?;
        self.stage = if is_end { Stage::Trailer(*body) } else { Stage::Body(body) };
        Ok(taken)
    }

    fn trailer(&mut self, body: Body, bytes: &[u8]) -> Result<usize, Error> {
        let missing = TRAILER_BYTES - self.gathered.len();
        let now = bytes.get(..missing).unwrap_or(bytes);
        self.gathered.extend_from_slice(now);
        if now.len() < missing {
            self.stage = Stage::Trailer(body);
            return Ok(now.len());
        }
        if !body.ends_with(&self.gathered) {
            return Err(Refusal::Damaged("its checksum or length is wrong").into());
        }
        self.gathered.clear();
        if let Some((member, kept)) = body.into_member() {
            self.told += member.flushes.len();
            if self.told > MAX_FLUSHES {
                return Err(TOO_MANY_FLUSHES.into());
            }
            self.replay.members.push(member);
            self.kept = Some(kept);
        }
        Ok(now.len())
    }

    fn rest(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        self.replay.rest.extend_from_slice(bytes);
        let fits = self.replay.rest.len() <= MAX_REST_BYTES;
        if fits { Ok(()) } else { Err(Refusal::Limit("what is behind its last member")) }
    }
}

/// Analyses the stream that `source` gives, and gives its content to `sink`.
///
/// # Errors
/// [`Error::Refused`] when there is no replay of it; [`Error::Io`] of the source and the sink.
pub fn analyse(source: &mut dyn Read, sink: &mut dyn Sink) -> Result<Replay, Error> {
    let mut analyser = Analyser::new();
    let mut buffer = vec![0; PIECE_BYTES];
    loop {
        match source.read(&mut buffer) {
            Ok(0) => return Ok(analyser.finish()?),
            Ok(count) => analyser.write(buffer.get(..count).unwrap_or_default(), sink)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}
