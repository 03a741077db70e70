//! Lines on standard error, in the form of DTR's.

use std::io::Write;

/// A line of a level: `info`, `debug`, `warning`, `error`, `fatal`.
#[must_use]
pub fn line(level: &str, message: &str) -> String {
    let now = jiff::Timestamp::now().round(jiff::Unit::Second).unwrap_or_default();
    format!("time=\"{now}\" level={level} msg={message:?}\n")
}

/// Writes one; what cannot be told is not.
pub fn tell(level: &str, message: &str) {
    let _ = std::io::stderr().write_all(line(level, message).as_bytes());
}
