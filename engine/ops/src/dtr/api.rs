//! DTR's own API: where it is, and who asks it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use dtrvault_dtr::freeze::Api;
use dtrvault_dtr::{Authority, DtrError, Engine, Pins, Replica, ReplicaId, Ucp, discover};

use crate::context::Context;
use crate::error::{OpsError, Result};

/// How long a replica that was just installed may take to serve its API, and how often it is asked.
const STARTS_WITHIN: Duration = Duration::from_secs(60);
const ASKED_EVERY: Duration = Duration::from_secs(1);

/// How DTR's API is reached.
pub struct ApiAccess {
    /// Its URL; that of the replica on this machine unless it is given.
    pub url: Option<String>,
    /// How it is known to be the right one.
    pub authority: Authority,
    /// Where authorities are pinned.
    pub pins: Pins,
    /// The folder in which it is noted that a registry was frozen.
    pub notes: PathBuf,
}

impl ApiAccess {
    /// The API of a replica.
    pub(super) fn of(&self, replica: &Replica, account: &Ucp, engine: &Engine) -> Result<Api> {
        let url = self.url.clone().or_else(|| self.local(replica, engine));
        let url = url.ok_or_else(|| DtrError::NoApi { replica: replica.id.to_string() })?;
        self.at(url, account, engine)
    }

    /// Where a replica of this machine publishes it.
    fn local(&self, replica: &Replica, engine: &Engine) -> Option<String> {
        replica.https_port.filter(|_| engine.is_local()).map(|port| format!("127.0.0.1:{port}"))
    }

    /// The API at a URL.
    pub(super) fn at(&self, url: String, account: &Ucp, engine: &Engine) -> Result<Api> {
        let (username, password) = (account.username.clone(), account.password.clone());
        let api = Api { url, username, password, authority: self.authority.clone() };
        Ok(api.resolved(&self.pins, engine.handle())?)
    }

    /// Lets the registry of a replica be written that was just installed, and may take a moment to hear it.
    pub(super) fn let_go(
        &self,
        replica: &ReplicaId,
        account: &Ucp,
        engine: &Engine,
        context: &Context,
    ) -> Result<()> {
        let cluster = discover(engine)?;
        let replica = cluster.need(replica)?;
        if let Some(local) = self.local(replica, engine).filter(|_| self.url.is_none()) {
            // It was installed a moment ago, by us, and may have another certificate than the one before it.
            self.pins.forget(&local)?;
        }
        let begun = Instant::now();
        loop {
            let done = self
                .of(replica, account, engine)
                .and_then(|api| api.set_read_only(false, engine.handle()).map_err(OpsError::from));
            if done.as_ref().err().is_none_or(|error| !is_starting(error)) || begun.elapsed() > STARTS_WITHIN
            {
                return done;
            }
            context.proceed()?;
            std::thread::sleep(ASKED_EVERY);
        }
    }
}

/// Whether this is how a server fails that is not up yet.
fn is_starting(error: &OpsError) -> bool {
    matches!(error, OpsError::Dtr(DtrError::Http { .. } | DtrError::Status { status: 500.., .. }))
}
