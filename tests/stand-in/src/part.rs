//! The containers of a replica. All but one have nothing to do but to be there.

use std::path::PathBuf;

use crate::Refusal;
use crate::settings::Settings;

/// Every part of a replica.
pub const PARTS: [&str; 9] = [
    "api",
    "garant",
    "jobrunner",
    "nginx",
    "notary-server",
    "notary-signer",
    "registry",
    "rethinkdb",
    "scanningstore",
];

/// Where the part that serves settings has the volume with certificates.
pub const CERTIFICATES_AT: &str = "/ca";
/// Where parts have the volume with tables.
pub const TABLES_AT: &str = "/data";

/// Runs a part, until it is stopped.
///
/// # Errors
///
/// When there is no such part, or it does not start.
pub fn run(name: &str) -> Result<(), Refusal> {
    if !PARTS.contains(&name) {
        return Err(format!("no part {name:?}"));
    }
    if name == "nginx" {
        return Settings::at(PathBuf::from(CERTIFICATES_AT), PathBuf::from(TABLES_AT)).serve("0.0.0.0:443");
    }
    loop {
        std::thread::park();
    }
}
