//! One finished run of the binary, and what a test says of it.

use std::process::Output;

use serde_json::Value;

/// Exit code and output of one run.
pub struct Run {
    /// The command line, for messages.
    pub line: String,
    /// Exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Run {
    pub(crate) fn new(line: String, output: Output) -> Self {
        Self {
            line,
            code: output.status.code(),
            stdout: output.stdout,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Asserts the exit code.
    ///
    /// # Panics
    ///
    /// When it is another.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "exit code of {}", self.shown());
        self
    }

    /// Asserts exit code 0.
    #[track_caller]
    pub fn ok(self) -> Self {
        self.exits(0)
    }

    /// Asserts that it tells `word` on standard error or output, in any case.
    ///
    /// # Panics
    ///
    /// When it does not.
    #[track_caller]
    pub fn tells(self, word: &str) -> Self {
        let all = format!("{}{}", self.stderr, self.text()).to_lowercase();
        assert!(all.contains(&word.to_lowercase()), "no {word:?} in {}", self.shown());
        self
    }

    /// Standard output as one JSON value.
    ///
    /// # Panics
    ///
    /// When it is something else.
    #[track_caller]
    pub fn json(&self) -> Value {
        match serde_json::from_slice(&self.stdout) {
            Ok(value) => value,
            Err(error) => panic!("no JSON ({error}) from {}", self.shown()),
        }
    }

    /// Standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    fn shown(&self) -> String {
        let out: String = self.text().chars().take(4000).collect();
        format!("{}\n--- code {:?}\n--- stdout\n{out}\n--- stderr\n{}", self.line, self.code, self.stderr)
    }
}
