//! Settings: flags over environment over `config.toml`. A function of all three, so that it
//! can be tested; `docs/configuration.md` says the same in words.

pub(crate) mod config;
mod flags;

use std::path::PathBuf;
use std::time::Duration;

pub(crate) use config::{Config, Profile};
use dtrvault_ops::format::limits::{MAX_PACK_BYTES, MAX_TEXT_BYTES};
use dtrvault_ops::repo::OpenOptions;
use dtrvault_store::StoreOptions;
pub(crate) use flags::Flags;

use crate::env::Env;
use crate::error::{CliError, Result};
use crate::password::PasswordSource;
use crate::render::{size, time};

/// Least and most that each number may be: what the format, the codec and sense allow.
const INDEX_MEMORY_BYTES: (u64, u64) = (8 << 20, 64 << 30);
const ROWS_MEMORY_BYTES: (u64, u64) = (0, 64 << 30);
const PACK_BYTES: (u64, u64) = (1 << 20, MAX_PACK_BYTES - (32 << 20));
const COMPRESSION_LEVEL: (u64, u64) = (1, 19);
const PARALLEL: (u64, u64) = (1, 256);
const TIMEOUT_SECS: (u64, u64) = (1, 86_400);
/// Requests are not signed anew when they are repeated, and a signature lives for 15 minutes.
const RETRY_SECS: (u64, u64) = (0, 600);

/// What a run goes by.
#[derive(Debug)]
pub(crate) struct Settings {
    repo: Option<String>,
    /// Where the password comes from.
    pub(crate) password: PasswordSource,
    /// Name of this host, for snapshots and leases.
    pub(crate) host: String,
    cache_dir: Option<PathBuf>,
    index_memory_bytes: Option<u64>,
    rows_memory_bytes: Option<u64>,
    pack_bytes: Option<u64>,
    compression_level: Option<u64>,
    parallel: Option<u64>,
    timeout_secs: Option<u64>,
    retry_secs: Option<u64>,
    cloud: Vec<(String, String)>,
}

impl Settings {
    /// Resolves all settings.
    ///
    /// # Errors
    /// [`CliError::Usage`] for a value that is none.
    pub(crate) fn resolve(flags: &Flags, env: &Env, config: &Config, nodename: &str) -> Result<Self> {
        let name = flags.profile.as_deref().or_else(|| env.get("DTRVAULT_PROFILE"));
        let profile = config.profile(name, env)?;
        let text = |flag: &Option<String>, variable: &str, profile: &Option<String>| {
            flag.clone().or_else(|| env.get(variable).map(str::to_owned)).or_else(|| profile.clone())
        };
        let host = text(&None, "DTRVAULT_HOST", &profile.host).unwrap_or_else(|| nodename.to_owned());
        if host.is_empty() || host.len() > MAX_TEXT_BYTES {
            let message = format!("a host's name has 1 to {MAX_TEXT_BYTES} bytes, this one {}", host.len());
            return Err(CliError::usage(message, "set DTRVAULT_HOST"));
        }
        let cache_dir = flags
            .cache_dir
            .clone()
            .or_else(|| env.get("DTRVAULT_CACHE_DIR").map(PathBuf::from))
            .or_else(|| profile.cache_dir.clone())
            .or_else(|| env.xdg("XDG_CACHE_HOME", ".cache").map(|dir| dir.join("dtrvault")));
        let number = |key: &'static Key, flag: Option<u64>, profile: &Option<config::Amount>| {
            key.resolve(flag, env, profile.as_ref().map(config::Amount::text))
        };
        Ok(Self {
            repo: text(&flags.repo, "DTRVAULT_REPO", &profile.repo),
            password: PasswordSource::resolve(flags, env, &profile),
            host,
            cache_dir,
            index_memory_bytes: number(&INDEX_MEMORY, flags.index_memory, &profile.index_memory)?,
            rows_memory_bytes: number(&ROWS_MEMORY, flags.rows_memory, &profile.rows_memory)?,
            pack_bytes: number(&PACK_SIZE, flags.pack_size, &profile.pack_size)?,
            compression_level: number(&COMPRESSION, flags.compression, &profile.compression)?,
            parallel: number(&PARALLEL_KEY, flags.parallel, &profile.parallel)?,
            timeout_secs: number(&TIMEOUT, flags.timeout, &profile.timeout)?,
            retry_secs: number(&RETRY_TIME, flags.retry_time, &profile.retry_time)?,
            // The environment wins over the file; a store lets settings win over the environment.
            cloud: profile.cloud.into_iter().filter(|(name, _)| !env.has(name)).collect(),
        })
    }

    /// The repository's URL.
    ///
    /// # Errors
    /// [`CliError::Usage`] when there is none.
    pub(crate) fn repo(&self) -> Result<&str> {
        self.repo.as_deref().ok_or_else(|| {
            CliError::usage(
                "no repository was given",
                "say which with --repo PATH|URL, with DTRVAULT_REPO, or with `repo` in a profile of config.toml",
            )
        })
    }

    /// How stores are opened.
    pub(crate) fn store_options(&self) -> StoreOptions {
        let default = StoreOptions::default();
        StoreOptions {
            parallel: self.parallel.map_or(default.parallel, as_usize),
            timeout: self.timeout_secs.map_or(default.timeout, Duration::from_secs),
            retry_time: self.retry_secs.map_or(default.retry_time, Duration::from_secs),
            settings: self.cloud.clone(),
            ..default
        }
    }

    /// How the repository is opened.
    ///
    /// # Errors
    /// [`CliError::Usage`] when there is no place for the cache.
    pub(crate) fn open_options(&self) -> Result<OpenOptions> {
        let cache_dir = self.cache_dir.clone().ok_or_else(|| {
            CliError::usage("there is no place for the cache", "set HOME, DTRVAULT_CACHE_DIR or --cache-dir")
        })?;
        let default = OpenOptions::new(cache_dir, self.host.clone());
        let level = self.compression_level.and_then(|level| i32::try_from(level).ok());
        Ok(OpenOptions {
            index_memory_bytes: self.index_memory_bytes.map_or(default.index_memory_bytes, as_usize),
            rows_memory_bytes: self.rows_memory_bytes.map_or(default.rows_memory_bytes, as_usize),
            pack_bytes: self.pack_bytes.map_or(default.pack_bytes, as_usize),
            compression_level: level.unwrap_or(default.compression_level),
            layer_compression_level: level.unwrap_or(default.layer_compression_level),
            ..default
        })
    }
}

