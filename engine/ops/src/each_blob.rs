//! Blobs, worked on side by side.

use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use dtrvault_repo::RepoError;

use crate::error::{OpsError, Result};

/// Gives what `walk` sends to `work`, in `threads` threads. Ends at the first failure: of the work, if both fail.
///
/// # Errors
/// Those of `walk` and `work`.
pub(crate) fn each_blob<T: Send>(
    threads: usize,
    walk: impl FnOnce(&mut dyn FnMut(T) -> dtrvault_repo::Result<()>) -> Result<()>,
    work: impl Fn(T) -> Result<()> + Sync,
) -> Result<()> {
    let threads = threads.max(1);
    let work = &work;
    thread::scope(|scope| {
        let (sender, waiting) = sync_channel::<T>(threads);
        // Shared by the workers alone: when all have failed, nothing more can be sent.
        let waiting = Arc::new(Mutex::new(waiting));
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                let waiting = Arc::clone(&waiting);
                scope.spawn(move || {
                    loop {
                        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
                        let Ok(next) = next else { break Ok::<_, OpsError>(()) };
                        work(next)?;
                    }
                })
            })
            .collect();
        drop(waiting);
        // It fails when every worker has stopped; they say why.
        let walked = walk(&mut |next| sender.send(next).map_err(|_| RepoError::Aborted));
        drop(sender);
        for worker in workers {
            worker.join().map_err(|_| OpsError::WorkerDied)??;
        }
        walked
    })
}
