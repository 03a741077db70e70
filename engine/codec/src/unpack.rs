//! What a compressed blob holds, inflated as it is read, and not without end.

use std::io::{self, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

use crate::error::CodecError;
use crate::layer::most_content;
use crate::sniff::Form;

/// How much of the blob is read at once, bytes.
const BUFFER_BYTES: usize = 64 << 10;
/// zstd streams that look further back than 128 MiB are refused: so much memory they take.
const MAX_ZSTD_WINDOW_LOG: u32 = 27;

/// The content of a gzip or zstd stream. Fails with [`CodecError::Bomb`] inside the `io::Error` when it is
/// far too long for the stream.
pub struct Unpacked<R: Read> {
    decoder: Decoder<R>,
    given: u64,
}

enum Decoder<R: Read> {
    Gzip(Box<MultiGzDecoder<BufReader<Counted<R>>>>),
    Zstd(Box<zstd::stream::read::Decoder<'static, BufReader<Counted<R>>>>),
}

/// Counts what is read.
struct Counted<R> {
    source: R,
    bytes: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(out)?;
        self.bytes += count as u64;
        Ok(count)
    }
}

impl<R: Read> Unpacked<R> {
    /// The content of `source`, which is of this form; `None` for a form that is not compressed.
    ///
    /// # Errors
    /// [`CodecError::Decompress`] when there is no memory for it.
    pub fn new(form: Form, source: R) -> Result<Option<Self>, CodecError> {
        let source = BufReader::with_capacity(BUFFER_BYTES, Counted { source, bytes: 0 });
        let decoder = match form {
            Form::Gzip => Decoder::Gzip(Box::new(MultiGzDecoder::new(source))),
            Form::Zstd => {
                let mut decoder =
                    zstd::stream::read::Decoder::with_buffer(source).map_err(CodecError::Decompress)?;
                decoder.window_log_max(MAX_ZSTD_WINDOW_LOG).map_err(CodecError::Decompress)?;
                Decoder::Zstd(Box::new(decoder))
            }
            Form::Tar | Form::Other | Form::Empty => return Ok(None),
        };
        Ok(Some(Self { decoder, given: 0 }))
    }

    /// How much of the stream was read, bytes.
    fn taken(&self) -> u64 {
        match &self.decoder {
            Decoder::Gzip(decoder) => decoder.get_ref().get_ref().bytes,
            Decoder::Zstd(decoder) => decoder.get_ref().get_ref().bytes,
        }
    }
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.decoder {
            Decoder::Gzip(decoder) => decoder.read(out)?,
            Decoder::Zstd(decoder) => decoder.read(out)?,
        };
        self.given += count as u64;
        if self.given > most_content(self.taken()) {
            return Err(CodecError::Bomb.into_io());
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use std::io::Write;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn unpacked(form: Form, stream: &[u8]) -> io::Result<Vec<u8>> {
        let mut plain = Vec::new();
        Unpacked::new(form, stream).unwrap().unwrap().read_to_end(&mut plain)?;
        Ok(plain)
    }

    #[test]
    fn streams_give_their_content() {
        let two = [gzip(b"abc"), gzip(b"def")].concat();
        assert_eq!(unpacked(Form::Gzip, &two).unwrap(), b"abcdef");
        let zstd = zstd::stream::encode_all(&b"abcdef"[..], 3).unwrap();
        assert_eq!(unpacked(Form::Zstd, &zstd).unwrap(), b"abcdef");
        assert!(Unpacked::new(Form::Tar, &b""[..]).unwrap().is_none());
        assert!(unpacked(Form::Gzip, &two[..30]).is_err());
    }

    #[test]
    fn bombs_are_refused() {
        let zeros = vec![0; 70 << 20];
        for (form, stream) in
            [(Form::Gzip, gzip(&zeros)), (Form::Zstd, zstd::stream::encode_all(&zeros[..], 3).unwrap())]
        {
            let error = unpacked(form, &stream).unwrap_err().downcast::<CodecError>().unwrap();
            assert!(matches!(error, CodecError::Bomb), "{error}");
        }
    }
}
