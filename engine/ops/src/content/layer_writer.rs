//! Storing a layer as what it holds: a tar, or a gzip stream and what it takes to make it again.

use dtrvault_codec::layer::{Encoder, LayerError, LayerSplitter, Refusal};
use dtrvault_codec::{ProvenTarSplitter, SplitSink};
use dtrvault_format::limits::{MAX_LONG_REPLAY_BYTES, MAX_REPLAY_BYTES};
use dtrvault_format::{Recipe, Replay};
use dtrvault_repo::write::{Class, Session, StreamWriter};

use super::blob_writer::Apart;
use crate::error::{OpsError, Result};

/// A blob that is being taken apart.
pub(super) struct LayerWriter {
    splitter: Splitter,
    streams: Streams,
}

/// What takes it apart.
enum Splitter {
    Gzip(Box<LayerSplitter>),
    Tar(Box<ProvenTarSplitter>),
}

/// Where its parts go.
struct Streams {
    skeleton: StreamWriter,
    payload: StreamWriter,
}

impl Streams {
    fn tar(self) -> Result<Recipe> {
        Ok(Recipe::Tar { skeleton: self.skeleton.finish()?, payload: self.payload.finish()? })
    }
}

impl SplitSink for Streams {
    type Error = OpsError;

    fn skeleton(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.skeleton.write(bytes)?)
    }

    fn payload(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.payload.write(bytes)?)
    }
}

/// Why a gzip blob is stored as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Opaque {
    /// It cannot be made again from its content.
    Refused(Refusal),
    /// Its content is too long for its length.
    Bomb,
    /// Its tar did not come back.
    Unproven,
}

impl Opaque {
    /// Why, in words that are the same for all blobs of a kind.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Refused(Refusal::UnknownEncoder) => "no known encoder made it",
            Self::Refused(Refusal::Diverged { .. }) => "a known encoder made its beginning only",
            Self::Refused(Refusal::Limit(_)) => "it has more parts than are worth following",
            Self::Refused(_) => "it is damaged",
            Self::Bomb => "its content is far too long for its length",
            Self::Unproven => "its tar did not come back from its parts",
        }
    }
}

/// What became of a piece, or of the whole.
type Taken<T> = Result<std::result::Result<T, Opaque>>;

impl LayerWriter {
    /// For a gzip stream, which none of these encoders has made, though it looked so.
    pub(super) fn gzip(session: &Session, without: &[Encoder]) -> Self {
        Self::new(session, Splitter::Gzip(Box::new(LayerSplitter::without(without))))
    }

    /// For a tar.
    pub(super) fn tar(session: &Session) -> Self {
        Self::new(session, Splitter::Tar(Box::default()))
    }

    fn new(session: &Session, splitter: Splitter) -> Self {
        let streams =
            Streams { skeleton: session.stream(Class::Layer), payload: session.stream(Class::Layer) };
        Self { splitter, streams }
    }

    /// Takes the next bytes of the blob.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Taken<()> {
        match &mut self.splitter {
            Splitter::Gzip(splitter) => opaque_or_failed(splitter.push(bytes, &mut self.streams)),
            Splitter::Tar(splitter) => Ok(Ok(splitter.push(bytes, &mut self.streams)?)),
        }
    }

    /// Ends the blob, and gives its recipe and, of a gzip stream, what is known of it.
    pub(super) fn finish(self, session: &Session) -> Taken<(Recipe, Option<Apart>)> {
        let Self { splitter, mut streams } = self;
        let layer = match splitter {
            Splitter::Gzip(splitter) => match opaque_or_failed(splitter.finish(&mut streams))? {
                Ok(layer) => layer,
                Err(opaque) => return Ok(Err(opaque)),
            },
            Splitter::Tar(splitter) => {
                return Ok(match splitter.finish(&mut streams)? {
                    Some(_) => Ok((streams.tar()?, None)),
                    None => Err(Opaque::Unproven),
                });
            }
        };
        let content = match layer.tar {
            Some(_) => streams.tar()?,
            None => Recipe::Plain(streams.payload.finish()?),
        };
        let replay = if layer.replay.len() <= MAX_REPLAY_BYTES {
            Replay::Short(layer.replay)
        } else {
            if layer.replay.len() as u64 > MAX_LONG_REPLAY_BYTES {
                return Ok(Err(Opaque::Refused(Refusal::Limit("its replay"))));
            }
            let mut stream = session.stream(Class::Layer);
            stream.write(&layer.replay)?;
            Replay::Long(stream.finish()?)
        };
        let content_len = layer.content_len;
        let apart = layer.encoder.map(|encoder| Apart { encoder, content_len });
        Ok(Ok((Recipe::Gzip { replay, content: Box::new(content) }, apart)))
    }
}

fn opaque_or_failed<T>(taken: std::result::Result<T, LayerError<OpsError>>) -> Taken<T> {
    match taken {
        Ok(taken) => Ok(Ok(taken)),
        Err(LayerError::Refused(refusal)) => Ok(Err(Opaque::Refused(refusal))),
        Err(LayerError::Bomb) => Ok(Err(Opaque::Bomb)),
        Err(LayerError::Unproven) => Ok(Err(Opaque::Unproven)),
        Err(LayerError::Sink(error)) => Err(error),
    }
}
