//! Storing a gzip blob as its content, and as what it takes to make the blob again.

use dtrvault_codec::SplitSink;
use dtrvault_codec::layer::{Encoder, LayerError, LayerSplitter, Refusal};
use dtrvault_format::limits::{MAX_LONG_REPLAY_BYTES, MAX_REPLAY_BYTES};
use dtrvault_format::{Recipe, Replay};
use dtrvault_repo::write::{Class, Session, StreamWriter};

use super::blob_writer::Apart;
use crate::error::{OpsError, Result};

/// A blob that is being taken apart.
pub(super) struct LayerWriter {
    splitter: LayerSplitter,
    streams: Streams,
}

/// Where its parts go.
struct Streams {
    skeleton: StreamWriter,
    payload: StreamWriter,
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
    /// For one blob, which none of these encoders has made, though it looked so.
    pub(super) fn new(session: &Session, without: &[Encoder]) -> Self {
        let streams =
            Streams { skeleton: session.stream(Class::Layer), payload: session.stream(Class::Layer) };
        Self { splitter: LayerSplitter::without(without), streams }
    }

    /// Takes the next bytes of the blob.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Taken<()> {
        opaque_or_failed(self.splitter.push(bytes, &mut self.streams))
    }

    /// Ends the blob, and gives its recipe and what is known of it.
    pub(super) fn finish(mut self, session: &Session) -> Taken<(Recipe, Option<Apart>)> {
        let layer = match opaque_or_failed(self.splitter.finish(&mut self.streams))? {
            Ok(layer) => layer,
            Err(opaque) => return Ok(Err(opaque)),
        };
        let Streams { skeleton, payload } = self.streams;
        let payload = payload.finish()?;
        let content = match layer.tar {
            Some(_) => Recipe::Tar { skeleton: skeleton.finish()?, payload },
            None => Recipe::Plain(payload),
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
