//! How commands of DTR fail.

use std::time::Duration;

/// One way. All but the last three are of `backup`.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Ends with this code after so many bytes of the tar.
    Exit {
        /// Bytes that come.
        after: usize,
        /// Exit code.
        code: u8,
    },
    /// So many bytes of the tar, and exit code 0.
    Cut {
        /// Bytes that come.
        after: usize,
    },
    /// All of the tar but the two blocks at its end, and exit code 0.
    NoEndBlocks,
    /// Nothing more comes after so many bytes, for ever.
    Stall {
        /// Bytes that come.
        after: usize,
    },
    /// The container is killed after so many bytes.
    Killed {
        /// Bytes that come.
        after: usize,
    },
    /// These bytes come before the tar.
    Garbage(Vec<u8>),
    /// So many bytes of lines on standard error, among the bytes of the tar.
    Chatter {
        /// Bytes of lines.
        bytes: usize,
    },
    /// A table is not in the tar.
    MissingTable(String),
    /// A pause before each piece of 64 KiB.
    Slow(Duration),
    /// `restore` ends with an error after it has made the volumes, and before all rows and any container are there.
    RestoreBreaks,
    /// `destroy` ends with an error after it has removed the containers, with all volumes left.
    DestroyBreaks,
}
