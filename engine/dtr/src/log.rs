//! What a container says on its standard error: shown as it comes, its beginning and end kept,
//! secrets masked.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::secret::Masks;

/// Whoever sees the lines.
pub type Listener = Box<dyn Fn(&str) + Send + Sync>;

/// Bytes kept of the beginning, and as many of the end.
const KEPT_BYTES: usize = 1 << 20;
/// A longer line is taken for several.
const MAX_LINE_BYTES: usize = 64 << 10;
/// Lines that go into an error's message.
const LAST_LINES: usize = 20;
/// Bytes of each of them.
const SHOWN_LINE_BYTES: usize = 500;

/// A log that is being written.
pub struct Log {
    masks: Masks,
    listener: Listener,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The line that has not ended yet.
    line: Vec<u8>,
    head: String,
    tail: VecDeque<String>,
    tail_bytes: usize,
    dropped_bytes: u64,
}

impl Log {
    /// A log without secrets, whose lines `listener` sees.
    #[must_use]
    pub fn new(masks: Masks, listener: Listener) -> Self {
        Self { masks, listener, state: Mutex::default() }
    }

    /// Takes in what was said.
    pub(crate) fn write(&self, mut bytes: &[u8]) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = bytes.split_at(end);
            state.line.extend_from_slice(line);
            bytes = rest.get(1..).unwrap_or_default();
            self.end_line(&mut state);
        }
        state.line.extend_from_slice(bytes);
        if state.line.len() > MAX_LINE_BYTES + self.masks.longest() {
            // What may be the beginning of a secret waits for its end.
            let mut shown = self.masks.mask(&String::from_utf8_lossy(&state.line));
            let cut = shown.floor_char_boundary(shown.len().saturating_sub(self.masks.longest()));
            state.line = shown.split_off(cut).into_bytes();
            self.keep(&mut state, shown);
        }
    }

    /// Takes in that no more will be said.
    pub(crate) fn end(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.line.is_empty() {
            self.end_line(&mut state);
        }
    }

    fn end_line(&self, state: &mut State) {
        let line = self.masks.mask(&String::from_utf8_lossy(&state.line));
        state.line.clear();
        self.keep(state, line.trim_end_matches('\r').to_owned());
    }

    fn keep(&self, state: &mut State, line: String) {
        (self.listener)(&line);
        let bytes = line.len() + 1;
        if state.tail.is_empty() && state.head.len() + bytes <= KEPT_BYTES {
            state.head.push_str(&line);
            state.head.push('\n');
            return;
        }
        state.tail_bytes += bytes;
        state.tail.push_back(line);
        while state.tail_bytes > KEPT_BYTES {
            let Some(oldest) = state.tail.pop_front() else { break };
            state.tail_bytes -= oldest.len() + 1;
            state.dropped_bytes += oldest.len() as u64 + 1;
        }
    }

    /// All that was kept.
    #[must_use]
    pub fn text(&self) -> String {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = state.head.clone();
        if state.dropped_bytes > 0 {
            text.push_str(&format!("[{} bytes are left out here]\n", state.dropped_bytes));
        }
        for line in &state.tail {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    /// The last lines.
    #[must_use]
    pub fn last_lines(&self) -> Vec<String> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let all = state.head.lines().chain(state.tail.iter().map(String::as_str));
        let all: Vec<&str> = all.filter(|line| !line.trim().is_empty()).collect();
        let first = all.len().saturating_sub(LAST_LINES);
        let shown = |line: &&str| line.chars().take(SHOWN_LINE_BYTES).collect();
        all.get(first..).unwrap_or_default().iter().map(shown).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;
    use std::sync::Arc;

    fn log() -> (Log, Arc<Mutex<Vec<String>>>) {
        let mut masks = Masks::default();
        masks.add(&Secret::new("hunter2".to_owned()));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&seen);
        let listener =
            move |line: &str| sink.lock().unwrap_or_else(PoisonError::into_inner).push(line.to_owned());
        (Log::new(masks, Box::new(listener)), seen)
    }

    #[test]
    fn lines_are_put_together_and_masked() {
        let (log, seen) = log();
        for piece in ["INFO be", "gin\r\npass hun", "ter2 word\n\nlast hunter2"] {
            log.write(piece.as_bytes());
        }
        log.end();
        assert_eq!(log.text(), "INFO begin\npass *** word\n\nlast ***\n");
        assert_eq!(log.last_lines(), ["INFO begin", "pass *** word", "last ***"]);
        assert_eq!(
            *seen.lock().unwrap_or_else(PoisonError::into_inner),
            ["INFO begin", "pass *** word", "", "last ***"]
        );
    }

    #[test]
    fn a_log_without_end_keeps_its_beginning_and_its_end() {
        let (log, _) = log();
        for number in 0..300_000 {
            log.write(format!("line {number} of hunter2\n").as_bytes());
        }
        let text = log.text();
        assert!(text.len() <= 2 * KEPT_BYTES + 100, "{}", text.len());
        assert!(text.starts_with("line 0 of ***\n") && text.ends_with("line 299999 of ***\n"));
        assert!(text.contains("bytes are left out here]") && !text.contains("hunter2"));
    }

    #[test]
    fn a_line_without_end_shows_no_secret() {
        let (log, seen) = log();
        for _ in 0..40_000 {
            log.write(b"xhunter2");
        }
        log.end();
        assert!(!log.text().contains("hunter2") && !log.text().contains("hunt\n"));
        assert!(seen.lock().unwrap_or_else(PoisonError::into_inner).len() > 1);
    }
}
