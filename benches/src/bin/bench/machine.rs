//! The machine that is measured on.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use dtrvault_benches::Words;
use serde::{Deserialize, Serialize};

use crate::process::output;

/// Length of a file of the disk's test, as of a pack.
const FILE_BYTES: usize = 64 << 20;

/// What figures depend on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) memory_bytes: u64,
    pub(crate) system: String,
    /// Files of 64 MiB written one after another, each synced, 10^6 bytes a second.
    pub(crate) disk_mb_per_s: f64,
    /// When, and of which commit.
    pub(crate) date: String,
    pub(crate) commit: String,
}

impl Machine {
    /// Looks, and writes `files` files of 64 MiB to `work` to see how fast its disk is.
    pub(crate) fn look(work: &Path, files: usize) -> io::Result<Self> {
        let field = |path: &str, name: &str| {
            let text = fs::read_to_string(path).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.map(|value| value.trim_matches([':', ' ', '\t']).to_owned()).unwrap_or_default()
        };
        let memory = field("/proc/meminfo", "MemTotal");
        let memory_kib: u64 = memory.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0);
        let line = |command: &mut Command| output(command).map(|text| text.trim().to_owned());
        Ok(Self {
            processor: field("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism()?.get(),
            memory_bytes: memory_kib << 10,
            system: line(Command::new("uname").arg("-sr"))?,
            disk_mb_per_s: disk(work, files)?,
            date: line(Command::new("date").args(["-u", "+%Y-%m-%d"]))?,
            commit: line(Command::new("git").args([
                "-C",
                env!("CARGO_MANIFEST_DIR"),
                "rev-parse",
                "--short=12",
                "HEAD",
            ]))
            .unwrap_or_else(|_| "unknown".to_owned()),
        })
    }
}

fn disk(work: &Path, files: usize) -> io::Result<f64> {
    let mut noise = vec![0; FILE_BYTES];
    Words::new(14).fill(&mut noise);
    let path = |number: usize| work.join(format!("disk-{number}"));
    rustix::fs::sync();
    let begin = Instant::now();
    for number in 0..files {
        let mut file = File::create(path(number))?;
        file.write_all(&noise)?;
        file.sync_all()?;
    }
    let speed = (files * FILE_BYTES) as f64 / begin.elapsed().as_secs_f64() / 1e6;
    (0..files).try_for_each(|number| fs::remove_file(path(number)))?;
    Ok(speed)
}
