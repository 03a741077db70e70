//! What every verb is given beside its options: where to report, and whether to go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dtrvault_repo::Repository;

use crate::error::{OpsError, Result};

/// Where a verb tells how far it is. Called from several threads at once.
pub trait Progress: Send + Sync {
    /// A new stage begins: `total_bytes` of work, where that is known.
    fn stage(&self, name: &str, total_bytes: Option<u64>);

    /// The stage, whose work was not known when it began, comes to `total_bytes`.
    fn expect(&self, total_bytes: u64);

    /// Whether anybody sees how far it is: only then is it worth work to find out the total.
    fn is_shown(&self) -> bool;

    /// More was done.
    fn advance(&self, bytes: u64, items: u64);

    /// Something that the operator should know, and that stops nothing.
    fn warn(&self, message: &str);

    /// A line of another program that is run for this one; it holds no secrets.
    fn said(&self, line: &str);
}

/// Reports nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Progress for Quiet {
    fn stage(&self, _: &str, _: Option<u64>) {}
    fn expect(&self, _: u64) {}
    fn is_shown(&self) -> bool {
        false
    }
    fn advance(&self, _: u64, _: u64) {}
    fn warn(&self, _: &str) {}
    fn said(&self, _: &str) {}
}

/// Asks a running verb to stop. Clones speak of the same request.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What every verb is given.
#[derive(Clone)]
pub struct Context {
    /// Where to report.
    pub progress: Arc<dyn Progress>,
    /// Whether to go on.
    pub cancel: Cancel,
}

impl Default for Context {
    fn default() -> Self {
        Self { progress: Arc::new(Quiet), cancel: Cancel::default() }
    }
}

impl Context {
    /// Goes on, or not.
    ///
    /// # Errors
    /// [`OpsError::Interrupted`].
    pub fn proceed(&self) -> Result<()> {
        if self.cancel.is_cancelled() { Err(OpsError::Interrupted) } else { Ok(()) }
    }

    /// Says how much of the index was passed over when it was last read.
    pub fn warn_of_damaged_index(&self, repo: &Repository) {
        let count = repo.damaged_segments().len();
        if count > 0 {
            self.progress.warn(&format!(
                "{count} damaged objects in index/ were passed over; `dtrvault rebuild-index` makes them anew"
            ));
        }
    }
}
