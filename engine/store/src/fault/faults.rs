//! Which faults there are, and which of them meets a call.

use std::time::Duration;

use super::{Call, Verb};

/// Which faults there are, and how often. None by default.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// What the dice begin with.
    pub seed: u64,
    /// The folder whose calls may meet faults, and are counted for that; all when none is given.
    pub only: Option<&'static str>,
    /// How likely a call fails and does nothing, 0 to 1.
    pub error_probability: f64,
    /// How likely a write takes place and fails nonetheless, 0 to 1.
    pub lost_acknowledgement_probability: f64,
    /// How likely a listing lacks the newest object of those it should show, 0 to 1.
    pub stale_listing_probability: f64,
    /// How likely a call waits for [`Faults::stall`] first, 0 to 1.
    pub stall_probability: f64,
    /// How long it waits then.
    pub stall: Duration,
    /// How likely a put fails and leaves the first half of its bytes under the key, 0 to 1.
    pub torn_write_probability: f64,
    /// From the call of this number on, counted from 1, what [`Faults::crash_reach`] says fails.
    pub crash_at: Option<u64>,
    /// Which calls fail from there on.
    pub crash_reach: Reach,
    /// Whether the call of that very number still takes place, if it is a write.
    pub crash_takes_place: bool,
}

/// How far a crash reaches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reach {
    /// Every call from there on: the process has ended, or the network is gone.
    #[default]
    Everything,
    /// Every call from there on that needs room: the disk is full.
    Space,
    /// That one call.
    OneCall,
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Passes,
    Fails,
    TakesPlaceAndFails,
    Stale,
    Tears,
}

/// What a call fails of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// It comes after the crash.
    Crash,
    /// There is no room left.
    NoSpace,
    /// The dice said so.
    Chance,
}

impl Faults {
    /// Whether a call may meet faults.
    pub(super) fn concern(&self, call: &Call) -> bool {
        self.only.is_none_or(|folder| call.folder == folder)
    }

    /// What becomes of the call of this number, and why it fails if it does.
    pub(super) fn fate(&self, call: &Call, number: u64) -> (Fate, Reason) {
        let verb = call.verb;
        if !self.concern(call) {
            return (Fate::Passes, Reason::Chance);
        }
        if let Some(crash) = self.crash_at.filter(|crash| number >= *crash) {
            let (reached, reason) = match self.crash_reach {
                Reach::Everything => (true, Reason::Crash),
                Reach::Space => (verb.needs_space(), Reason::NoSpace),
                Reach::OneCall => (number == crash, Reason::Crash),
            };
            if reached {
                let done = number == crash && self.crash_takes_place && verb.is_write();
                return (if done { Fate::TakesPlaceAndFails } else { Fate::Fails }, reason);
            }
        }
        let rolled = |lane, probability| dice(self.seed, number, lane) < probability;
        let fate = if rolled(1, self.error_probability) {
            Fate::Fails
        } else if verb.is_write() && rolled(2, self.lost_acknowledgement_probability) {
            Fate::TakesPlaceAndFails
        } else if verb == Verb::List && rolled(3, self.stale_listing_probability) {
            Fate::Stale
        } else if matches!(verb, Verb::Put | Verb::PutNew) && rolled(4, self.torn_write_probability) {
            Fate::Tears
        } else {
            Fate::Passes
        };
        (fate, Reason::Chance)
    }

    /// How long the call of this number waits first.
    pub(super) fn stall_of(&self, call: &Call, number: u64) -> Option<Duration> {
        (self.concern(call) && dice(self.seed, number, 0) < self.stall_probability).then_some(self.stall)
    }
}

/// Evenly spread over 0 to 1: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014) of all three.
fn dice(seed: u64, number: u64, lane: u64) -> f64 {
    let mut x = seed;
    for input in [number, lane] {
        x = (x ^ input).wrapping_add(0x9E37_79B9_7F4A_7C15);
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^= x >> 31;
    }
    // The upper 53 bits fit a double exactly.
    (x >> 11) as f64 / (1_u64 << 53) as f64
}
