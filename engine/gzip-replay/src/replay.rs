//! What it takes, beside the content, to make a stream again; and making it.

use std::sync::Arc;

use crate::catalogue::Encoder;
use crate::encoder::Deflate;
use crate::error::Malformed;
use crate::varint::{Reader, put};
use crate::wrapper::{self, MAX_HEADER_BYTES};

/// Most members of one stream: an eStargz layer has one for each of its files.
pub(crate) const MAX_MEMBERS: usize = 1 << 20;
/// Most flushes in one stream.
pub(crate) const MAX_FLUSHES: usize = 1 << 20;
/// Most bytes of all members' headers together: members without content make nothing else.
pub(crate) const MAX_HEADERS_BYTES: usize = 16 << 20;
/// Most bytes behind the last member.
pub(crate) const MAX_REST_BYTES: usize = 1 << 16;

/// What it takes to make a gzip stream again from its content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replay {
    pub(crate) members: Vec<Member>,
    /// What stands behind the last member.
    pub(crate) rest: Vec<u8>,
}

/// One member of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    /// Its header, as it is; often that of the member before.
    pub(crate) header: Arc<[u8]>,
    pub(crate) encoder: Encoder,
    /// Length of its content, bytes.
    pub(crate) plain_len: u64,
    /// Where in the content the encoder was told to flush, ascending.
    pub(crate) flushes: Vec<u64>,
}

impl Replay {
    /// The encoder of the stream; of its first member, where it has several.
    #[must_use]
    pub fn encoder(&self) -> Option<Encoder> {
        self.members.first().map(|member| member.encoder)
    }

    /// Number of members.
    #[must_use]
    pub fn members(&self) -> usize {
        self.members.len()
    }

    /// Length of the content, bytes.
    #[must_use]
    pub fn plain_len(&self) -> u64 {
        self.members.iter().fold(0, |sum, member| sum.saturating_add(member.plain_len))
    }

    /// As bytes: some 20 for a stream of one member. `format-spec/recipe.md` says how.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put(self.members.len() as u64, &mut out);
        let mut before: Option<&Member> = None;
        for member in &self.members {
            // Members of one stream differ in length alone, mostly.
            let same = before.is_some_and(|before| {
                before.header == member.header
                    && before.encoder == member.encoder
                    && before.flushes.is_empty()
                    && member.flushes.is_empty()
            });
            out.push(u8::from(same));
            put(member.plain_len, &mut out);
            if !same {
                put(member.header.len() as u64, &mut out);
                out.extend_from_slice(&member.header);
                member.encoder.put(&mut out);
                put(member.flushes.len() as u64, &mut out);
                let mut last = 0;
                for flush in &member.flushes {
                    put(flush - last, &mut out);
                    last = *flush;
                }
            }
            before = Some(member);
        }
        put(self.rest.len() as u64, &mut out);
        out.extend_from_slice(&self.rest);
        out
    }

    /// From [`Replay::to_bytes`].
    ///
    /// # Errors
    /// [`Malformed`], for bytes that break the rules or its limits.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let count = reader.count(MAX_MEMBERS, "members")?;
        let mut members: Vec<Member> = Vec::new();
        let mut flushes_left = MAX_FLUSHES;
        let mut headers_left = MAX_HEADERS_BYTES;
        for _ in 0..count {
            let same = reader.byte()?;
            let plain_len = reader.number()?;
            let member = match (same, members.last()) {
                (1, Some(before)) => Member { plain_len, flushes: Vec::new(), ..before.clone() },
                (0, _) => {
                    let length = reader.count(MAX_HEADER_BYTES, "a header")?;
                    let header = reader.bytes(length)?.into();
                    let encoder = Encoder::read(&mut reader)?;
                    let count = reader.count(flushes_left, "flushes")?;
                    flushes_left -= count;
                    let mut flushes = Vec::new();
                    let mut last = 0_u64;
                    for _ in 0..count {
                        last =
                            last.checked_add(reader.number()?).ok_or(Malformed("a flush beyond the end"))?;
                        flushes.push(last);
                    }
                    if last > plain_len {
                        return Err(Malformed("a flush beyond the end"));
                    }
                    Member { header, encoder, plain_len, flushes }
                }
                _ => return Err(Malformed("a member like none before it")),
            };
            let headers = headers_left.checked_sub(member.header.len());
            headers_left = headers.ok_or(Malformed("headers that are too long together"))?;
            members.push(member);
        }
        let length = reader.count(MAX_REST_BYTES, "what is behind the last member")?;
        let rest = reader.bytes(length)?.to_vec();
        if reader.is_done() { Ok(Self { members, rest }) } else { Err(Malformed("more bytes than it has")) }
    }
}

