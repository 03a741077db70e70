//! Signals: the first SIGINT or SIGTERM asks the verb to stop, the second ends the process.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use dtrvault_ops::Cancel;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level;

use crate::error::{CliError, Result};
use crate::exit::Exit;
use crate::progress::say;

/// A password is being asked for.
pub(crate) static PROMPTING: AtomicBool = AtomicBool::new(false);

/// Listens from now on.
///
/// # Errors
/// [`CliError::Setup`].
pub(crate) fn listen(cancel: Cancel) -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(CliError::Setup)?;
    let listener = move || {
        for _ in signals.forever() {
            if cancel.is_cancelled() {
                // Not `process::exit`: other threads are still at work, and nothing that a run
                // leaves half done is visible.
                low_level::exit(Exit::Interrupted.code().into());
            }
            cancel.cancel();
            // A prompt ends by itself, and its line is not one to write into.
            if PROMPTING.load(Ordering::Relaxed) {
                continue;
            }
            say("note", "stopping; press again to end at once");
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(listener).map_err(CliError::Setup)?;
    Ok(())
}
