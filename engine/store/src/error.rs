//! What can go wrong with a store, told apart as far as a caller can act on it.

use std::io;

/// The cause of a failure, flattened to one message where the backend repeats itself.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A result of this crate.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Failure of a store. Keys are relative to the store's root; URLs are free of secrets.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store answers, and has no such object.
    #[error("no object {key:?}")]
    NotFound {
        /// What was asked for.
        key: String,
    },
    /// The folder, bucket or container itself is missing. Says nothing about any object.
    #[error("there is no store at {url}")]
    NoRoot {
        /// The store.
        url: String,
    },
    /// Another body stands under the name that was to be created.
    #[error("object {key:?} already exists with other content")]
    AlreadyExists {
        /// The name.
        key: String,
    },
    /// The object is larger than the caller allows; nothing was read.
    #[error("object {key:?} has {size} bytes, more than the {limit} allowed")]
    TooLarge {
        /// The object.
        key: String,
        /// Its size in bytes, as far as it is known.
        size: u64,
        /// The caller's limit in bytes.
        limit: u64,
    },
    /// The range reaches past the object's end.
    #[error("object {key:?} has {size} bytes, but {len} bytes at {offset} were asked for")]
    ShortRead {
        /// The object.
        key: String,
        /// First byte asked for.
        offset: u64,
        /// Bytes asked for.
        len: u64,
        /// The object's size in bytes.
        size: u64,
    },
    /// The URL names no store.
    #[error("not a store's URL: {url}: {reason}")]
    BadUrl {
        /// The URL, stripped of user, password and query.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A key that no store takes: absolute, too long, or with an empty, `.` or `..` part.
    #[error("not an object's name: {key:?}: {reason}")]
    BadKey {
        /// The name as given.
        key: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The disk or quota is full. What was stored before is untouched.
    #[error("no space left to store {key:?}")]
    NoSpace {
        /// What was being written.
        key: String,
    },
    /// The store refuses: HTTP 401 or 403, or the file system's permissions.
    #[error("access to {key:?} denied")]
    Denied {
        /// What was asked for.
        key: String,
        /// The store's words.
        source: Cause,
    },
    /// The store does not answer, after all retries.
    #[error("{url} does not answer")]
    Unreachable {
        /// The store.
        url: String,
        /// The last attempt's failure.
        source: Cause,
    },
    /// The local file system failed.
    #[error("input or output of {key:?} failed")]
    Io {
        /// The object.
        key: String,
        /// The operating system's error.
        source: io::Error,
    },
    /// The remote store answered with a failure, after all retries.
    #[error("the store failed on {key:?}")]
    Backend {
        /// The object, or the prefix that was listed.
        key: String,
        /// The store's words.
        source: Cause,
    },
}

impl StoreError {
    /// Whether the object is absent from a store that is otherwise well.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// Sorts a failure of the local file system. Absence is the caller's to judge: `NotFound`
    /// becomes [`StoreError::NotFound`], which is right for reads only.
    pub(crate) fn local(key: &str, source: io::Error) -> Self {
        let key = key.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::NotFound { key },
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoSpace { key },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::Denied { key, source: Box::new(source) }
            }
            _ => Self::Io { key, source },
        }
    }

    /// [`StoreError::local`] for writes, where a missing folder is a failure and no absence.
    pub(crate) fn local_write(key: &str, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                Self::Io { key: key.to_owned(), source }
            }
            _ => Self::local(key, source),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_and_a_full_quota_are_told_apart_from_other_failures() {
        for errno in [rustix::io::Errno::NOSPC, rustix::io::Errno::DQUOT] {
            let error = StoreError::local_write("packs/a", errno.into());
            assert!(matches!(error, StoreError::NoSpace { ref key } if key == "packs/a"), "{error:?}");
        }
        for errno in [rustix::io::Errno::ACCESS, rustix::io::Errno::ROFS] {
            let error = StoreError::local_write("k", errno.into());
            assert!(matches!(error, StoreError::Denied { .. }), "{error:?}");
        }
        let broken = StoreError::local("k", rustix::io::Errno::IO.into());
        assert!(matches!(broken, StoreError::Io { .. }) && !broken.is_not_found());
    }

    #[test]
    fn a_missing_folder_is_absence_to_a_reader_and_failure_to_a_writer() {
        let gone = || io::Error::from(rustix::io::Errno::NOENT);
        assert!(StoreError::local("k", gone()).is_not_found());
        assert!(!StoreError::local_write("k", gone()).is_not_found());
    }
}
