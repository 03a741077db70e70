//! Gives back a tar from its skeleton and payload. The format stands in [`crate::tar_split`].

use std::io::{self, BufRead, BufReader, ErrorKind, Read};

use crate::deflated::RunReader;
use crate::error::CodecError;
use crate::leb128;
use crate::tar_deflate::Deflater;
use crate::tar_list::SkipRead;
use crate::tar_skeleton::MAX_LITERAL_BYTES;

/// How much of the skeleton is read at once, bytes.
const SKELETON_BUFFER_BYTES: usize = 16 * 1024;

/// How much of a literal is passed over at once, bytes.
const SKIP_BYTES: usize = 512;

/// Reads the bytes that were split.
///
/// The payload is read only as far as records ask for it, the skeleton at most one buffer
/// ahead. What breaks the format is an error of kind `InvalidData` that holds a
/// [`CodecError`]; after any error every read fails.
#[derive(Debug)]
pub struct TarJoin<S, P> {
    skeleton: BufReader<S>,
    payload: P,
    step: Step,
    deflater: Deflater,
    /// An error that was met after bytes had already been given out in the same read.
    failure: Option<io::Error>,
}

#[derive(Debug)]
enum Step {
    LiteralLength(leb128::Reader),
    Literal { left: u64 },
    RunLength { number: leb128::Reader, is_after_literal: bool },
    Run { left: u64 },
    DeflatedRun(RunReader),
    Deflated,
    End,
    Failed,
}

impl Step {
    fn record() -> Self {
        Self::LiteralLength(leb128::Reader::default())
    }

    fn run_length(is_after_literal: bool) -> Self {
        Self::RunLength { number: leb128::Reader::default(), is_after_literal }
    }
}

impl<S: Read, P: Read> TarJoin<S, P> {
    /// A reader at the start of the tar.
    pub fn new(skeleton: S, payload: P) -> Self {
        Self {
            skeleton: BufReader::with_capacity(SKELETON_BUFFER_BYTES, skeleton),
            payload,
            step: Step::record(),
            deflater: Deflater::default(),
            failure: None,
        }
    }

    /// One step: bytes put into `out`, which may be none; or `None` at the end.
    fn advance(&mut self, out: &mut [u8]) -> Result<Option<usize>, CodecError> {
        match &mut self.step {
            Step::End => return Ok(None),
            Step::Failed => return Err(io::Error::from(ErrorKind::InvalidData).into()),
            Step::LiteralLength(number) => match next_byte(&mut self.skeleton)? {
                None if number.is_started() => return Err(CodecError::SkeletonCut),
                None => self.step = Step::End,
                Some(byte) => match push(number, byte)? {
                    None => {}
                    Some(0) => self.step = Step::run_length(false),
                    Some(left) if left <= MAX_LITERAL_BYTES as u64 => {
                        self.step = Step::Literal { left };
                    }
                    Some(bytes) => {
                        let max = MAX_LITERAL_BYTES as u64;
                        return Err(CodecError::SkeletonLiteral { bytes, max });
                    }
                },
            },
            Step::RunLength { number, is_after_literal } => {
                let byte = next_byte(&mut self.skeleton)?.ok_or(CodecError::SkeletonCut)?;
                match push(number, byte)? {
                    None => {}
                    Some(0) if !*is_after_literal => self.step = Step::DeflatedRun(RunReader::default()),
                    Some(0) => self.step = Step::record(),
                    Some(left) => self.step = Step::Run { left },
                }
            }
            Step::DeflatedRun(run) => {
                let byte = next_byte(&mut self.skeleton)?.ok_or(CodecError::SkeletonCut)?;
                if let Some(run) = run.push(byte)? {
                    self.deflater.begin(run);
                    self.step = Step::Deflated;
                }
            }
            Step::Deflated => match self.deflater.read(&mut self.payload, out)? {
                None => self.step = Step::record(),
                count => return Ok(count),
            },
            Step::Literal { left } => {
                let count = read_some(&mut self.skeleton, out, *left)?;
                if count == 0 {
                    return Err(CodecError::SkeletonCut);
                }
                *left -= count as u64;
                if *left == 0 {
                    self.step = Step::run_length(true);
                }
                return Ok(Some(count));
            }
            Step::Run { left } => {
                let count = read_some(&mut self.payload, out, *left)?;
                if count == 0 {
                    return Err(CodecError::PayloadCut { missing: *left });
                }
                *left -= count as u64;
                if *left == 0 {
                    self.step = Step::record();
                }
                return Ok(Some(count));
            }
        }
        Ok(Some(0))
    }
}

