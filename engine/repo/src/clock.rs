//! Where a repository has the time from, so that a test can say what time it is.

use std::fmt::Debug;
use std::time::SystemTime;

use dtrvault_format::Time;

/// A clock.
pub trait Clock: Send + Sync + Debug {
    /// The time now.
    fn now(&self) -> Time;
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Time {
        SystemTime::now().into()
    }
}
