//! From a password to a wrapping key: Argon2id (RFC 9106), and what it should cost.

use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Params, Version};
use dtrvault_format::Argon2Params;
use dtrvault_format::slot::{MIN_ARGON2_MEMORY_KIB, MIN_ARGON2_PASSES};

use crate::error::{Error, Result};
use crate::key::Key;

/// Least memory that [`tune`] chooses, KiB. With three passes, RFC 9106's second
/// recommendation (section 4).
const TUNED_LEAST_MEMORY_KIB: u32 = 64 * 1024;
/// Most memory that [`tune`] chooses, KiB: what a small registry node can spare for a second.
const TUNED_MOST_MEMORY_KIB: u32 = 256 * 1024;
/// Fewest and most passes that [`tune`] chooses. Memory is raised before passes, as it is
/// memory that makes guessing dear.
const TUNED_PASSES: (u32, u32) = (3, 16);
/// Lanes that [`tune`] chooses: as RFC 9106 recommends (section 4). Who opens a repository waits a part of
/// the time; who guesses passwords has the same work for each.
const TUNED_LANES: u32 = 4;

/// The least cost that the format allows: 19 MiB, 2 passes, 1 lane (OWASP's minimum). For
/// tests and vectors; [`tune`] gives what a new slot should have.
#[must_use]
pub fn floor() -> Argon2Params {
    Argon2Params { memory_kib: MIN_ARGON2_MEMORY_KIB, passes: MIN_ARGON2_PASSES, lanes: 1 }
}

/// Measures this machine and gives a cost that takes about `target` of one of its processors: 64 to
/// 256 MiB, 3 to 16 passes. The work is in four lanes, so that with more processors it is done
/// sooner. A slow machine may take longer, never less. Takes 0.1 s or so.
///
/// # Errors
/// [`Error::Argon2`] when there is no memory for the trial.
pub fn tune(target: Duration) -> Result<Argon2Params> {
    let trial = Argon2Params { memory_kib: TUNED_LEAST_MEMORY_KIB, passes: 1, lanes: 1 };
    let begin = Instant::now();
    wrapping_key(b"trial", &[0; 32], trial)?;
    Ok(cost_for(target, begin.elapsed()))
}

/// The cost that takes `target` where one pass over [`TUNED_LEAST_MEMORY_KIB`] takes `pass`.
fn cost_for(target: Duration, pass: Duration) -> Argon2Params {
    let (least_passes, most_passes) = TUNED_PASSES;
    let affordable = target.as_nanos() * u128::from(TUNED_LEAST_MEMORY_KIB);
    let affordable = affordable / pass.as_nanos().max(1);
    let memory = u32::try_from(affordable / u128::from(least_passes)).unwrap_or(u32::MAX);
    let memory_kib = (memory / 1024 * 1024).clamp(TUNED_LEAST_MEMORY_KIB, TUNED_MOST_MEMORY_KIB);
    let passes = u32::try_from(affordable / u128::from(memory_kib)).unwrap_or(u32::MAX);
    Argon2Params { memory_kib, passes: passes.clamp(least_passes, most_passes), lanes: TUNED_LANES }
}

/// Argon2id, version 0x13, of `password` and `salt`: 32 bytes. The caller has held `params`
/// against the limits of the format.
pub(crate) fn wrapping_key(password: &[u8], salt: &[u8; 32], params: Argon2Params) -> Result<Key> {
    if password.is_empty() {
        return Err(Error::EmptyPassword);
    }
    let Argon2Params { memory_kib, passes, lanes } = params;
    let params = Params::new(memory_kib, passes, lanes, Some(32)).map_err(Error::Argon2)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    Key::filled(|key| argon2.hash_password_into(password, salt, key)).map_err(Error::Argon2)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    const HALF_SECOND: Duration = Duration::from_millis(500);

    #[test]
    fn cost_follows_the_machine_within_its_bounds() {
        let cost = |pass_ms| {
            let cost = cost_for(HALF_SECOND, Duration::from_millis(pass_ms));
            (cost.memory_kib / 1024, cost.passes, cost.lanes)
        };
        assert_eq!(cost(100), (106, 3, 4));
        assert_eq!(cost(25), (256, 5, 4));
        assert_eq!(cost(1), (256, 16, 4));
        assert_eq!(cost(10_000), (64, 3, 4));
        assert_eq!(cost_for(HALF_SECOND, Duration::ZERO).passes, 16);
        assert_eq!(cost_for(Duration::MAX, Duration::ZERO).passes, 16);
    }

    #[test]
    fn tuned_cost_is_above_the_floor() {
        let (tuned, floor) = (tune(Duration::ZERO).unwrap(), floor());
        assert!(tuned.memory_kib > floor.memory_kib && tuned.passes > floor.passes);
    }

    #[test]
    fn password_and_salt_both_count() {
        let key = |password: &[u8], salt| wrapping_key(password, &[salt; 32], floor()).unwrap();
        let one = key(b"correct horse", 1);
        assert_eq!(one.bytes(), key(b"correct horse", 1).bytes());
        assert_ne!(one.bytes(), key(b"correct horse", 2).bytes());
        assert_ne!(one.bytes(), key(b"correct horse\n", 1).bytes());
        assert!(matches!(wrapping_key(b"", &[1; 32], floor()), Err(Error::EmptyPassword)));
    }
}