fn as_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// A number that may be set: its names, its form, its bounds.
struct Key {
    name: &'static str,
    variable: &'static str,
    parse: fn(&str) -> std::result::Result<u64, String>,
    show: fn(u64) -> String,
    bounds: (u64, u64),
}

const INDEX_MEMORY: Key = Key {
    name: "index-memory",
    variable: "DTRVAULT_INDEX_MEMORY",
    parse: size::parse,
    show: size::human,
    bounds: INDEX_MEMORY_BYTES,
};
const ROWS_MEMORY: Key = Key {
    name: "rows-memory",
    variable: "DTRVAULT_ROWS_MEMORY",
    parse: size::parse,
    show: size::human,
    bounds: ROWS_MEMORY_BYTES,
};
const PACK_SIZE: Key = Key {
    name: "pack-size",
    variable: "DTRVAULT_PACK_SIZE",
    parse: size::parse,
    show: size::human,
    bounds: PACK_BYTES,
};
const COMPRESSION: Key = Key {
    name: "compression",
    variable: "DTRVAULT_COMPRESSION",
    parse: parse_number,
    show: |level| level.to_string(),
    bounds: COMPRESSION_LEVEL,
};
const PARALLEL_KEY: Key = Key {
    name: "parallel",
    variable: "DTRVAULT_PARALLEL",
    parse: parse_number,
    show: |number| number.to_string(),
    bounds: PARALLEL,
};
const TIMEOUT: Key = Key {
    name: "timeout",
    variable: "DTRVAULT_TIMEOUT",
    parse: time::parse_seconds,
    show: |secs| format!("{secs}s"),
    bounds: TIMEOUT_SECS,
};

const RETRY_TIME: Key = Key {
    name: "retry-time",
    variable: "DTRVAULT_RETRY_TIME",
    parse: time::parse_seconds,
    show: |secs| format!("{secs}s"),
    bounds: RETRY_SECS,
};

fn parse_number(text: &str) -> std::result::Result<u64, String> {
    text.trim().parse().map_err(|_| format!("'{text}' is no whole number"))
}

