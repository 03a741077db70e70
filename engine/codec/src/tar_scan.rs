//! Reads a tar as it comes by, and says which of its bytes are contents.
//!
//! Whatever the bytes are, each is handed on once and in order; a wrong guess about them
//! costs space only.

use crate::tar_extent::{Extended, Extent};
use crate::tar_fields::PaxFields;
use crate::tar_header::{
    Block, Header, TAR_BLOCK_BYTES, sparse_extension_goes_on, sparse_header_goes_on, text,
};
use crate::tar_parts::{Member, Next, PartSink};
use crate::tar_report::{Ending, TarReport};
use crate::tar_skeleton::MAX_LITERAL_BYTES;

/// Scans a tar that arrives in pieces. How it was pieced does not change the result, but
/// for how the sink's bytes are pieced.
///
/// Knows v7, ustar, GNU and pax, several archives in a row, and archives that are cut,
/// damaged or none: the rest of what cannot be read as tar goes to the payload.
/// Memory is bounded: a name, a block.
#[derive(Debug)]
pub(crate) struct TarScanner {
    state: State,
    block: [u8; TAR_BLOCK_BYTES],
    /// How much of `block` is there; only in states that wait for a block.
    filled: usize,
    /// Bytes of the input that were handed on.
    offset: u64,
    /// Start of the current member's first header.
    item: u64,
    /// Extended headers wait for their member since `item`.
    is_announced: bool,
    announced: PaxFields,
    /// A zero block has come since the last header.
    is_ended: bool,
    /// The first thing that was wrong.
    fault: Option<Ending>,
    name: Vec<u8>,
    members: u64,
    root: Option<Vec<u8>>,
}

#[derive(Debug)]
enum State {
    /// A header comes, or the end.
    Header,
    /// As `Header`; but the last member's type has no contents and its size is not 0.
    /// So what is no header here is contents.
    HeaderOrContent(Extent),
    /// A block of an old GNU sparse map comes, and after the map the contents.
    SparseMap(Extent),
    Content(Extent),
    /// Contents of an extended header.
    Extended {
        extent: Extent,
        reader: Extended,
        is_literal: bool,
    },
    /// No tar any more.
    Rest,
}

impl Default for TarScanner {
    fn default() -> Self {
        Self::new()
    }
}

impl TarScanner {
    /// A scanner at the start of an archive.
    pub(crate) fn new() -> Self {
        Self {
            state: State::Header,
            block: [0; TAR_BLOCK_BYTES],
            filled: 0,
            offset: 0,
            item: 0,
            is_announced: false,
            announced: PaxFields::default(),
            is_ended: false,
            fault: None,
            name: Vec::new(),
            members: 0,
            root: None,
        }
    }

    /// What it takes next.
    pub(crate) fn next(&self) -> Next {
        match &self.state {
            State::Rest => Next::Rest,
            State::Content(extent) if extent.content > 0 => Next::Content(extent.content),
            State::Content(extent) => Next::Seen(extent.padding),
            State::Extended { extent, .. } => Next::Seen(extent.content.saturating_add(extent.padding)),
            State::Header | State::HeaderOrContent(_) | State::SparseMap(_) => {
                Next::Seen((TAR_BLOCK_BYTES - self.filled) as u64)
            }
        }
    }

    /// Passes over contents: at most as many bytes as [`Next::Content`] says.
    pub(crate) fn skip(&mut self, bytes: u64) {
        if let State::Content(extent) = &mut self.state {
            let passed = bytes.min(extent.content);
            extent.content -= passed;
            self.offset += passed;
            if extent.is_over() {
                self.state = State::Header;
            }
        }
    }

