//! Layers: what is taken apart comes back, and a replay makes no more than its content is for.

use std::io::Read;

use dtrvault_codec::layer::{GzipJoin, LayerError, LayerSplitter};
use dtrvault_codec::{TarJoin, TarStreams};

/// Memory stays small for whatever a few bytes ask for.
const MAX_MADE_BYTES: u64 = 64 << 20;

/// The first two bytes are the length of the pieces.
pub(super) fn layer_split(bytes: &[u8]) {
    let (piece, stream) = super::number(bytes);
    let (mut splitter, mut streams) = (LayerSplitter::new(), TarStreams::default());
    let pushed = stream.chunks(piece.max(1)).try_for_each(|part| splitter.push(part, &mut streams));
    let layer = match pushed.and_then(|()| splitter.finish(&mut streams)) {
        Ok(layer) => layer,
        Err(LayerError::Sink(never)) => match never {},
        Err(LayerError::Unproven) => return assert!(stream.is_empty(), "a tar that does not come back"),
        Err(_) => return,
    };
    let mut content = Vec::new();
    let read = if layer.tar.is_some() {
        TarJoin::new(&*streams.skeleton, &*streams.payload).read_to_end(&mut content)
    } else {
        (&*streams.payload).read_to_end(&mut content)
    };
    assert!(read.is_ok() && content.len() as u64 == layer.content_len, "content of another length");
    let mut made = Vec::new();
    let read = GzipJoin::new(&layer.replay, &*content).map(|mut join| join.read_to_end(&mut made));
    assert!(matches!(read, Ok(Ok(_))) && made == stream, "a stream that does not come back");
}

/// The first two bytes are the length of the replay; the rest is content.
pub(super) fn gzip_join(bytes: &[u8]) {
    let (len, rest) = super::number(bytes);
    let (replay, content) = rest.split_at(len.min(rest.len()));
    let Ok(mut join) = GzipJoin::new(replay, content) else { return };
    let made = std::io::copy(&mut (&mut join).take(MAX_MADE_BYTES), &mut std::io::sink());
    if made.is_err() {
        assert!(!matches!(join.read(&mut [0; 16]), Ok(1..)), "bytes after an error");
    }
}
