//! What was asked of a store, for tests that count calls or name the one that failed.

use std::fmt;

/// What was called. Each step of an upload is a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "named for the methods of Store and Upload")]
pub enum Verb {
    Put,
    PutNew,
    Get,
    GetRange,
    Size,
    List,
    Delete,
    GetStream,
    PutStream,
    Write,
    Finish,
    Abort,
}

impl Verb {
    /// Whether it changes what is stored.
    pub fn is_write(self) -> bool {
        matches!(self, Self::Put | Self::PutNew | Self::Delete | Self::Finish)
    }

    /// Whether it needs room in the store.
    pub fn needs_space(self) -> bool {
        matches!(self, Self::Put | Self::PutNew | Self::Write | Self::Finish)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::PutNew => "put_new",
            Self::Get => "get",
            Self::GetRange => "get_range",
            Self::Size => "size",
            Self::List => "list",
            Self::Delete => "delete",
            Self::GetStream => "get_stream",
            Self::PutStream => "put_stream",
            Self::Write => "write",
            Self::Finish => "finish",
            Self::Abort => "abort",
        }
    }
}

/// One call. Displayed as `put_new snapshots`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// What was called.
    pub verb: Verb,
    /// First part of the key: its folder, or an object at the root.
    pub folder: String,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb.name(), self.folder)
    }
}
