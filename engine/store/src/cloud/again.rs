//! Trying again what the crate below will not repeat: writes whose outcome is unknown, and listings
//! whose answer broke off.

use super::error;
use crate::{Result, StoreError};
use std::time::Duration;
use tokio::time::Instant;

/// Most further tries of one call, each with the retries of its request.
const MAX_FURTHER_TRIES: usize = 7;

/// First pause between two tries; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// How often calls are tried again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// At most so many times.
    pub(super) retries: usize,
    /// No try is begun any more when this is over.
    pub(super) time: Duration,
}

impl Patience {
    /// For one call, whose first try is under way.
    pub(super) fn begin(self) -> Tries {
        let left = self.retries.min(MAX_FURTHER_TRIES);
        Tries { left, pause: FIRST_PAUSE, end: Instant::now() + self.time }
    }
}

/// The tries of one call.
pub(super) struct Tries {
    left: usize,
    pause: Duration,
    end: Instant,
}

impl Tries {
    /// After a write: returns when it is to be made again, else gives the error back.
    pub(super) async fn write_again(&mut self, error: StoreError) -> Result<()> {
        if error::outcome_unknown(&error) { self.again(error).await } else { Err(error) }
    }

    /// After a read: returns when it is to be made again, else gives the error back.
    pub(super) async fn read_again(&mut self, error: StoreError) -> Result<()> {
        if error::broke_off(&error) { self.again(error).await } else { Err(error) }
    }

    /// Whatever the failure was.
    pub(super) async fn again(&mut self, error: StoreError) -> Result<()> {
        if self.left == 0 || Instant::now() >= self.end {
            return Err(error);
        }
        tokio::time::sleep(self.pause).await;
        self.left -= 1;
        self.pause = self.pause.saturating_mul(2);
        Ok(())
    }
}
