//! Progress on a terminal; warnings everywhere. Both go to standard error.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dtrvault_ops::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::render::{grouped, tame};

/// The bar is redrawn so often, even when nothing moves.
const TICK: Duration = Duration::from_millis(200);

/// A bar on standard error, while that is a terminal.
pub(crate) struct Terminal {
    bar: ProgressBar,
    items: AtomicU64,
    quiet: bool,
}

impl Terminal {
    /// With `hidden`, or without a terminal, there is no bar; when `quiet`, there is nothing but warnings.
    pub(crate) fn new(quiet: bool, hidden: bool) -> Self {
        let shown = !quiet && !hidden && io::stderr().is_terminal();
        let target = if shown { ProgressDrawTarget::stderr_with_hz(8) } else { ProgressDrawTarget::hidden() };
        Self { bar: ProgressBar::with_draw_target(None, target), items: AtomicU64::new(0), quiet }
    }

    /// Takes the bar off the screen.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

impl Terminal {
    /// Shows a bar where the total is known, and a spinner where it is not. A template of ours
    /// that did not parse would cost the bar, not the backup.
    fn set_total(&self, total_bytes: Option<u64>) {
        let template = match total_bytes {
            Some(_) => {
                "{prefix}  {elapsed_precise}  {wide_bar}  {binary_bytes} of {binary_total_bytes}  \
                 {binary_bytes_per_sec}  {msg}  {eta} left"
            }
            None => "{prefix}  {elapsed_precise}  {spinner}  {binary_bytes}  {binary_bytes_per_sec}  {msg}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style.progress_chars("=> ").tick_chars("-\\|/ "));
        }
        match total_bytes {
            Some(total) => self.bar.set_length(total),
            None => self.bar.unset_length(),
        }
    }
}

impl Progress for Terminal {
    fn stage(&self, name: &str, total_bytes: Option<u64>) {
        if self.bar.is_hidden() {
            return;
        }
        self.items.store(0, Ordering::Relaxed);
        // Before the first drawing, which would show a style of the library's own.
        self.set_total(total_bytes);
        self.bar.reset();
        self.bar.set_prefix(name.to_owned());
        self.bar.set_message(String::new());
        self.bar.enable_steady_tick(TICK);
    }

    fn expect(&self, total_bytes: u64) {
        if !self.bar.is_hidden() {
            self.set_total(Some(total_bytes));
        }
    }

    fn is_shown(&self) -> bool {
        !self.bar.is_hidden()
    }

    fn advance(&self, bytes: u64, items: u64) {
        self.bar.inc(bytes);
        if items > 0 && !self.bar.is_hidden() {
            let items = self.items.fetch_add(items, Ordering::Relaxed) + items;
            self.bar.set_message(format!("{} done", grouped(items)));
        }
    }

    fn warn(&self, message: &str) {
        self.bar.suspend(|| say("warning", message));
    }

    fn said(&self, line: &str) {
        if !self.quiet {
            self.bar.suspend(|| say("dtr", line));
        }
    }
}

/// A message on standard error; lines after the first are set in. That nobody reads it stops
/// nothing.
pub(crate) fn say(kind: &str, message: &str) {
    let lines: Vec<String> = message.lines().map(tame).collect();
    drop(writeln!(io::stderr().lock(), "{kind}: {}", lines.join("\n    ")));
}
