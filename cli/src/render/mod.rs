//! How results look: words and tables for people, JSON for programs. `docs/json.md` states
//! the JSON.

pub(crate) mod size;
pub(crate) mod table;
pub(crate) mod time;
pub(crate) mod views;

use std::io::{self, BufWriter, IsTerminal, Write};

use dtrvault_ops::format::tree::display_path;
use serde::Serialize;

use crate::error::{CliError, Result};

/// Version of the JSON schema. It changes when a field goes or changes its meaning, not when
/// one is added.
pub(crate) const SCHEMA: u32 = 1;

/// A result with the version of its schema in front.
#[derive(Serialize)]
struct Envelope<'a, T> {
    schema: u32,
    #[serde(flatten)]
    body: &'a T,
}

/// Standard output.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    /// Results are JSON.
    pub(crate) json: bool,
    /// No more is said than was asked for.
    pub(crate) quiet: bool,
}

impl Output {
    /// Shows one JSON object.
    pub(crate) fn object<T: Serialize>(self, body: &T) -> Result<()> {
        let mut text = serde_json::to_vec_pretty(&Envelope { schema: SCHEMA, body })?;
        text.push(b'\n');
        self.write(&text)
    }

    /// Shows lines of text.
    pub(crate) fn lines<S: AsRef<str>>(self, lines: impl IntoIterator<Item = S>) -> Result<()> {
        let mut text = String::new();
        for line in lines {
            text.push_str(line.as_ref());
            text.push('\n');
        }
        self.write(text.as_bytes())
    }

    fn write(self, bytes: &[u8]) -> Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(bytes).and_then(|()| out.flush()).map_err(CliError::stdout)
    }

    /// Standard output for many small writes. To be flushed at the end.
    pub(crate) fn stream(self) -> BufWriter<io::StdoutLock<'static>> {
        BufWriter::with_capacity(64 << 10, io::stdout().lock())
    }
}

/// Whether somebody looks at standard output.
pub(crate) fn stdout_is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Text from outside, fit for a terminal: no control characters.
pub(crate) fn tame(text: &str) -> String {
    if text.chars().any(char::is_control) { display_path(text.as_bytes()) } else { text.to_owned() }
}

/// The first digits of an id: enough to name it in a repository of any sensible size.
pub(crate) fn short(id: &impl ToString) -> String {
    id.to_string().chars().take(12).collect()
}

/// `1 file`, `2 files`.
pub(crate) fn count(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

/// A number with its thousands set apart.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let shown: Vec<_> = [0, 999, 1000, 1_234_567].into_iter().map(grouped).collect();
        assert_eq!(shown, ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(count(1, "file", "files"), "1 file");
        assert_eq!(count(0, "file", "files"), "0 files");
    }

    #[test]
    fn text_from_outside_is_tamed() {
        assert_eq!(tame("a\u{1b}[2Jb"), "a\\x1b[2Jb");
        assert_eq!(tame("C:\\ümlaut"), "C:\\ümlaut");
    }
}
