//! What a failure of DTR, or of the Docker Engine it is on, means.

use dtrvault_ops::cluster::DtrError;

use super::{FAILED, INTERRUPTED, Verdict};
use crate::exit::Exit;

pub(super) fn verdict(error: &DtrError) -> Verdict {
    match error {
        DtrError::BadAddress { .. } => Verdict::new("usage", Exit::Usage),
        DtrError::NoEngine { .. } => Verdict::new("no-engine", Exit::Failed)
            .hint("is it running, and may you use it? --docker-host or DOCKER_HOST says where it is"),
        DtrError::NoDtr { .. } => Verdict::new("no-dtr", Exit::Failed)
            .hint("run this on a node of DTR, or name UCP's engine with DOCKER_HOST; a plain registry takes --registry"),
        DtrError::NoSuchReplica { .. } => {
            Verdict::new("no-such-replica", Exit::Usage).hint("`dtrvault dtr status` lists the replicas")
        }
        DtrError::NoHealthyReplica { .. } => Verdict::new("no-healthy-replica", Exit::Failed)
            .hint("name one with --replica-id to try it all the same"),
        DtrError::UnknownVersion { .. } | DtrError::UnknownImage { .. } => {
            Verdict::new("unknown-version", Exit::Usage).hint("say which image DTR was installed from with --image")
        }
        DtrError::NoImage { .. } => {
            Verdict::new("no-image", Exit::Failed).hint("`docker pull` it on that engine, or name another with --image")
        }
        DtrError::NoSuchFlag { .. } => Verdict::new("usage", Exit::Usage).hint("leave it out"),
        DtrError::Failed { .. } | DtrError::Cut { .. } | DtrError::Untaken { .. } => Verdict::new("dtr-failed", Exit::Failed)
            .hint("--debug lets DTR say more"),
        DtrError::Stalled { .. } => Verdict::new("dtr-stalled", Exit::Failed)
            .hint("--stall-timeout gives it more time"),
        DtrError::OtherAuthority { .. } => Verdict::new("other-authority", Exit::Failed)
            .hint("somebody else may be answering; if it was changed on purpose, remove the pinned file"),
        DtrError::NoCertificate { .. } => Verdict::new("no-certificate", Exit::Failed)
            .hint("name the certificate authority's file with --ucp-ca"),
        DtrError::NoApi { .. } => Verdict::new("no-api", Exit::Usage).hint("say where it is with --dtr-url"),
        DtrError::Status { status: 401 | 403, .. } => {
            Verdict::new("denied", Exit::Failed).hint("check the account and its password: it must be an administrator's")
        }
        DtrError::NoSettings { .. } => {
            Verdict::new("no-api", Exit::Failed).hint("is that DTR? --dtr-url says where its API is")
        }
        DtrError::NotFrozen { .. } => Verdict::new("not-frozen", Exit::Failed)
            .hint("set garbage collection to Never, and leave --freeze out"),
        DtrError::Interrupted => INTERRUPTED,
        _ => FAILED,
    }
}
