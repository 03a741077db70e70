//! The flags that every verb takes.

use std::path::PathBuf;

use clap::Args;

use crate::render::{size, time};

/// Where the repository is, how it is opened, how to report.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Flags {
    /// The repository: a path, file://, s3://bucket/prefix, gs://… or az://… [env: DTRVAULT_REPO]
    #[arg(short, long, global = true, value_name = "URL")]
    pub(crate) repo: Option<String>,

    /// Read the password from this file [env: DTRVAULT_PASSWORD_FILE]
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "password_command")]
    pub(crate) password_file: Option<PathBuf>,

    /// Read the password from this shell command's output [env: DTRVAULT_PASSWORD_COMMAND]
    #[arg(long, global = true, value_name = "COMMAND")]
    pub(crate) password_command: Option<String>,

    /// Folder of the index cache; what is in it may be lost [env: DTRVAULT_CACHE_DIR]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) cache_dir: Option<PathBuf>,

    /// Use this profile of config.toml [env: DTRVAULT_PROFILE]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,

    /// Show the result as JSON on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// No progress, and no words but results, warnings and errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,

    /// No progress bar, also on a terminal
    #[arg(long, global = true)]
    pub(crate) no_progress: bool,

    /// Memory for the index, 64MiB if not given [env: DTRVAULT_INDEX_MEMORY]
    #[arg(long, global = true, value_name = "SIZE", value_parser = size::parse, hide_short_help = true)]
    pub(crate) index_memory: Option<u64>,

    /// Memory for the rows of a metadata tar; more go to the cache folder; 64MiB if not given [env: DTRVAULT_ROWS_MEMORY]
    #[arg(long, global = true, value_name = "SIZE", value_parser = size::parse, hide_short_help = true)]
    pub(crate) rows_memory: Option<u64>,

    /// Size of the packs that are written, 64MiB if not given [env: DTRVAULT_PACK_SIZE]
    #[arg(long, global = true, value_name = "SIZE", value_parser = size::parse, hide_short_help = true)]
    pub(crate) pack_size: Option<u64>,

    /// Level of zstd, 1 to 19; 3 if not given, and 6 for what layers hold [env: DTRVAULT_COMPRESSION]
    #[arg(long, global = true, value_name = "LEVEL", hide_short_help = true)]
    pub(crate) compression: Option<u64>,

    /// Requests to the store at once, 16 if not given [env: DTRVAULT_PARALLEL]
    #[arg(long, global = true, value_name = "N", hide_short_help = true)]
    pub(crate) parallel: Option<u64>,

    /// Patience with one request to a cloud, 3m if not given [env: DTRVAULT_TIMEOUT]
    #[arg(long, global = true, value_name = "TIME", value_parser = time::parse_seconds, hide_short_help = true)]
    pub(crate) timeout: Option<u64>,

    /// How long a failed request to a cloud is tried again, 4m if not given [env: DTRVAULT_RETRY_TIME]
    #[arg(long, global = true, value_name = "TIME", value_parser = time::parse_seconds, hide_short_help = true)]
    pub(crate) retry_time: Option<u64>,
}
