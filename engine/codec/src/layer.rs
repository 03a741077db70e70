//! A gzip stream, taken apart: its content, a tar mostly, as streams of its own, and what it takes
//! to make the stream again.

use std::io::{self, Read};

use gzip_replay::{Analyser, Error, Replay, Replayer};

use crate::error::CodecError;
use crate::sniff::{Form, sniff};
use crate::tar_header::TAR_BLOCK_BYTES;
use crate::tar_proven::ProvenTarSplitter;
use crate::tar_report::TarReport;
use crate::tar_skeleton::SplitSink;

pub use gzip_replay::{Encoder, Refusal};

/// Content is read in pieces of this length when a stream is made again, bytes.
const PIECE_BYTES: usize = 64 << 10;
/// Content may be so many times as long as its stream: deflate itself does not reach 1,032.
const MAX_RATIO: u64 = 256;
/// What is shorter than this may have any ratio, bytes.
const FREE_BYTES: u64 = 64 << 20;

/// Most content that so much of a stream is believed to hold, bytes.
pub(crate) fn most_content(stream_bytes: u64) -> u64 {
    stream_bytes.saturating_mul(MAX_RATIO).max(FREE_BYTES)
}

/// Takes a gzip stream apart while it comes. Memory is bounded.
pub struct LayerSplitter {
    analyser: Analyser,
    content: Content,
    stream_len: u64,
}

/// What a gzip stream holds.
struct Content {
    /// The first block of it, until it is known what it is.
    first: Vec<u8>,
    kind: Kind,
    len: u64,
}

enum Kind {
    Unknown,
    Tar(Box<ProvenTarSplitter>),
    Other,
}

/// A gzip stream that was taken apart.
#[derive(Debug, Clone)]
pub struct Layer {
    /// What it takes to make it again, as [`GzipJoin`] reads it.
    pub replay: Vec<u8>,
    /// What made it.
    pub encoder: Option<Encoder>,
    /// Length of the content, bytes.
    pub content_len: u64,
    /// What the tar was; none when the content is no tar, and all of it payload.
    pub tar: Option<TarReport>,
}

/// Why a stream was not taken apart.
#[derive(Debug)]
pub enum LayerError<E> {
    /// It has to be stored as it is.
    Refused(Refusal),
    /// Its content is too long for its length.
    Bomb,
    /// Its tar did not come back from what it was split into.
    Unproven,
    /// The sink failed.
    Sink(E),
}

impl Default for LayerSplitter {
    fn default() -> Self {
        Self::new()
    }
}

impl LayerSplitter {
    /// For one stream.
    #[must_use]
    pub fn new() -> Self {
        Self::without(&[])
    }

    /// For a stream that none of these encoders has made, though it looked so.
    #[must_use]
    pub fn without(encoders: &[Encoder]) -> Self {
        let content = Content { first: Vec::new(), kind: Kind::Unknown, len: 0 };
        Self { analyser: Analyser::without(encoders), content, stream_len: 0 }
    }

    /// Takes the next bytes of the stream.
    ///
    /// # Errors
    /// [`LayerError`]; the stream has to be stored as it is, then.
    pub fn push<S: SplitSink>(&mut self, stream: &[u8], sink: &mut S) -> Result<(), LayerError<S::Error>> {
        self.stream_len += stream.len() as u64;
        let most = most_content(self.stream_len);
        let mut failed = None;
        let content = &mut self.content;
        let taken = self.analyser.write(stream, &mut |plain: &[u8]| {
            content.push(plain, most, sink).map_err(|error| {
                failed = Some(error);
                io::Error::from(io::ErrorKind::Other)
            })
        });
        match (taken, failed) {
            (_, Some(error)) => Err(error),
            (Err(Error::Refused(refusal)), None) => Err(LayerError::Refused(refusal)),
            // It comes from the content alone.
            (Err(Error::Io(_)) | Ok(()), None) => Ok(()),
        }
    }

    /// Ends the stream.
    ///
    /// # Errors
    /// As [`LayerSplitter::push`].
    pub fn finish<S: SplitSink>(self, sink: &mut S) -> Result<Layer, LayerError<S::Error>> {
        let replay = self.analyser.finish().map_err(LayerError::Refused)?;
        let content_len = self.content.len;
        let tar = self.content.finish(sink)?;
        Ok(Layer { encoder: replay.encoder(), replay: replay.to_bytes(), content_len, tar })
    }
}

