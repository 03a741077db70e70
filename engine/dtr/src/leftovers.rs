//! Containers that a dtrvault left behind which was killed.

use std::collections::HashMap;
use std::fmt;

use bollard::query_parameters::{ListContainersOptionsBuilder, RemoveContainerOptionsBuilder};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use crate::engine::Engine;
use crate::error::{DtrError, Result};

/// Label of every container that we make: whose it is.
pub(crate) const OWNER_LABEL: &str = "dtrvault.owner";

/// A process of some host: `<pid>@<boot>@<host>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    host: String,
    boot: String,
    pid: u32,
}

impl Owner {
    /// This process, on the host that is called `host`.
    #[must_use]
    pub fn this_process(host: &str) -> Self {
        Self { host: host.to_owned(), boot: boot_id(), pid: std::process::id() }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (pid, rest) = text.split_once('@')?;
        let (boot, host) = rest.split_once('@')?;
        Some(Self { host: host.to_owned(), boot: boot.to_owned(), pid: pid.parse().ok()? })
    }

    /// Whether that process, seen from this one, is certainly no more. Of another host's nothing is known.
    #[must_use]
    pub fn is_gone(&self, here: &Self) -> bool {
        self.host == here.host && (self.boot != here.boot || !process_exists(self.pid))
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}@{}", self.pid, self.boot, self.host)
    }
}

/// Removes what processes of this host left that are no more. Gives how many containers that were.
///
/// # Errors
/// What the engine says.
pub fn sweep(engine: &Engine, here: &Owner) -> Result<usize> {
    let ours = HashMap::from([("label", vec![OWNER_LABEL])]);
    let ours = ListContainersOptionsBuilder::default().all(true).filters(&ours).build();
    let mut removed = 0;
    for container in engine.wait("list containers", engine.docker().list_containers(Some(ours)))? {
        let owner = container.labels.as_ref().and_then(|labels| labels.get(OWNER_LABEL));
        let gone = owner.and_then(|text| Owner::parse(text)).is_some_and(|owner| owner.is_gone(here));
        let Some(id) = container.id.filter(|_| gone) else { continue };
        let all = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        match engine.handle().block_on(engine.docker().remove_container(&id, Some(all))) {
            Ok(()) => removed += 1,
            // It removes itself at this very moment.
            Err(error) if is_going(&error) => {}
            Err(error) => return Err(DtrError::engine("remove a container")(error)),
        }
    }
    Ok(removed)
}

fn is_going(error: &bollard::errors::Error) -> bool {
    use bollard::errors::Error::DockerResponseServerError;
    matches!(error, DockerResponseServerError { status_code: 404 | 409, .. })
}

/// Which boot of this host; empty where the system does not tell.
fn boot_id() -> String {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
    id.map(|id| id.trim().to_owned()).unwrap_or_default()
}

fn process_exists(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| !matches!(test_kill_process(pid), Err(Errno::SRCH)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_what_is_certainly_gone_is_gone() {
        let here = Owner::this_process("a");
        assert_eq!(Owner::parse(&here.to_string()).unwrap(), here);
        assert!(!here.is_gone(&here));
        assert!(Owner { boot: "another".into(), ..here.clone() }.is_gone(&here));
        assert!(Owner { pid: u32::MAX >> 2, ..here.clone() }.is_gone(&here));
        assert!(!Owner { host: "b".into(), pid: u32::MAX >> 2, ..here.clone() }.is_gone(&here));
        assert_eq!(Owner::parse("12"), None);
    }
}
