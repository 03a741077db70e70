//! Versions of DTR: `2.9.29`, `2.10.0`.

use std::fmt;
use std::str::FromStr;

/// A version. Later ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// First number.
    pub major: u16,
    /// Second number.
    pub minor: u16,
    /// Third number.
    pub patch: u16,
}

impl Version {
    /// The version of three numbers.
    #[must_use]
    pub const fn new(major: u16, minor: u16, patch: u16) -> Self {
        Self { major, minor, patch }
    }

    /// Whether both differ by no more than the patch.
    #[must_use]
    pub fn same_minor(self, other: Self) -> bool {
        (self.major, self.minor) == (other.major, other.minor)
    }
}

/// No version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no version of DTR such as 2.9.4")]
pub struct NoVersion(pub String);

impl FromStr for Version {
    type Err = NoVersion;

    /// Reads three numbers, or two. A `v` before them and a suffix (`-tp9`, `-rc1`) behind them say nothing.
    fn from_str(text: &str) -> Result<Self, NoVersion> {
        let bad = || NoVersion(text.chars().take(40).collect());
        let core = text.strip_prefix('v').unwrap_or(text);
        let core = core.split(['-', '+']).next().unwrap_or_default();
        let mut numbers = core.split('.').map(|number| {
            let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            if digits { number.parse::<u16>().map_err(|_| bad()) } else { Err(bad()) }
        });
        let mut next = || numbers.next().transpose();
        let version = Self {
            major: next()?.ok_or_else(bad)?,
            minor: next()?.ok_or_else(bad)?,
            patch: next()?.unwrap_or(0),
        };
        if next()?.is_some() { Err(bad()) } else { Ok(version) }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl serde::Serialize for Version {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn numbers_of_any_length_are_read_whole() {
        for (text, shown) in [
            ("2.9.29", "2.9.29"),
            ("2.10.0", "2.10.0"),
            ("v2.7.3", "2.7.3"),
            ("2.4", "2.4.0"),
            ("2.9.4-tp1", "2.9.4"),
        ] {
            assert_eq!(text.parse::<Version>().unwrap().to_string(), shown);
        }
        for text in ["", "latest", "2", "2.x.1", "2.9.4.1", "2..1", "2.-1.0", "99999.1.1"] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
    }

    #[test]
    fn versions_are_ordered_by_their_numbers() {
        let version = |text: &str| text.parse::<Version>().unwrap();
        assert!(version("2.10.0") > version("2.9.29"));
        assert!(version("2.9.29").same_minor(version("2.9.2")));
        assert!(!version("2.9.1").same_minor(version("2.1.9")));
    }
}
