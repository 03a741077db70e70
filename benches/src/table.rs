//! A table of speeds, a line as soon as it is known.
#![allow(clippy::print_stdout)]

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// How long one stage is measured at least.
const LEAST: Duration = Duration::from_secs(1);

/// Measures stages and prints a line for each.
pub struct Table {
    least: Duration,
    speeds: Vec<Speed>,
}

/// How fast a stage is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Speed {
    /// What was measured.
    pub stage: String,
    /// In 10^6 bytes a second, of the fastest run.
    pub mb_per_s: f64,
}

impl Table {
    /// A table with its head printed. One that is not `thorough` runs each stage once, to see
    /// that it works.
    #[must_use]
    pub fn begin(thorough: bool) -> Self {
        println!("{:<44} {:>10} {:>8}   note", "stage", "MB/s", "runs");
        Self { least: if thorough { LEAST } else { Duration::ZERO }, speeds: Vec::new() }
    }

    /// Runs `stage`, which works through `bytes` bytes, until enough time has passed, and
    /// prints the speed of its fastest run in 10^6 bytes a second. What it gives is a note.
    pub fn stage(&mut self, name: &str, bytes: usize, mut stage: impl FnMut() -> String) {
        let begin = Instant::now();
        let mut fastest = Duration::MAX;
        let mut runs = 0;
        let mut note = String::new();
        while runs == 0 || begin.elapsed() < self.least {
            let run = Instant::now();
            note = std::hint::black_box(stage());
            fastest = fastest.min(run.elapsed());
            runs += 1;
        }
        let speed = bytes as f64 / fastest.as_secs_f64() / 1e6;
        println!("{name:<44} {speed:>10.0} {runs:>8}   {note}");
        self.speeds.push(Speed { stage: name.to_owned(), mb_per_s: speed });
    }

    /// What was measured, in order.
    #[must_use]
    pub fn speeds(self) -> Vec<Speed> {
        self.speeds
    }
}
