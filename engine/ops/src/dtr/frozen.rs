//! A stream that keeps the registry read-only while it is read.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use dtrvault_dtr::DtrError;
use dtrvault_dtr::freeze::Frozen;

/// Reads on until the end, and thaws there; or when it is dropped before.
pub(super) struct WhileFrozen<R> {
    inner: R,
    frozen: Option<Frozen>,
    failure: Failure,
}

/// Why the registry could not be thawed, once that is known.
#[derive(Clone, Default)]
pub(super) struct Failure(Arc<Mutex<Option<DtrError>>>);

impl Failure {
    pub(super) fn take(&self) -> Option<DtrError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<R> WhileFrozen<R> {
    pub(super) fn new(inner: R, frozen: Option<Frozen>, failure: Failure) -> Self {
        Self { inner, frozen, failure }
    }

    fn thaw(&mut self) {
        // A backup is no worse for it, so it is told beside the result.
        if let Some(Err(error)) = self.frozen.take().map(Frozen::thaw) {
            *self.failure.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        }
    }
}

impl<R: Read> Read for WhileFrozen<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(out)?;
        if count == 0 && !out.is_empty() {
            self.thaw();
        }
        Ok(count)
    }
}

impl<R> Drop for WhileFrozen<R> {
    fn drop(&mut self) {
        self.thaw();
    }
}
