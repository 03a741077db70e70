//! Follows a recipe: the bytes of a blob, read from the streams it is made of.

use std::io::{self, Read};

use dtrvault_format::limits::MAX_LONG_REPLAY_BYTES;
use dtrvault_format::{Recipe, Replay, StreamRef};

use crate::error::CodecError;
use crate::layer::GzipJoin;
use crate::rows::{RowSource, RowsJoin};
use crate::tar_join::TarJoin;

/// Where streams are read from.
pub trait StreamOpener {
    /// A reader of the stream's bytes, from its start to its end.
    ///
    /// Small reads must be cheap: the contents of every small file of a tar are one read.
    fn open(&self, stream: &StreamRef) -> io::Result<Box<dyn Read + Send>>;

    /// The rows of a table of exactly `rows` rows, to be read in any order.
    fn open_table(&self, stream: &StreamRef, rows: u32) -> io::Result<Box<dyn RowSource + Send>>;
}

/// A reader of the blob that `recipe` makes.
///
/// What it gives is as good as the streams are: hold it against the blob's digest. Fails
/// as `opener` does.
pub fn open_recipe(recipe: &Recipe, opener: &dyn StreamOpener) -> Result<Box<dyn Read + Send>, CodecError> {
    match recipe {
        Recipe::Plain(stream) => Ok(opener.open(stream)?),
        Recipe::Gzip { replay, content } => {
            let mut bytes = Vec::new();
            let replay = match replay {
                Replay::Short(replay) => replay,
                Replay::Long(stream) => {
                    opener.open(stream)?.take(MAX_LONG_REPLAY_BYTES).read_to_end(&mut bytes)?;
                    &bytes
                }
            };
            Ok(Box::new(GzipJoin::new(replay, open_recipe(content, opener)?)?))
        }
        Recipe::Tar { skeleton, payload } => {
            let (skeleton, payload) = (opener.open(skeleton)?, opener.open(payload)?);
            Ok(Box::new(TarJoin::new(skeleton, payload)))
        }
        Recipe::Rows { columns, payload, table, rows, .. } => {
            let (columns, payload) = (opener.open(columns)?, opener.open(payload)?);
            Ok(Box::new(RowsJoin::new(columns, payload, opener.open_table(table, *rows)?)))
        }
        Recipe::Unknown { kind, .. } => Err(CodecError::UnknownRecipe(*kind)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::rows::Table;
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

        fn open_table(&self, stream: &StreamRef, rows: u32) -> io::Result<Box<dyn RowSource + Send>> {
            let table = Table::read(self.open(stream)?, rows, Vec::new(), Vec::new());
            Ok(Box::new(table.map_err(CodecError::into_io)?))
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
    fn follows_rows() {
        // Two rows, the second one first; then a literal and payload.
        let columns = b"\x14\x00\x03\x0a\x08\x09\x02ab\x00\x00\x00\x08\x01\x00\x00\x00\x00\x00\x00\x00";
        let streams = Streams(vec![columns.to_vec(), b"xyz".to_vec(), b"\x02qr\x01s".to_vec()]);
        let recipe =
            Recipe::Rows { columns: stream(0), payload: stream(1), table: stream(2), rows: 2, used: 2 };
        let mut tar = vec![0; 1024];
        tar[0] = b's';
        tar[512..514].copy_from_slice(b"qr");
        tar.extend_from_slice(b"abxy");
        assert_eq!(read(&recipe, &streams).unwrap(), tar);
    }

    #[test]
    fn a_missing_stream_is_an_error() {
        let failed = read(&Recipe::Plain(stream(9)), &Streams(vec![]));
        assert!(matches!(failed, Err(CodecError::Io(error)) if error.kind() == ErrorKind::NotFound));
    }
}
