//! Leases: a writer says that it is running, renews that, and commits nothing without it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dtrvault_crypto::SharedKind;
use dtrvault_format::cbor::Object;
use dtrvault_format::names::{LEASES, Named};
use dtrvault_format::{Lease, LeaseId, Time};
use tokio::task::JoinHandle;

use crate::error::{RepoError, Result};
use crate::repository::Repository;

/// How long leases last, and how often they are renewed.
#[derive(Debug, Clone, Copy)]
pub struct LeaseTimes {
    /// From writing a lease to its end.
    pub lasts: Duration,
    /// From one renewal to the next; well below `lasts`.
    pub renewed_after: Duration,
}

impl Default for LeaseTimes {
    fn default() -> Self {
        Self { lasts: Duration::from_secs(15 * 60), renewed_after: Duration::from_secs(4 * 60) }
    }
}

/// A lease of somebody else, as a listing shows it.
pub(crate) struct OtherLease {
    pub(crate) id: LeaseId,
    written: Time,
}

/// A lease that is renewed until it is dropped, and given back then unless it is to stay.
pub(crate) struct HeldLease {
    repo: Repository,
    lease: Lease,
    state: Arc<State>,
    renewal: JoinHandle<()>,
    stays: bool,
}

struct State {
    current: Mutex<(LeaseId, Time)>,
    lost: AtomicBool,
}

