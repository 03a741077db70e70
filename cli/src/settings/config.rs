//! `config.toml`: profiles for what an operator does not want to repeat.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::env::Env;
use crate::error::{CliError, Result};

/// Longest configuration that is read, bytes.
const MAX_CONFIG_FILE_BYTES: u64 = 1 << 20;

/// The file. A key that is not known is an error, not a word in the wind.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Config {
    /// The profile that is used when none is named.
    pub(crate) default_profile: Option<String>,
    /// Profiles by name.
    #[serde(default)]
    pub(crate) profiles: BTreeMap<String, Profile>,
    /// Where it was read, for messages and relative paths.
    #[serde(skip)]
    pub(crate) path: PathBuf,
}

/// One profile: what the flags of the same names say.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Profile {
    pub(crate) repo: Option<String>,
    pub(crate) password_file: Option<PathBuf>,
    pub(crate) password_command: Option<String>,
    pub(crate) cache_dir: Option<PathBuf>,
    pub(crate) host: Option<String>,
    pub(crate) index_memory: Option<Amount>,
    pub(crate) rows_memory: Option<Amount>,
    pub(crate) pack_size: Option<Amount>,
    pub(crate) compression: Option<Amount>,
    pub(crate) parallel: Option<Amount>,
    pub(crate) timeout: Option<Amount>,
    pub(crate) retry_time: Option<Amount>,
    /// Settings of the cloud, named as in its environment.
    #[serde(default)]
    pub(crate) cloud: BTreeMap<String, String>,
}

/// A number, or a number with a unit.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Amount {
    Number(u64),
    Text(String),
}

impl Amount {
    /// As a flag would have it.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

/// Where the configuration is looked for: `$XDG_CONFIG_HOME/dtrvault/config.toml`.
pub(crate) fn path(env: &Env) -> Option<PathBuf> {
    env.xdg("XDG_CONFIG_HOME", ".config").map(|dir| dir.join("dtrvault/config.toml"))
}

impl Config {
    /// Reads the file; without one, there are no profiles.
    ///
    /// # Errors
    /// [`CliError::ConfigFile`], [`CliError::BadConfig`].
    pub(crate) fn load(path: &Path) -> Result<Self> {
        let mut text = String::new();
        let read = File::open(path)
            .and_then(|file| file.take(MAX_CONFIG_FILE_BYTES + 1).read_to_string(&mut text))
            .and_then(|_| match text.len() as u64 {
                ..=MAX_CONFIG_FILE_BYTES => Ok(()),
                _ => Err(io::Error::new(io::ErrorKind::FileTooLarge, "longer than 1 MiB")),
            });
        match read {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(CliError::ConfigFile { path: path.to_owned(), source }),
            Ok(()) => Self::parse(&text, path),
        }
    }

    /// Reads a configuration from its text.
    pub(crate) fn parse(text: &str, path: &Path) -> Result<Self> {
        let config: Self = toml::from_str(text)
            .map_err(|source| CliError::BadConfig { path: path.to_owned(), source: Box::new(source) })?;
        Ok(Self { path: path.to_owned(), ..config })
    }

    /// The profile of this name, or the default one; with neither, an empty one. Paths in it
    /// are made absolute: `~/` is the home folder, others are relative to the file's folder.
    ///
    /// # Errors
    /// [`CliError::Usage`] for a name that no profile has.
    pub(crate) fn profile(&self, name: Option<&str>, env: &Env) -> Result<Profile> {
        let Some(name) = name.or(self.default_profile.as_deref()) else {
            return Ok(Profile::default());
        };
        let Some(profile) = self.profiles.get(name) else {
            let known: Vec<&str> = self.profiles.keys().map(String::as_str).collect();
            let hint = match known.as_slice() {
                [] => match path(env) {
                    Some(path) => format!("write [profiles.{name}] into {}", path.display()),
                    None => "set HOME, so that a configuration can be found".to_owned(),
                },
                known => format!("{} has: {}", self.path.display(), known.join(", ")),
            };
            return Err(CliError::usage(format!("there is no profile '{name}'"), hint));
        };
        let mut profile = profile.clone();
        let home = env.home();
        for path in [&mut profile.password_file, &mut profile.cache_dir].into_iter().flatten() {
            *path = self.absolute(path, home.as_deref());
        }
        if let Some(repo) = &mut profile.repo
            && !repo.contains("://")
        {
            *repo = self.absolute(Path::new(repo), home.as_deref()).display().to_string();
        }
        Ok(profile)
    }

    fn absolute(&self, path: &Path, home: Option<&Path>) -> PathBuf {
        match (path.strip_prefix("~"), home) {
            (Ok(rest), Some(home)) => home.join(rest),
            _ => self.path.parent().unwrap_or(Path::new("")).join(path),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parse(text: &str) -> Result<Config> {
        Config::parse(text, Path::new("/etc/dtrvault/config.toml"))
    }

    #[test]
    fn a_misspelt_key_is_an_error() {
        for text in [
            "repo = 'x'",
            "[profiles.a]\nrepos = 'x'",
            "[profiles.a]\npassword = 'secret'",
            "[profile.a]\n",
            "[profiles.a]\nindex-memory = true",
            "[profiles.a]\nindex-memory = -1",
            "[profiles.a]\nrepo = 1",
        ] {
            assert!(matches!(parse(text), Err(CliError::BadConfig { .. })), "{text}");
        }
    }

    #[test]
    fn profiles_are_found_by_name_or_default() {
        let env = Env::from([("HOME", "/home/op")]);
        let config = parse(
            "default-profile = 'a'\n[profiles.a]\nrepo = 's3://b/p'\npassword-file = '~/pw'\n\
             [profiles.b]\nrepo = 'here'\ncache-dir = '/c'\npack-size = 1024\ntimeout = '3m'\n\
             [profiles.b.cloud]\nAWS_REGION = 'eu'\n",
        )
        .unwrap();
        let a = config.profile(None, &env).unwrap();
        assert_eq!(a.repo.as_deref(), Some("s3://b/p"));
        assert_eq!(a.password_file, Some("/home/op/pw".into()));
        let b = config.profile(Some("b"), &env).unwrap();
        assert_eq!(b.repo.as_deref(), Some("/etc/dtrvault/here"));
        assert_eq!(b.cache_dir, Some("/c".into()));
        assert_eq!((b.pack_size, b.timeout), (Some(Amount::Number(1024)), Some(Amount::Text("3m".into()))));
        assert_eq!(b.cloud.get("AWS_REGION").map(String::as_str), Some("eu"));
        assert!(matches!(config.profile(Some("c"), &env), Err(CliError::Usage { .. })));
        assert_eq!(parse("").unwrap().profile(None, &env).unwrap(), Profile::default());
    }

    #[test]
    fn a_file_that_is_not_there_has_no_profiles() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Config::load(&dir.path().join("none.toml")).unwrap().profiles.is_empty());
        assert!(matches!(Config::load(dir.path()), Err(CliError::ConfigFile { .. })));
        let long = dir.path().join("long.toml");
        std::fs::write(&long, "#".repeat(2 << 20)).unwrap();
        assert!(matches!(Config::load(&long), Err(CliError::ConfigFile { .. })));
    }
}
