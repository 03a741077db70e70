//! The account of UCP (today MKE) by which DTR is asked: flags over the variables that DTR's own
//! image goes by. The password never stands on the command line.

use std::path::{Path, PathBuf};

use dtrvault_ops::OpsError;
use dtrvault_ops::cluster::{Authority, Secret, Ucp};

use super::pins;
use crate::app::App;
use crate::env::Env;
use crate::error::{CliError, Result};
use crate::password::PasswordSource;

/// An account of UCP.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "UCP or MKE account")]
pub(crate) struct AccountArgs {
    /// UCP's URL, or its host and port [env: UCP_URL]
    #[arg(long, value_name = "URL")]
    ucp_url: Option<String>,

    /// An administrator; the password comes from UCP_PASSWORD, a file, or a prompt [env: UCP_USERNAME]
    #[arg(long, value_name = "NAME")]
    ucp_username: Option<String>,

    /// Read the administrator's password from this file
    #[arg(long, value_name = "FILE")]
    ucp_password_file: Option<PathBuf>,

    /// UCP's certificate authority, PEM; else it is fetched from /ca, and pinned when it is seen first
    /// [env: UCP_CA, the PEM itself]
    #[arg(long, value_name = "FILE")]
    ucp_ca: Option<PathBuf>,

    /// Believe whoever answers at UCP's URL [env: UCP_INSECURE_TLS]
    #[arg(long, conflicts_with = "ucp_ca")]
    ucp_insecure_tls: bool,
}

impl AccountArgs {
    /// The account, with a certificate authority that is known.
    ///
    /// # Errors
    /// [`CliError::Usage`] for what is missing; those of reading and fetching.
    pub(crate) fn resolve(&self, app: &App) -> Result<Ucp> {
        let env = &app.env;
        let text = |flag: &Option<String>, variable: &str, what: &str, name: &str| {
            let given = flag.clone().or_else(|| env.get(variable).map(str::to_owned));
            given.ok_or_else(|| {
                CliError::usage(
                    format!("DTR's backup and restore need {what}"),
                    format!("give --{name} or {variable}"),
                )
            })
        };
        let url = text(&self.ucp_url, "UCP_URL", "the URL of UCP", "ucp-url")?;
        let username = text(&self.ucp_username, "UCP_USERNAME", "an account of UCP", "ucp-username")?;
        let authority = self.authority(env)?;
        let password = self.password(env, &username, &url)?;
        let ucp = Ucp { url, username, password, authority };
        Ok(ucp.resolved(&pins(app)?, app.handle()).map_err(OpsError::from)?)
    }

    fn authority(&self, env: &Env) -> Result<Authority> {
        if self.ucp_insecure_tls {
            return Ok(Authority::Insecure);
        }
        if let Some(path) = &self.ucp_ca {
            return authority(Some(path));
        }
        Ok(match (env.get("UCP_CA"), env.get("UCP_INSECURE_TLS")) {
            (Some(pem), _) => Authority::Given(pem.to_owned()),
            (None, Some("1" | "true")) => Authority::Insecure,
            (None, _) => Authority::Pinned,
        })
    }

    fn password(&self, env: &Env, username: &str, url: &str) -> Result<Secret> {
        let source = match &self.ucp_password_file {
            Some(path) => PasswordSource::File(path.clone()),
            None => PasswordSource::of_variable(env, "UCP_PASSWORD").unwrap_or(PasswordSource::Terminal),
        };
        let hint = "set UCP_PASSWORD, or use --ucp-password-file; there is no terminal to ask at";
        let password = source.read_for(&format!("Password of {username} at {url}: "), hint)?;
        let text = std::str::from_utf8(&password);
        let text = text.map_err(|_| {
            CliError::usage("the password of UCP is no UTF-8", "it goes by an environment variable")
        })?;
        Ok(Secret::new(text.to_owned()))
    }
}

/// The certificates in a file, or else those that will be pinned.
///
/// # Errors
/// [`CliError::CertificateFile`].
pub(crate) fn authority(path: Option<&Path>) -> Result<Authority> {
    let Some(path) = path else { return Ok(Authority::Pinned) };
    let pem = std::fs::read_to_string(path)
        .map_err(|source| CliError::CertificateFile { path: path.to_owned(), source })?;
    Ok(Authority::Given(pem))
}