impl Key {
    fn resolve(&self, flag: Option<u64>, env: &Env, profile: Option<String>) -> Result<Option<u64>> {
        let read = |from: &str, text: &str| {
            (self.parse)(text)
                .map_err(|reason| CliError::Usage { message: format!("{from}: {reason}"), hint: None })
        };
        let (from, value) = match (flag, env.get(self.variable), profile) {
            (Some(value), ..) => (format!("--{}", self.name), value),
            (None, Some(text), _) => (self.variable.to_owned(), read(self.variable, text)?),
            (None, None, Some(text)) => {
                let from = format!("{} in config.toml", self.name);
                let value = read(&from, &text)?;
                (from, value)
            }
            (None, None, None) => return Ok(None),
        };
        let (least, most) = self.bounds;
        if (least..=most).contains(&value) {
            return Ok(Some(value));
        }
        let show = self.show;
        let message = format!("{from} is {}, it must be {} to {}", show(value), show(least), show(most));
        Err(CliError::Usage { message, hint: None })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::Path;

    use super::*;

    const CONFIG: &str = "default-profile = 'd'\n[profiles.d]\nrepo = '/of-profile'\ncache-dir = '/cache-of-profile'\n\
        host = 'host-of-profile'\nindex-memory = '32MiB'\ncompression = 7\n\
        [profiles.d.cloud]\nAWS_REGION = 'a'\nAWS_ENDPOINT_URL = 'b'\n";

    fn resolve(flags: &Flags, env: &Env) -> Result<Settings> {
        let config = Config::parse(CONFIG, Path::new("/etc/config.toml")).unwrap();
        Settings::resolve(flags, env, &config, "node")
    }

    #[test]
    fn flags_go_over_environment_over_profile() {
        let home = [("HOME", "/h")];
        let profile = resolve(&Flags::default(), &Env::from(home)).unwrap();
        assert_eq!((profile.repo().unwrap(), profile.host.as_str()), ("/of-profile", "host-of-profile"));
        let options = profile.open_options().unwrap();
        assert_eq!((options.index_memory_bytes, options.compression_level), (32 << 20, 7));
        assert_eq!(options.cache_dir, Path::new("/cache-of-profile"));

        let env = Env::from([
            ("DTRVAULT_REPO", "/of-env"),
            ("DTRVAULT_CACHE_DIR", "/cache-of-env"),
            ("DTRVAULT_INDEX_MEMORY", "16MiB"),
            ("DTRVAULT_ROWS_MEMORY", "1MiB"),
            ("DTRVAULT_HOST", ""),
            ("AWS_REGION", "of-env"),
        ]);
        let settings = resolve(&Flags::default(), &env).unwrap();
        assert_eq!((settings.repo().unwrap(), settings.host.as_str()), ("/of-env", "host-of-profile"));
        let options = settings.open_options().unwrap();
        assert_eq!((options.index_memory_bytes, options.compression_level), (16 << 20, 7));
        assert_eq!(options.rows_memory_bytes, 1 << 20);
        assert_eq!(options.cache_dir, Path::new("/cache-of-env"));
        let cloud = settings.store_options().settings;
        assert_eq!(cloud, [("AWS_ENDPOINT_URL".to_owned(), "b".to_owned())]);

        let flags = Flags {
            repo: Some("/of-flag".into()),
            cache_dir: Some("/cache-of-flag".into()),
            index_memory: Some(8 << 20),
            ..Flags::default()
        };
        let settings = resolve(&flags, &env).unwrap();
        let options = settings.open_options().unwrap();
        assert_eq!((settings.repo().unwrap(), options.index_memory_bytes), ("/of-flag", 8 << 20));
        assert_eq!(options.cache_dir, Path::new("/cache-of-flag"));
    }

    #[test]
    fn without_any_there_are_defaults_and_clear_words() {
        let env = Env::from([("HOME", "/h"), ("XDG_CACHE_HOME", "relative")]);
        let settings = Settings::resolve(&Flags::default(), &env, &Config::default(), "node").unwrap();
        assert_eq!(settings.host, "node");
        assert_eq!(settings.open_options().unwrap().cache_dir, Path::new("/h/.cache/dtrvault"));
        assert!(settings.repo().unwrap_err().to_string().contains("no repository"));
        let settings =
            Settings::resolve(&Flags::default(), &Env::default(), &Config::default(), "n").unwrap();
        assert!(settings.open_options().is_err());
    }

    #[test]
    fn what_is_out_of_bounds_is_refused_wherever_it_stands() {
        for (name, value) in [
            ("DTRVAULT_COMPRESSION", "20"),
            ("DTRVAULT_COMPRESSION", "fast"),
            ("DTRVAULT_PACK_SIZE", "1GiB"),
            ("DTRVAULT_INDEX_MEMORY", "1"),
            ("DTRVAULT_ROWS_MEMORY", "1TiB"),
            ("DTRVAULT_PARALLEL", "0"),
            ("DTRVAULT_TIMEOUT", "2d"),
            ("DTRVAULT_RETRY_TIME", "11m"),
            ("DTRVAULT_PROFILE", "nobody"),
        ] {
            let refused = resolve(&Flags::default(), &Env::from([(name, value)]));
            assert!(matches!(refused, Err(CliError::Usage { .. })), "{name}={value}");
        }
        let flags = Flags { parallel: Some(1000), ..Flags::default() };
        let refused = resolve(&flags, &Env::default()).unwrap_err().to_string();
        assert!(refused.contains("--parallel"), "{refused}");
    }
}
