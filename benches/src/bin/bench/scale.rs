//! How much data each scenario has.

use std::io;

/// Sizes of all scenarios.
#[derive(Debug, Clone)]
pub(crate) struct Scale {
    pub(crate) name: &'static str,
    /// Rounds of scenarios that are short enough to be repeated.
    pub(crate) runs: u32,
    /// Opaque blobs, bytes.
    pub(crate) ingest_bytes: u64,
    /// Layers of an image that is built day by day.
    pub(crate) layers: u64,
    pub(crate) tags: u64,
    pub(crate) rows: u64,
    /// Rows of the tar that is taken day by day, and for how many days.
    pub(crate) days_rows: u64,
    pub(crate) days: u32,
    pub(crate) latency_bytes: u64,
    /// Sizes of a growing registry, bytes.
    pub(crate) scaling_bytes: &'static [u64],
    /// Rows of events and scans in a DTR's database, and blobs in its registry.
    pub(crate) dtr_rows: u64,
    pub(crate) dtr_blobs: u64,
    /// Whether what one run has left unsynced is written before the next: on a shared machine
    /// that is a long wait for what others have left.
    pub(crate) settle: bool,
    /// Files of 64 MiB that the disk is measured with.
    pub(crate) disk_files: usize,
}

const GB: u64 = 1_000_000_000;
const MB: u64 = 1_000_000;

/// What the goals speak of.
const FULL: Scale = Scale {
    name: "full",
    runs: 3,
    ingest_bytes: 4 * GB,
    layers: 400,
    tags: 100_000,
    rows: 1_000_000,
    days_rows: 60_000,
    days: 30,
    latency_bytes: GB,
    scaling_bytes: &[GB, 2 * GB, 4 * GB, 8 * GB],
    dtr_rows: 1_000_000,
    dtr_blobs: 40,
    settle: true,
    disk_files: 16,
};

/// A smoke test.
const SMALL: Scale = Scale {
    name: "small",
    runs: 1,
    ingest_bytes: 200 * MB,
    layers: 10,
    tags: 1_000,
    rows: 20_000,
    days_rows: 5_000,
    days: 3,
    latency_bytes: 100 * MB,
    scaling_bytes: &[100 * MB, 200 * MB],
    dtr_rows: 20_000,
    dtr_blobs: 2,
    settle: false,
    disk_files: 4,
};

impl Scale {
    /// The scale of that name.
    pub(crate) fn named(name: &str) -> io::Result<Self> {
        match name {
            "full" => Ok(FULL),
            "small" => Ok(SMALL),
            _ => Err(io::Error::other(format!("BENCH_SCALE is full or small, not {name:?}"))),
        }
    }
}
