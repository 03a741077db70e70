//! Files read side by side, results in the order in which they were asked for.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Scope;

use crate::error::{OpsError, Result};

type Task<'env, T> = Box<dyn FnOnce() -> T + Send + 'env>;

/// A result, there or to come.
enum Slot<T> {
    Ready(T),
    Awaited(Receiver<T>),
}

/// Threads that run tasks, and the results in order. Dropping it ends the threads.
pub(super) struct Workers<'env, T> {
    tasks: SyncSender<(Task<'env, T>, SyncSender<T>)>,
    results: VecDeque<Slot<T>>,
    limit: usize,
}

impl<'env, T: Send + 'env> Workers<'env, T> {
    /// `threads` threads; at most `limit` results that nobody has taken yet.
    pub(super) fn start<'scope>(scope: &'scope Scope<'scope, 'env>, threads: usize, limit: usize) -> Self {
        let (tasks, queue) = sync_channel::<(Task<'env, T>, SyncSender<T>)>(threads.max(1) * 4);
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..threads.max(1) {
            let queue = Arc::clone(&queue);
            scope.spawn(move || {
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok((task, result)) = next else { break };
                    // Nobody waits any more when the run was given up.
                    let _ = result.send(task());
                }
            });
        }
        Self { tasks, results: VecDeque::new(), limit }
    }

    /// Adds a task behind the others.
    pub(super) fn submit(&mut self, task: impl FnOnce() -> T + Send + 'env) -> Result<()> {
        let (result, receiver) = sync_channel(1);
        self.tasks.send((Box::new(task), result)).map_err(|_| OpsError::WorkerDied)?;
        self.results.push_back(Slot::Awaited(receiver));
        Ok(())
    }

    /// Adds a result that is there already.
    pub(super) fn ready(&mut self, value: T) {
        self.results.push_back(Slot::Ready(value));
    }

    /// The oldest result: waits for it when too many are open or when `all` are wanted, else
    /// gives it only when it is there.
    pub(super) fn next(&mut self, all: bool) -> Result<Option<T>> {
        let wait = all || self.results.len() >= self.limit;
        match self.results.pop_front() {
            None => Ok(None),
            Some(Slot::Ready(value)) => Ok(Some(value)),
            Some(Slot::Awaited(result)) if wait => result.recv().map(Some).map_err(|_| OpsError::WorkerDied),
            Some(Slot::Awaited(result)) => match result.try_recv() {
                Ok(value) => Ok(Some(value)),
                Err(TryRecvError::Empty) => {
                    self.results.push_front(Slot::Awaited(result));
                    Ok(None)
                }
                Err(TryRecvError::Disconnected) => Err(OpsError::WorkerDied),
            },
        }
    }
}
