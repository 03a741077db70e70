//! Instants, as file systems and snapshots write them.

use minicbor::{Decode, Encode};

/// Seconds and nanoseconds since 1970-01-01T00:00:00Z; before it, seconds are negative.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, serde::Serialize,
)]
pub struct Time {
    /// Whole seconds.
    #[n(0)]
    pub secs: i64,
    /// Nanoseconds after `secs`, below 10^9.
    #[n(1)]
    pub nanos: u32,
}

impl Time {
    /// The instant `secs` after the epoch.
    #[must_use]
    pub const fn from_secs(secs: i64) -> Self {
        Self { secs, nanos: 0 }
    }

    /// The nanoseconds are less than a second.
    #[must_use]
    pub const fn is_valid(&self) -> bool {
        self.nanos < 1_000_000_000
    }

    /// This instant and `secs` seconds more; stays at the end of time when it would go beyond.
    #[must_use]
    pub const fn plus_secs(self, secs: i64) -> Self {
        Self { secs: self.secs.saturating_add(secs), nanos: self.nanos }
    }
}

impl From<std::time::SystemTime> for Time {
    fn from(time: std::time::SystemTime) -> Self {
        match time.duration_since(std::time::UNIX_EPOCH) {
            Ok(after) => {
                Self { secs: i64::try_from(after.as_secs()).unwrap_or(i64::MAX), nanos: after.subsec_nanos() }
            }
            Err(error) => {
                let before = error.duration();
                let secs = i64::try_from(before.as_secs()).unwrap_or(i64::MAX);
                match before.subsec_nanos() {
                    0 => Self { secs: -secs, nanos: 0 },
                    nanos => Self { secs: -secs - 1, nanos: 1_000_000_000 - nanos },
                }
            }
        }
    }
}