impl Content {
    fn push<S: SplitSink>(
        &mut self,
        plain: &[u8],
        most: u64,
        sink: &mut S,
    ) -> Result<(), LayerError<S::Error>> {
        self.len += plain.len() as u64;
        if self.len > most {
            return Err(LayerError::Bomb);
        }
        if !matches!(self.kind, Kind::Unknown) {
            return self.split(plain, sink);
        }
        self.first.extend_from_slice(plain);
        if self.first.len() < TAR_BLOCK_BYTES { Ok(()) } else { self.decide(false, sink) }
    }

    /// Looks what the content is, by its first block.
    fn decide<S: SplitSink>(&mut self, is_whole: bool, sink: &mut S) -> Result<(), LayerError<S::Error>> {
        let first = std::mem::take(&mut self.first);
        let block = first.get(..TAR_BLOCK_BYTES).unwrap_or(&first);
        self.kind = match sniff(block, is_whole) {
            Form::Tar => Kind::Tar(Box::default()),
            _ => Kind::Other,
        };
        self.split(&first, sink)
    }

    fn split<S: SplitSink>(&mut self, plain: &[u8], sink: &mut S) -> Result<(), LayerError<S::Error>> {
        match &mut self.kind {
            Kind::Tar(tar) => tar.push(plain, sink),
            Kind::Unknown | Kind::Other => sink.payload(plain),
        }
        .map_err(LayerError::Sink)
    }

    fn finish<S: SplitSink>(mut self, sink: &mut S) -> Result<Option<TarReport>, LayerError<S::Error>> {
        if matches!(self.kind, Kind::Unknown) {
            self.decide(true, sink)?;
        }
        let Kind::Tar(tar) = self.kind else { return Ok(None) };
        let report = tar.finish(sink).map_err(LayerError::Sink)?;
        Ok(Some(report.ok_or(LayerError::Unproven)?))
    }
}

/// What made a stream, and how long its content is, by its [`Layer::replay`].
///
/// # Errors
/// [`CodecError::Replay`].
pub fn made_by(replay: &[u8]) -> Result<(Option<Encoder>, u64), CodecError> {
    let replay = Replay::from_bytes(replay).map_err(CodecError::Replay)?;
    Ok((replay.encoder(), replay.plain_len()))
}

/// A gzip stream that is made again from its content. Fails with a [`CodecError`] inside the `io::Error`;
/// after any error every read fails.
pub struct GzipJoin<R> {
    content: R,
    state: Making,
    piece: Vec<u8>,
    made: Vec<u8>,
    given: usize,
}

/// How far a stream has come.
enum Making {
    Goes(Box<Replayer>),
    Ended,
    Failed,
}

impl<R: Read> GzipJoin<R> {
    /// For a [`Layer::replay`] and the content that it is of.
    ///
    /// # Errors
    /// [`CodecError::Replay`].
    pub fn new(replay: &[u8], content: R) -> Result<Self, CodecError> {
        let replayer = Replay::from_bytes(replay).and_then(Replayer::new).map_err(CodecError::Replay)?;
        let (piece, made) = (vec![0; PIECE_BYTES], Vec::new());
        Ok(Self { content, state: Making::Goes(Box::new(replayer)), piece, made, given: 0 })
    }

    /// Makes more of the stream; nothing at its end.
    fn make(&mut self) -> Result<(), CodecError> {
        self.made.clear();
        self.given = 0;
        while self.made.is_empty() {
            // Whatever goes wrong below, there is no way on.
            let mut replayer = match std::mem::replace(&mut self.state, Making::Failed) {
                Making::Goes(replayer) => replayer,
                Making::Ended => {
                    self.state = Making::Ended;
                    return Ok(());
                }
                Making::Failed => return Err(io::Error::from(io::ErrorKind::InvalidData).into()),
            };
            let count = loop {
                match self.content.read(&mut self.piece) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    read => break read?,
                }
            };
            let plain = self.piece.get(..count).unwrap_or_default();
            self.state = if plain.is_empty() {
                replayer.finish(&mut self.made).map_err(CodecError::Replay)?;
                Making::Ended
            } else {
                replayer.write(plain, &mut self.made).map_err(CodecError::Replay)?;
                Making::Goes(replayer)
            };
        }
        Ok(())
    }
}

impl<R: Read> Read for GzipJoin<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.given == self.made.len() && !out.is_empty() {
            self.make().map_err(|error| {
                // Of a stream that is not whole, nothing more is given.
                self.made.clear();
                error.into_io()
            })?;
        }
        let rest = self.made.get(self.given..).unwrap_or_default();
        let count = rest.len().min(out.len());
        if let (Some(to), Some(from)) = (out.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        self.given += count;
        Ok(count)
    }
}
