//! Sorting the failures of the `object_store` crate, whose messages repeat their sources.

use crate::{Cause, StoreError};
use object_store::client::{HttpError, HttpErrorKind};
use std::error::Error;
use std::fmt;

/// A whole chain of errors as the one message its outermost link prints.
#[derive(Debug)]
struct Flat {
    text: String,
    /// How the wire failed, when that is what it was.
    wire: Option<HttpErrorKind>,
}

impl fmt::Display for Flat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for Flat {}

/// How the clouds say that the bucket or container itself is missing, for which they too answer 404.
const NO_BUCKET: [&str; 3] = ["NoSuchBucket", "ContainerNotFound", "The specified bucket does not exist"];

/// How self-hosted S3 servers say that their disks are full, beside HTTP 507.
const NO_SPACE: [&str; 3] = ["507 Insufficient Storage", "XMinioStorageFull", "QuotaExceeded"];

/// A refused listing, which the crate below gives no type of its own, in the words of its messages.
const DENIED: [&str; 2] = ["status code: 401", "status code: 403"];

/// The failure of a request for `key` of the store at `url`.
pub(super) fn sort(url: &str, key: &str, error: object_store::Error) -> StoreError {
    use object_store::Error as E;
    let kind = http_kind(&error);
    let text = match &error {
        // Leaves out "Generic S3 error: ", which tells nobody anything.
        E::Generic { source, .. } => source.to_string(),
        other => other.to_string(),
    };
    let says = |words: &[&str]| words.iter().any(|w| text.contains(w));
    let key = key.to_owned();
    match error {
        E::NotFound { .. } | E::Generic { .. } if says(&NO_BUCKET) => {
            StoreError::NoRoot { url: url.to_owned() }
        }
        E::NotFound { .. } => StoreError::NotFound { key },
        E::AlreadyExists { .. } | E::Precondition { .. } => StoreError::AlreadyExists { key },
        E::PermissionDenied { .. } | E::Unauthenticated { .. } => {
            StoreError::Denied { key, source: flat(text, None) }
        }
        _ if says(&DENIED) => StoreError::Denied { key, source: flat(text, None) },
        _ if says(&NO_SPACE) => StoreError::NoSpace { key },
        _ => match kind {
            Some(
                HttpErrorKind::Timeout
                | HttpErrorKind::Interrupted
                | HttpErrorKind::Connect
                | HttpErrorKind::Request,
            ) => StoreError::Unreachable { url: url.to_owned(), source: flat(text, kind) },
            _ => StoreError::Backend { key, source: flat(text, kind) },
        },
    }
}

/// How the wire failed.
fn wire(error: &StoreError) -> Option<HttpErrorKind> {
    match error {
        StoreError::Unreachable { source, .. } | StoreError::Backend { source, .. } => {
            source.downcast_ref::<Flat>().and_then(|flat| flat.wire)
        }
        _ => None,
    }
}

/// Whether a write that failed so may have taken place, and can be tried again under the same name.
pub(super) fn outcome_unknown(error: &StoreError) -> bool {
    // The others are repeated by the crate below for as long as it is patient.
    matches!(wire(error), Some(HttpErrorKind::Timeout | HttpErrorKind::Interrupted | HttpErrorKind::Unknown))
}

/// Whether the connection failed, be it while the answer was on its way.
pub(super) fn broke_off(error: &StoreError) -> bool {
    wire(error).is_some()
}

fn flat(text: String, wire: Option<HttpErrorKind>) -> Cause {
    Box::new(Flat { text, wire })
}

/// The transport's failure somewhere in the chain, if it is one.
fn http_kind(error: &(dyn Error + 'static)) -> Option<HttpErrorKind> {
    let mut link = Some(error);
    while let Some(error) = link {
        if let Some(http) = error.downcast_ref::<HttpError>() {
            return Some(http.kind());
        }
        link = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(kind: HttpErrorKind) -> object_store::Error {
        object_store::Error::Generic {
            store: "S3",
            source: Box::new(HttpError::new(kind, std::io::Error::other("wire cut"))),
        }
    }

    fn not_found(words: &'static str) -> object_store::Error {
        object_store::Error::NotFound { path: "p".into(), source: words.into() }
    }

    #[test]
    fn absent_denied_silent_and_broken_are_told_apart() {
        let silent = sort("s3://b", "k", generic(HttpErrorKind::Connect));
        assert!(matches!(silent, StoreError::Unreachable { ref url, .. } if url == "s3://b"));
        assert!(!outcome_unknown(&silent));
        let lost = sort("s3://b", "k", generic(HttpErrorKind::Timeout));
        assert!(outcome_unknown(&lost));
        let broken = sort("s3://b", "k", generic(HttpErrorKind::Decode));
        assert!(matches!(broken, StoreError::Backend { .. }) && !outcome_unknown(&broken));
        assert!(broke_off(&silent) && broke_off(&lost) && broke_off(&broken));
        assert!(!broke_off(&sort("s3://b", "k", not_found("NoSuchKey"))));
        assert!(sort("s3://b", "k", not_found("NoSuchKey")).is_not_found());
        let no_bucket = sort("s3://b", "k", not_found("<Code>NoSuchBucket</Code>"));
        assert!(matches!(no_bucket, StoreError::NoRoot { .. }));
        let denied = object_store::Error::Unauthenticated { path: "p".into(), source: "401".into() };
        assert!(matches!(sort("s3://b", "k", denied), StoreError::Denied { .. }));
        let listing = object_store::Error::Generic {
            store: "S3",
            source: "Server returned non-2xx status code: 403 Forbidden: ".into(),
        };
        assert!(matches!(sort("s3://b", "k", listing), StoreError::Denied { .. }));
        let full = object_store::Error::Generic {
            store: "S3",
            source: "status code: 507 Insufficient Storage".into(),
        };
        assert!(matches!(sort("s3://b", "k", full), StoreError::NoSpace { .. }));
    }

    #[test]
    fn a_cause_is_printed_once() {
        let error = sort("s3://b", "k", generic(HttpErrorKind::Timeout));
        let source = error.source().map(ToString::to_string).unwrap_or_default();
        assert!(!source.is_empty() && !error.to_string().contains(&source));
        assert!(error.source().is_some_and(|s| s.source().is_none()));
    }
}
