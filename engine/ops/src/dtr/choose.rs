//! Which replica a backup is taken from: the one of last time, so long as it is healthy.

use dtrvault_dtr::{Cluster, DtrError, Replica, ReplicaId};

use super::last::LastSnapshot;
use crate::error::Result;

/// A replica to back up.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// The replica.
    pub replica: Replica,
    /// What the operator should know about the choice.
    pub warning: Option<String>,
}

/// Chooses a replica: the one that is `asked` for, that of the last snapshot, or else the first that is healthy.
pub(super) fn choose(
    cluster: &Cluster,
    asked: Option<&ReplicaId>,
    last: Option<&LastSnapshot>,
) -> Result<Chosen> {
    if let Some(id) = asked {
        return of_id(cluster, id);
    }
    let before = last.and_then(|last| last.replica.as_deref());
    let same = before.and_then(|id| cluster.replicas.iter().find(|replica| replica.id.as_str() == id));
    if let Some(replica) = same.filter(|replica| replica.is_healthy()) {
        return Ok(Chosen { replica: replica.clone(), warning: None });
    }
    let healthy = cluster.replicas.iter().find(|replica| replica.is_healthy());
    let Some(replica) = healthy else {
        let ill = |replica: &Replica| format!("{}: {}", replica.id, replica.ailing().join(", "));
        return Err(
            DtrError::NoHealthyReplica { replicas: cluster.replicas.iter().map(ill).collect() }.into()
        );
    };
    let warning = before.map(|before| {
        let why = match same {
            Some(same) => format!("is not healthy ({})", same.ailing().join(", ")),
            None => "is not there".to_owned(),
        };
        format!(
            "replica {before}, which the last snapshot was taken from, {why}; this one is taken from {}",
            replica.id
        )
    });
    Ok(Chosen { replica: replica.clone(), warning })
}

fn of_id(cluster: &Cluster, id: &ReplicaId) -> Result<Chosen> {
    let replica = cluster.need(id)?;
    let ailing = replica.ailing();
    let warning = (!ailing.is_empty()).then(|| format!("replica {id} is not healthy: {}", ailing.join(", ")));
    Ok(Chosen { replica: replica.clone(), warning })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeMap;

    use dtrvault_dtr::{PARTS, Part, Storage};

    use super::*;
    use crate::error::OpsError;

    fn cluster(replicas: &[(&str, bool)]) -> Cluster {
        let replica = |(id, healthy): &(&str, bool)| {
            let part = Part { container: String::new(), healthy: *healthy, status: "Exited (1)".into() };
            Replica {
                id: id.parse().unwrap(),
                version: None,
                image: None,
                node: None,
                parts: PARTS.into_iter().map(|name| (name, part.clone())).collect::<BTreeMap<_, _>>(),
                storage: Storage::Unknown,
                https_port: None,
            }
        };
        Cluster { id: None, replicas: replicas.iter().map(replica).collect() }
    }

    fn last(replica: &str) -> LastSnapshot {
        let replica = Some(replica.to_owned());
        LastSnapshot { id: String::new(), time_secs: 0, complete: true, replica, cluster: None }
    }

    const A: &str = "00000000000a";
    const B: &str = "00000000000b";

    #[test]
    fn the_same_replica_is_taken_again_while_it_is_healthy() {
        let choice = |cluster: &Cluster, last: Option<LastSnapshot>| {
            let chosen = choose(cluster, None, last.as_ref()).unwrap();
            (chosen.replica.id.to_string(), chosen.warning.is_some())
        };
        let both = cluster(&[(A, true), (B, true)]);
        assert_eq!(choice(&both, None), (A.into(), false));
        assert_eq!(choice(&both, Some(last(B))), (B.into(), false));
        assert_eq!(choice(&cluster(&[(A, true), (B, false)]), Some(last(B))), (A.into(), true));
        assert_eq!(choice(&cluster(&[(A, true)]), Some(last(B))), (A.into(), true));
    }

    #[test]
    fn an_ailing_replica_is_taken_only_when_it_is_asked_for() {
        let ill = cluster(&[(A, false)]);
        let refused = choose(&ill, None, Some(&last(A)));
        assert!(matches!(refused, Err(OpsError::Dtr(DtrError::NoHealthyReplica { .. }))));
        assert!(choose(&ill, Some(&A.parse().unwrap()), None).unwrap().warning.is_some());
        let absent = choose(&ill, Some(&B.parse().unwrap()), None);
        assert!(matches!(absent, Err(OpsError::Dtr(DtrError::NoSuchReplica { .. }))));
    }
}