impl<S: Read, P: Read> Read for TarJoin<S, P> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if let Some(error) = self.failure.take() {
            return Err(error);
        }
        let mut filled = 0;
        while let Some(rest) = out.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.advance(rest) {
                Ok(Some(count)) => filled += count,
                Ok(None) => break,
                Err(error) => {
                    self.step = Step::Failed;
                    if filled == 0 {
                        return Err(error.into_io());
                    }
                    self.failure = Some(error.into_io());
                    break;
                }
            }
        }
        Ok(filled)
    }
}

impl<S: Read, P: SkipRead> SkipRead for TarJoin<S, P> {
    fn skip(&mut self, count: u64, sum: &mut blake3::Hasher) -> io::Result<u64> {
        if let Some(error) = self.failure.take() {
            return Err(error);
        }
        let mut left = count;
        while left > 0 {
            match self.skip_some(left, sum) {
                Ok(Some(passed)) => left -= passed,
                Ok(None) => break,
                Err(error) => {
                    self.step = Step::Failed;
                    return Err(error.into_io());
                }
            }
        }
        Ok(count - left)
    }
}

impl<S: Read, P: SkipRead> TarJoin<S, P> {
    /// One step of passing over at most `most` bytes; `None` at the end. What stands in the skeleton is read, and so
    /// is a deflated run of which only a part is passed over.
    fn skip_some(&mut self, most: u64, sum: &mut blake3::Hasher) -> Result<Option<u64>, CodecError> {
        if matches!(self.step, Step::Deflated)
            && let Some(run) = self.deflater.untouched().filter(|run| run.packed <= most)
        {
            run.sum(sum);
            let passed = self.payload.skip(run.plain, sum)?;
            if passed < run.plain {
                return Err(CodecError::PayloadCut { missing: run.plain - passed });
            }
            self.step = Step::record();
            return Ok(Some(run.packed));
        }
        let Step::Run { left } = &mut self.step else {
            let mut literal = [0; SKIP_BYTES];
            let (out, _) = literal.split_at_mut(usize::try_from(most).unwrap_or(usize::MAX).min(SKIP_BYTES));
            let count = self.advance(out)?;
            sum.update(out.get(..count.unwrap_or(0)).unwrap_or_default());
            return Ok(count.map(|count| count as u64));
        };
        let passed = self.payload.skip(most.min(*left), sum)?;
        if passed == 0 {
            return Err(CodecError::PayloadCut { missing: *left });
        }
        *left -= passed;
        if *left == 0 {
            self.step = Step::record();
        }
        Ok(Some(passed))
    }
}

fn push(number: &mut leb128::Reader, byte: u8) -> Result<Option<u64>, CodecError> {
    number.push(byte).map_err(|leb128::Malformed| CodecError::SkeletonNumber)
}

/// Reads at most `left` bytes into the front of `out`, neither of which is empty.
fn read_some(source: &mut impl Read, out: &mut [u8], left: u64) -> io::Result<usize> {
    let most = usize::try_from(left).unwrap_or(usize::MAX).min(out.len());
    let (out, _) = out.split_at_mut(most);
    loop {
        match source.read(out) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

fn next_byte(source: &mut impl BufRead) -> io::Result<Option<u8>> {
    loop {
        match source.fill_buf() {
            Ok(buffer) => {
                let byte = buffer.first().copied();
                if byte.is_some() {
                    source.consume(1);
                }
                return Ok(byte);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
