//! What a scanner takes a tar apart into, and who takes it.

use crate::tar_fields::PaxFields;
use crate::tar_header::{Header, TAR_BLOCK_BYTES};

/// Takes what a tar is made of, in the order of its bytes.
pub(crate) trait PartSink {
    type Error;

    /// Headers, contents of extended headers, paddings, end blocks.
    fn literal(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;

    /// Contents, and whatever is no tar.
    fn payload(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;

    /// The 512 literal bytes that come next are the header of a member whose
    /// `content_bytes` of contents follow on it, and padding on them, unless the tar ends.
    fn member(&mut self, content_bytes: u64) -> Result<(), Self::Error>;

    /// A member begins. Whatever contents it has come before the next one is told.
    fn begins(&mut self, _: Member<'_>) -> Result<(), Self::Error> {
        Ok(())
    }
}

/// A member as its headers tell it.
pub(crate) struct Member<'a> {
    pub(crate) block: &'a [u8; TAR_BLOCK_BYTES],
    pub(crate) header: &'a Header,
    /// By the last header that names it.
    pub(crate) name: &'a [u8],
    /// Length of its contents in the tar, bytes.
    pub(crate) size: u64,
    /// What extended headers say of it.
    pub(crate) announced: &'a PaxFields,
}

/// What a scanner takes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// At least so many bytes, which it must see.
    Seen(u64),
    /// So many bytes of contents, which [`crate::tar_scan::TarScanner::skip`] may pass over.
    Content(u64),
    /// Bytes that are no tar, to the end.
    Rest,
}
