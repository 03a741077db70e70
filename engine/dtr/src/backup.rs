//! `backup`: the metadata of a replica, as a tar.

use std::time::Duration;

use crate::cluster::Replica;
use crate::command::Command;
use crate::error::{DtrError, Result};
use crate::flags::{IGNORE_EVENTS_TABLE, IGNORE_SCAN_DATA, OFFLINE_BACKUP};
use crate::ucp::Ucp;

/// How a backup is to be taken.
#[derive(Clone)]
pub struct BackupOptions {
    /// The account that may.
    pub ucp: Ucp,
    /// The image, where another is wanted than the replica's own.
    pub image: Option<String>,
    /// Stop the replica's database meanwhile.
    pub offline: bool,
    /// Leave the table of events out.
    pub ignore_events_table: bool,
    /// Leave results of scans out.
    pub ignore_scan_data: bool,
    /// Let it say more.
    pub debug: bool,
    /// Arguments that we do not know of.
    pub arguments: Vec<String>,
    /// How long it may say nothing.
    pub patience: Duration,
}

impl BackupOptions {
    /// The command for a replica.
    ///
    /// # Errors
    /// [`DtrError::UnknownVersion`], [`DtrError::UnknownImage`], [`DtrError::NoSuchFlag`].
    pub fn command(&self, replica: &Replica) -> Result<Command> {
        let named = || replica.id.to_string();
        let version = replica.version.ok_or_else(|| DtrError::UnknownVersion { replica: named() })?;
        let image = self.image.clone().or_else(|| replica.image.clone());
        let image = image.ok_or_else(|| DtrError::UnknownImage { replica: named() })?;
        let mut arguments = vec!["backup".to_owned(), "--existing-replica-id".to_owned(), named()];
        for (wanted, flag) in [
            (self.offline, OFFLINE_BACKUP),
            (self.ignore_events_table, IGNORE_EVENTS_TABLE),
            (self.ignore_scan_data, IGNORE_SCAN_DATA),
        ] {
            if wanted {
                arguments.push(flag.of(version)?);
            }
        }
        if self.debug {
            arguments.push("--debug".to_owned());
        }
        arguments.extend(self.arguments.iter().cloned());
        Ok(Command { image, arguments, variables: self.ucp.variables() })
    }
}
