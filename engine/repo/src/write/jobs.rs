//! Work that runs beside the caller: how to wait for what was begun so far, and a bound on
//! the bytes in flight.

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Jobs in flight. A clone speaks of the same jobs.
#[derive(Clone, Default)]
pub(super) struct Jobs {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    next: u64,
    running: BTreeSet<u64>,
    bytes: usize,
}

/// A job; dropping it says that it is done.
pub(super) struct Job {
    inner: Arc<Inner>,
    ticket: u64,
    bytes: usize,
}

impl Jobs {
    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a job of `bytes`, after waiting until it keeps all jobs within `limit` bytes. A
    /// job that is larger by itself runs alone.
    pub(super) fn begin(&self, bytes: usize, limit: usize) -> Job {
        let mut state = self.state();
        while state.bytes > 0 && state.bytes + bytes > limit {
            state = self.inner.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let ticket = state.next;
        state.next += 1;
        state.bytes += bytes;
        state.running.insert(ticket);
        Job { inner: Arc::clone(&self.inner), ticket, bytes }
    }

    /// Waits for every job that was begun before this call.
    pub(super) fn wait(&self) {
        let mut state = self.state();
        let end = state.next;
        while state.running.first().is_some_and(|oldest| *oldest < end) {
            state = self.inner.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        let mut state = self.inner.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.running.remove(&self.ticket);
        state.bytes -= self.bytes;
        self.inner.changed.notify_all();
    }
}
