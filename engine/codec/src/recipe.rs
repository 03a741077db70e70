//! Follows a recipe: the bytes of a blob, read from the streams it is made of.

use std::io::{self, Read};

use dtrvault_format::{Recipe, StreamRef};

use crate::error::CodecError;
use crate::tar_join::TarJoin;

/// Where streams are read from.
pub trait StreamOpener {
    /// A reader of the stream's bytes, from its start to its end.
    ///
    /// Small reads must be cheap: the contents of every small file of a tar are one read.
    fn open(&self, stream: &StreamRef) -> io::Result<Box<dyn Read + Send>>;
}

/// A reader of the blob that `recipe` makes.
///
/// What it gives is as good as the streams are: hold it against the blob's digest. Fails
/// as `opener` does.
pub fn open_recipe(recipe: &Recipe, opener: &dyn StreamOpener) -> Result<Box<dyn Read + Send>, CodecError> {
    match recipe {
        Recipe::Plain(stream) => Ok(opener.open(stream)?),
        Recipe::Tar { skeleton, payload } => {
            let (skeleton, payload) = (opener.open(skeleton)?, opener.open(payload)?);
            Ok(Box::new(TarJoin::new(skeleton, payload)))
        }
        Recipe::Unknown { kind, .. } => Err(CodecError::UnknownRecipe(*kind)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use dtrvault_format::ChunkId;
    use std::io::{Cursor, ErrorKind};

    /// Streams by the first byte of their root.
    struct Streams(Vec<Vec<u8>>);

    impl StreamOpener for Streams {
        fn open(&self, stream: &StreamRef) -> io::Result<Box<dyn Read + Send>> {
            let at = usize::from(stream.root.unwrap().as_bytes()[0]);
            let bytes = self.0.get(at).ok_or(ErrorKind::NotFound)?;
            Ok(Box::new(Cursor::new(bytes.clone())))
        }
    }

    fn stream(at: u8) -> StreamRef {
        StreamRef { len: 1, depth: 0, root: Some(ChunkId::new([at; ChunkId::LEN])) }
    }

    fn read(recipe: &Recipe, streams: &Streams) -> Result<Vec<u8>, CodecError> {
        let mut bytes = Vec::new();
        open_recipe(recipe, streams)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    #[test]
    fn follows_plain_and_tar() {
        let streams = Streams(vec![b"\x02ab\x03\x01c\x00".to_vec(), b"xyz".to_vec()]);
        assert_eq!(read(&Recipe::Plain(stream(1)), &streams).unwrap(), b"xyz");
        let tar = Recipe::Tar { skeleton: stream(0), payload: stream(1) };
        assert_eq!(read(&tar, &streams).unwrap(), b"abxyzc");
    }

    #[test]
    fn a_missing_stream_is_an_error() {
        let failed = read(&Recipe::Plain(stream(9)), &Streams(vec![]));
        assert!(matches!(failed, Err(CodecError::Io(error)) if error.kind() == ErrorKind::NotFound));
    }
}
