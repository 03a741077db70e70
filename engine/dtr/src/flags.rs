//! Which flags which version of DTR has.

use crate::error::{DtrError, Result};
use crate::version::Version;

/// A flag of a command of DTR's image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flag {
    /// With its dashes.
    pub name: &'static str,
    /// The first version that has it.
    pub since: Version,
    /// The first version that has it no more.
    pub until: Option<Version>,
}

const fn flag(name: &'static str, major: u16, minor: u16, patch: u16) -> Flag {
    Flag { name, since: Version::new(major, minor, patch), until: None }
}

/// Stops the replica's database for the time of the backup.
pub const OFFLINE_BACKUP: Flag = flag("--offline-backup", 2, 5, 0);
/// Leaves the table of events out.
pub const IGNORE_EVENTS_TABLE: Flag = flag("--ignore-events-table", 2, 8, 0);
/// Leaves results of scans out.
pub const IGNORE_SCAN_DATA: Flag = flag("--ignore-scan-data", 2, 9, 18);
/// One of this, a volume and an NFS server must be named, where this is known.
pub const STORAGE_CHOICE: Flag = flag("--dtr-use-default-storage", 2, 6, 0);
/// Leaves everything but the configuration out.
pub const CONFIG_ONLY: Flag =
    Flag { name: "--config-only", since: Version::new(2, 0, 0), until: Some(Version::new(2, 2, 0)) };

impl Flag {
    /// The flag's name, for a version that has it.
    ///
    /// # Errors
    /// [`DtrError::NoSuchFlag`] for one that has not.
    pub fn of(self, version: Version) -> Result<String> {
        if version >= self.since && self.until.is_none_or(|until| version < until) {
            Ok(self.name.to_owned())
        } else {
            Err(DtrError::NoSuchFlag { flag: self.name, version: version.to_string() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_has_its_flags() {
        for (flag, version, has) in [
            (OFFLINE_BACKUP, Version::new(2, 4, 9), false),
            (OFFLINE_BACKUP, Version::new(2, 5, 0), true),
            (IGNORE_EVENTS_TABLE, Version::new(2, 7, 12), false),
            (IGNORE_EVENTS_TABLE, Version::new(2, 10, 0), true),
            (IGNORE_SCAN_DATA, Version::new(2, 9, 4), false),
            (IGNORE_SCAN_DATA, Version::new(2, 9, 18), true),
            (CONFIG_ONLY, Version::new(2, 1, 3), true),
            (CONFIG_ONLY, Version::new(2, 2, 0), false),
        ] {
            assert_eq!(flag.of(version).is_ok(), has, "{} {version}", flag.name);
        }
    }
}