impl State {
    fn current(&self) -> (LeaseId, Time) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HeldLease {
    /// Takes a lease. Gives as well the other leases that are there: of writers that run, or of
    /// writers that ended and may have left packs which no segment names.
    pub(crate) fn take(repo: &Repository, operation: &str) -> Result<(Self, Vec<OtherLease>)> {
        let mut others = Vec::new();
        repo.backend().each(LEASES, |object| {
            let id = LeaseId::from_key(&object.key);
            others.extend(id.map(|id| OtherLease { id, written: object.modified.into() }));
            Ok(())
        })?;
        let mut run = [0; 16];
        getrandom::fill(&mut run).map_err(RepoError::Randomness)?;
        let now = repo.options().clock.now();
        let lease = Lease {
            run: run.into(),
            operation: operation.to_owned(),
            host: repo.options().host.clone(),
            pid: std::process::id(),
            boot: boot_id(),
            started: now,
            expires: now,
        };
        let (lease, bytes) = renewed(repo, lease)?;
        let id = repo.backend().create_named(bytes)?;
        let kept = lease.clone();
        let state =
            Arc::new(State { current: Mutex::new((id, lease.expires)), lost: AtomicBool::new(false) });
        let renewal = repo.backend().runtime().spawn(renew_forever(repo.clone(), lease, Arc::clone(&state)));
        Ok((Self { repo: repo.clone(), lease: kept, state, renewal, stays: false }, others))
    }

    /// Says whether the lease is still held.
    pub(crate) fn check(&self) -> Result<()> {
        let lost = |detail| Err(RepoError::LeaseLost { detail });
        if self.state.lost.load(Ordering::Relaxed) {
            return lost("it could not be renewed in time");
        }
        let (id, expires) = self.state.current();
        if self.repo.options().clock.now() >= expires {
            return lost("it ran out, or the clock jumped");
        }
        match self.repo.backend().wait(self.repo.backend().store().size(&id.key())) {
            Ok(_) => Ok(()),
            // A renewal may have replaced it meanwhile.
            Err(error) if error.is_damage() && self.state.current().0 != id => self.check(),
            Err(error) if error.is_damage() => lost("somebody removed it"),
            Err(error) => Err(error),
        }
    }

    /// Leaves the lease where it is, or another in its place if it is lost, for the next writer
    /// to see that packs may have been left without a name.
    pub(crate) fn leave(&mut self) {
        self.stays = true;
        self.renewal.abort();
        if matches!(self.check(), Err(RepoError::LeaseLost { .. })) {
            // Best effort: `rebuild-index` finds those packs, too.
            let _ = renewed(&self.repo, self.lease.clone())
                .and_then(|(_, bytes)| self.repo.backend().create_named::<LeaseId>(bytes));
        }
    }

    /// Those of `leases` that ran out, and those of processes of this host that are gone.
    pub(crate) fn dead(&self, leases: &[OtherLease]) -> Result<Vec<LeaseId>> {
        let mut dead = Vec::new();
        for lease in leases {
            if self.is_dead(lease)? {
                dead.push(lease.id);
            }
        }
        Ok(dead)
    }

    fn is_dead(&self, other: &OtherLease) -> Result<bool> {
        let limit = dtrvault_format::limits::MAX_LEASE_BYTES;
        let options = self.repo.options();
        let now = options.clock.now();
        let bytes = match self.repo.backend().get_named(&other.id, limit) {
            // It rotted, and nobody can tell whose it was. A writer that lives renews it.
            Err(RepoError::WrongName { .. }) => {
                return Ok(now >= other.written.plus_secs(secs(options.lease.lasts)));
            }
            // Released meanwhile, or far too long: nothing to clear, or nobody's.
            Err(error) if error.is_damage() => return Ok(false),
            bytes => bytes?,
        };
        let opened = self.repo.ring().open_shared(SharedKind::Lease, &bytes).ok();
        let Some(lease) = opened.and_then(|plain| Lease::from_bytes(&plain).ok()) else {
            return Ok(false);
        };
        let here = lease.host == options.host && lease.boot == boot_id();
        let gone = here && !lease.boot.is_empty() && !process_exists(lease.pid);
        Ok(gone || now >= lease.expires)
    }
}

impl Drop for HeldLease {
    fn drop(&mut self) {
        self.renewal.abort();
        if !self.stays {
            // Best effort: one that is left all the same costs the next writer a look at the packs.
            let _ = self.repo.backend().delete(&self.state.current().0.key());
        }
    }
}

fn secs(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

/// The lease with a new end, and its bytes.
fn renewed(repo: &Repository, lease: Lease) -> Result<(Lease, Vec<u8>)> {
    let options = repo.options();
    let lease = Lease { expires: options.clock.now().plus_secs(secs(options.lease.lasts)), ..lease };
    lease.validate()?;
    let bytes = repo.ring().seal_shared(SharedKind::Lease, &lease.to_bytes())?;
    Ok((lease, bytes))
}

async fn renew_forever(repo: Repository, mut lease: Lease, state: Arc<State>) {
    let store = repo.backend().store();
    loop {
        tokio::time::sleep(repo.options().lease.renewed_after).await;
        // A lease that ran out or was removed is lost for good, and no new one mends that: what
        // was read under it may be gone. The machine may have slept, for one.
        if repo.options().clock.now() >= lease.expires {
            break;
        }
        let Ok((next, bytes)) = renewed(&repo, lease.clone()) else { break };
        let id = LeaseId::new(blake3::hash(&bytes).into());
        if store.put_new(&id.key(), bytes.into()).await.is_ok() {
            // Only when both were there at once was there one all the time.
            match store.size(&state.current().0.key()).await {
                Ok(_) => {}
                Err(error) if error.is_not_found() => {
                    let _ = store.delete(&id.key()).await;
                    break;
                }
                Err(_) => continue,
            }
            let old = std::mem::replace(
                &mut *state.current.lock().unwrap_or_else(PoisonError::into_inner),
                (id, next.expires),
            );
            // One that stays behind runs out by itself.
            let _ = store.delete(&old.0.key()).await;
            lease = next;
        }
    }
    state.lost.store(true, Ordering::Relaxed);
}

/// Which boot of this host; empty where the system does not tell.
fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|id| id.trim().to_owned())
        .unwrap_or_default()
}

fn process_exists(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| !matches!(rustix::process::test_kill_process(pid), Err(rustix::io::Errno::SRCH)))
}