/// Makes a stream again while its content comes.
pub struct Replayer {
    replay: Replay,
    /// The member that is being made.
    at: usize,
    running: Option<Running>,
}

/// A member that is being made.
struct Running {
    encoder: Encoder,
    deflate: Box<dyn Deflate>,
    crc: crc32fast::Hasher,
    /// What has come of its content, bytes.
    taken: u64,
    flushed: usize,
}

impl Replayer {
    /// For the stream that `replay` is of.
    ///
    /// # Errors
    /// [`Malformed`] when a member's encoder does not exist.
    pub fn new(replay: Replay) -> Result<Self, Malformed> {
        if replay.members.iter().any(|member| !member.encoder.exists()) {
            return Err(Malformed("there is no such encoder"));
        }
        Ok(Self { replay, at: 0, running: None })
    }

    /// Takes the next bytes of the content; what they make of the stream is appended to `out`.
    ///
    /// # Errors
    /// [`Malformed`] when there is more content than the replay is for.
    pub fn write(&mut self, mut plain: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
        while !plain.is_empty() {
            self.end_what_is_complete(out)?;
            let Some(member) = self.replay.members.get(self.at) else {
                return Err(Malformed("it is for less content"));
            };
            let Some(running) = &mut self.running else { return Err(Malformed("it is for less content")) };
            let until = member.flushes.get(running.flushed).copied().unwrap_or(member.plain_len);
            let wanted = usize::try_from(until - running.taken).unwrap_or(usize::MAX);
            let (now, later) = plain.split_at(wanted.min(plain.len()));
            running.crc.update(now);
            running.deflate.write(now, out);
            running.taken += now.len() as u64;
            plain = later;
        }
        Ok(())
    }

    /// Ends the stream.
    ///
    /// # Errors
    /// [`Malformed`] when there was less content than the replay is for.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<(), Malformed> {
        self.end_what_is_complete(out)?;
        if self.at < self.replay.members.len() {
            return Err(Malformed("it is for more content"));
        }
        out.extend_from_slice(&self.replay.rest);
        Ok(())
    }

    /// Flushes and ends members for as long as that takes no more content, and begins the next.
    fn end_what_is_complete(&mut self, out: &mut Vec<u8>) -> Result<(), Malformed> {
        while let Some(member) = self.replay.members.get(self.at) {
            let running = match &mut self.running {
                Some(running) => running,
                none => {
                    out.extend_from_slice(&member.header);
                    none.insert(Running::start(member.encoder)?)
                }
            };
            while member.flushes.get(running.flushed) == Some(&running.taken) {
                running.deflate.flush(out);
                running.flushed += 1;
            }
            if running.taken < member.plain_len {
                return Ok(());
            }
            running.deflate.finish(out);
            let crc = std::mem::take(&mut running.crc).finalize();
            out.extend(wrapper::trailer(crc, running.taken));
            self.at += 1;
            // The next member's encoder is the same one, mostly, and beginning anew costs less.
            let next = self.replay.members.get(self.at).map(|member| (member.encoder, &member.header));
            match next {
                Some((encoder, header)) if encoder == running.encoder => {
                    out.extend_from_slice(header);
                    running.deflate.reset(&[]);
                    (running.taken, running.flushed) = (0, 0);
                }
                _ => self.running = None,
            }
        }
        Ok(())
    }
}

impl Running {
    fn start(encoder: Encoder) -> Result<Self, Malformed> {
        let deflate = encoder.start().ok_or(Malformed("there is no such encoder"))?;
        Ok(Self { encoder, deflate, crc: crc32fast::Hasher::new(), taken: 0, flushed: 0 })
    }
}
