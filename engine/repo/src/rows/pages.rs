//! A file of authenticated pages.
//!
//! ```text
//! page = 1,008 bytes, then 16 bytes of tag over the file's nonce, the page's number, the bytes
//! ```
//! The first page is the header, which holds the nonce. So no page of one file passes for one
//! of another file, or of another place.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use dtrvault_crypto::KeyRing;
use dtrvault_format::{ChunkId, StreamRef};

/// Bytes that a page holds.
pub(super) const PAGE_BYTES: usize = 1008;
const TAG_BYTES: usize = 16;
/// Bytes that a page takes.
pub(super) const STORED_BYTES: usize = PAGE_BYTES + TAG_BYTES;

const MAGIC: &[u8; 16] = b"dtrvault rows 1\n";
const HEADER_BYTES: usize = 16 + 16 + 8 + 2 + ChunkId::LEN + 4 + 4 + 8 + 8;

/// A page's content.
pub(super) type Page = [u8; PAGE_BYTES];

/// What the file says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) nonce: [u8; 16],
    /// The table whose rows the file numbers.
    pub(super) table: StreamRef,
    pub(super) rows: u32,
    /// Rows that the tar needed which the file was written for.
    pub(super) used: u32,
    /// Ids in the file.
    pub(super) ids: u64,
    /// Chunks of the table.
    pub(super) chunks: u64,
}

impl Header {
    pub(super) fn to_page(self) -> Page {
        let mut page = [0; PAGE_BYTES];
        let root = self.table.root.map_or([0; ChunkId::LEN], |root| *root.as_bytes());
        let fields: [&[u8]; 9] = [
            MAGIC,
            &self.nonce,
            &self.table.len.to_le_bytes(),
            &[self.table.depth, u8::from(self.table.root.is_some())],
            &root,
            &self.rows.to_le_bytes(),
            &self.used.to_le_bytes(),
            &self.ids.to_le_bytes(),
            &self.chunks.to_le_bytes(),
        ];
        for (to, from) in page.iter_mut().zip(fields.concat()) {
            *to = from;
        }
        page
    }

    pub(super) fn of_page(page: &Page) -> Option<Self> {
        let (mut rest, zeros) = page.split_at(HEADER_BYTES);
        if take::<16>(&mut rest)? != *MAGIC || zeros.iter().any(|&byte| byte != 0) {
            return None;
        }
        let nonce = take(&mut rest)?;
        let len = u64::from_le_bytes(take(&mut rest)?);
        let [depth, has_root] = take(&mut rest)?;
        let root = ChunkId::new(take(&mut rest)?);
        let table = StreamRef { len, depth, root: (has_root == 1).then_some(root) };
        table.validate().ok()?;
        Some(Self {
            nonce,
            table,
            rows: u32::from_le_bytes(take(&mut rest)?),
            used: u32::from_le_bytes(take(&mut rest)?),
            ids: u64::from_le_bytes(take(&mut rest)?),
            chunks: u64::from_le_bytes(take(&mut rest)?),
        })
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, later) = rest.split_first_chunk::<N>()?;
    *rest = later;
    Some(*taken)
}

/// Reads a page, and holds it against its tag. The header's nonce stands in the page itself.
pub(super) fn read(ring: &KeyRing, file: &File, nonce: Option<&[u8; 16]>, number: u64) -> io::Result<Page> {
    let mut stored = [0; STORED_BYTES];
    file.read_exact_at(&mut stored, number.saturating_mul(STORED_BYTES as u64))?;
    let wrong = || io::Error::new(io::ErrorKind::InvalidData, "a page does not have its tag");
    let (page, tag) = stored.split_first_chunk::<PAGE_BYTES>().ok_or_else(wrong)?;
    let own: Option<[u8; 16]> = page.get(16..32).and_then(|nonce| nonce.try_into().ok());
    let nonce = nonce.copied().or(own).ok_or_else(wrong)?;
    if ring.row_map_tag(&nonce, number, page) == tag { Ok(*page) } else { Err(wrong()) }
}

/// A page as it stands in the file.
pub(super) fn sealed(ring: &KeyRing, nonce: &[u8; 16], number: u64, page: &Page) -> [u8; STORED_BYTES] {
    let mut stored = [0; STORED_BYTES];
    let (to, tag) = stored.split_at_mut(PAGE_BYTES);
    to.copy_from_slice(page);
    tag.copy_from_slice(&ring.row_map_tag(nonce, number, page));
    stored
}