    /// Takes the next bytes of the archive. Fails only as the sink does, and is lost then.
    pub(crate) fn push<S: PartSink>(&mut self, mut data: &[u8], sink: &mut S) -> Result<(), S::Error> {
        while !data.is_empty() {
            match &mut self.state {
                State::Rest => return self.payload(data, sink),
                State::Content(extent) => {
                    let is_content = extent.content > 0;
                    let (bytes, rest) = extent.take(data);
                    if extent.is_over() {
                        self.state = State::Header;
                    }
                    if is_content {
                        self.payload(bytes, sink)?;
                    } else {
                        self.literal(bytes, sink)?;
                    }
                    data = rest;
                }
                State::Extended { extent, reader, is_literal } => {
                    let is_content = extent.content > 0;
                    let (bytes, rest) = extent.take(data);
                    if is_content {
                        reader.push(bytes);
                    }
                    let (is_over, is_literal) = (extent.is_over(), *is_literal || !is_content);
                    if is_literal {
                        self.literal(bytes, sink)?;
                    } else {
                        self.payload(bytes, sink)?;
                    }
                    if is_over {
                        self.end_extended();
                    }
                    data = rest;
                }
                State::Header | State::HeaderOrContent(_) | State::SparseMap(_) => {
                    let room = self.block.get_mut(self.filled..).unwrap_or_default();
                    let (next, rest) = data.split_at(room.len().min(data.len()));
                    for (to, from) in room.iter_mut().zip(next) {
                        *to = *from;
                    }
                    self.filled += next.len();
                    data = rest;
                    if self.filled == TAR_BLOCK_BYTES {
                        self.filled = 0;
                        let block = self.block;
                        self.take_block(&block, sink)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Ends the archive: the last bytes for the sink, and what it was.
    pub(crate) fn finish<S: PartSink>(mut self, sink: &mut S) -> Result<TarReport, S::Error> {
        let block = self.block;
        let (partial, _) = block.split_at(self.filled);
        let at = if self.is_announced { self.item } else { self.offset };
        let is_zero = partial.iter().all(|&byte| byte == 0);
        let ending = match &self.state {
            State::Header | State::HeaderOrContent(_) if self.is_ended && is_zero => Ending::Complete,
            State::Header | State::HeaderOrContent(_) if self.is_ended => {
                Ending::TrailingBytes { offset: self.offset }
            }
            State::Header | State::HeaderOrContent(_) if partial.is_empty() && !self.is_announced => {
                Ending::NoEndBlocks
            }
            State::Header | State::HeaderOrContent(_) => Ending::CutInHeader { offset: at },
            State::SparseMap(_) | State::Extended { .. } => Ending::CutInHeader { offset: self.item },
            State::Content(extent) => Ending::CutInMember {
                offset: self.item,
                name: std::mem::take(&mut self.name),
                missing_bytes: extent.content,
            },
            // Its fault was noted on the way in.
            State::Rest => Ending::NotTarFrom { offset: self.offset },
        };
        if matches!(ending, Ending::TrailingBytes { .. }) {
            self.payload(partial, sink)?;
        } else {
            self.literal(partial, sink)?;
        }
        Ok(TarReport { members: self.members, ending: self.fault.unwrap_or(ending), root: self.root })
    }

    fn take_block<S: PartSink>(
        &mut self,
        block: &[u8; TAR_BLOCK_BYTES],
        sink: &mut S,
    ) -> Result<(), S::Error> {
        if let State::SparseMap(extent) = self.state {
            if !sparse_extension_goes_on(block) {
                self.begin_content(extent);
            }
            return self.literal(block, sink);
        }
        match Block::parse(block) {
            Block::Zero => {
                if self.is_announced {
                    self.fault.get_or_insert(Ending::CutInHeader { offset: self.item });
                    self.forget_announced();
                }
                self.is_ended = true;
                self.state = State::Header;
                self.literal(block, sink)
            }
            Block::Header(header) => {
                self.take_header(header, block, sink)?;
                self.literal(block, sink)
            }
            Block::Other => {
                if let State::HeaderOrContent(extent) = self.state {
                    // The contents' first block, which the state before could not take.
                    self.begin_content(extent);
                } else {
                    let offset = self.offset;
                    self.fault.get_or_insert(if self.is_ended {
                        Ending::TrailingBytes { offset }
                    } else {
                        Ending::NotTarFrom { offset }
                    });
                    self.state = State::Rest;
                }
                self.push(block, sink)
            }
        }
    }

    fn take_header<S: PartSink>(
        &mut self,
        header: Header,
        block: &[u8; TAR_BLOCK_BYTES],
        sink: &mut S,
    ) -> Result<(), S::Error> {
        self.is_ended = false;
        if !self.is_announced {
            self.item = self.offset;
        }
        let reader = match header.flag {
            // `X` is what Solaris writes for `x`.
            b'x' | b'X' => Some(Extended::Pax(Box::default())),
            b'L' => Some(Extended::LongName(Vec::new())),
            b'K' => Some(Extended::LongLink(Vec::new())),
            b'g' => Some(Extended::Ignored),
            _ => None,
        };
        if let Some(reader) = reader {
            self.is_announced |= header.flag != b'g';
            let is_literal = header.size <= MAX_LITERAL_BYTES as u64;
            self.state = State::Extended { extent: Extent::new(header.size), reader, is_literal };
            if header.size == 0 {
                self.end_extended();
            }
            return Ok(());
        }
        let announced = std::mem::take(&mut self.announced);
        let size = announced.size.unwrap_or(header.size);
        let extent = Extent::new(size);
        let mut follows = false;
        if header.is_sparse() && sparse_header_goes_on(block) {
            self.state = State::SparseMap(extent);
        } else if header.is_without_content() && !extent.is_over() {
            self.state = State::HeaderOrContent(extent);
        } else {
            self.begin_content(extent);
            follows = !header.is_without_content();
        }
        self.is_announced = false;
        let name = announced.path.as_deref().unwrap_or(&header.name);
        // A volume label is no member.
        if header.flag != b'V' {
            if self.members == 0 {
                self.root = first_component(name);
            }
            self.members += 1;
            sink.begins(Member { block, header: &header, name, size, announced: &announced })?;
        }
        self.name = announced.path.unwrap_or(header.name);
        if follows { sink.member(size) } else { Ok(()) }
    }

    fn begin_content(&mut self, extent: Extent) {
        self.state = if extent.is_over() { State::Header } else { State::Content(extent) };
    }

    fn end_extended(&mut self) {
        let State::Extended { reader, .. } = std::mem::replace(&mut self.state, State::Header) else {
            return;
        };
        match reader {
            Extended::Pax(parser) => self.announced.add(parser.finish()),
            Extended::LongName(name) => self.announced.path = Some(text(&name).to_vec()),
            Extended::LongLink(name) => self.announced.link = Some(text(&name).to_vec()),
            Extended::Ignored => {}
        }
    }

    fn forget_announced(&mut self) {
        self.is_announced = false;
        self.announced = PaxFields::default();
    }

    fn literal<S: PartSink>(&mut self, bytes: &[u8], sink: &mut S) -> Result<(), S::Error> {
        self.offset += bytes.len() as u64;
        sink.literal(bytes)
    }

    fn payload<S: PartSink>(&mut self, bytes: &[u8], sink: &mut S) -> Result<(), S::Error> {
        self.offset += bytes.len() as u64;
        sink.payload(bytes)
    }
}

fn first_component(name: &[u8]) -> Option<Vec<u8>> {
    let mut components = name.split(|&byte| byte == b'/');
    components.find(|part| !matches!(*part, b"" | b".")).map(<[u8]>::to_vec)
}
