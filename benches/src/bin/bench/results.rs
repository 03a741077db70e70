//! What was measured, as it is written to the JSON file and read back to make tables and plots.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use dtrvault_benches::Speed;
use serde::{Deserialize, Serialize};

use crate::machine::Machine;
use crate::process::Usage;

/// All of one run of the bench.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Results {
    pub(crate) machine: Machine,
    /// `small` or `full`.
    pub(crate) scale: String,
    /// Program and what it says of its version.
    pub(crate) versions: Vec<(String, String)>,
    /// Programs that could not be measured at all, or that failed in a scenario: who, and why.
    pub(crate) failures: Vec<(String, String)>,
    /// Speeds of the stages of a backup, on one thread.
    pub(crate) stages: Vec<Speed>,
    pub(crate) records: Vec<Record>,
}

/// One step of one scenario by one program.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    #[serde(flatten)]
    pub(crate) key: Key,
    /// Length of the data that was read or given back, bytes.
    pub(crate) data_bytes: u64,
    pub(crate) runs: Vec<Usage>,
    /// What the repository holds after the step: bytes, and how many it has more than before.
    pub(crate) repository: Option<Stored>,
    /// Other figures, by name.
    pub(crate) figures: BTreeMap<String, f64>,
}

/// What a record is of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) scenario: String,
    pub(crate) step: String,
    pub(crate) program: String,
    /// Such as `cores` and `gigabytes`.
    pub(crate) circumstances: BTreeMap<String, f64>,
}

/// Size of a repository.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Stored {
    pub(crate) bytes: u64,
    pub(crate) added_bytes: u64,
    pub(crate) files: u64,
}

impl Key {
    /// A key without circumstances.
    pub(crate) fn new(scenario: &str, step: &str, program: &str) -> Self {
        let [scenario, step, program] = [scenario, step, program].map(str::to_owned);
        Self { scenario, step, program, circumstances: BTreeMap::new() }
    }

    /// The same under a circumstance.
    pub(crate) fn with(mut self, name: &str, value: f64) -> Self {
        self.circumstances.insert(name.to_owned(), value);
        self
    }
}

impl Results {
    /// Adds a run to the record of `key`, which is made when it is the first.
    pub(crate) fn add(
        &mut self,
        key: &Key,
        data_bytes: u64,
        usage: Usage,
        repository: Option<Stored>,
    ) -> &mut Record {
        let place = self.records.iter().position(|record| record.key == *key).unwrap_or_else(|| {
            let (runs, figures) = (Vec::new(), BTreeMap::new());
            self.records.push(Record { key: key.clone(), data_bytes, runs, repository, figures });
            self.records.len() - 1
        });
        let record = &mut self.records[place];
        record.runs.push(usage);
        record.repository = repository;
        record
    }

    /// The record of a step under no circumstances.
    pub(crate) fn get(&self, scenario: &str, step: &str, program: &str) -> Option<&Record> {
        let key = Key::new(scenario, step, program);
        self.records.iter().find(|record| record.key == key)
    }

    /// The speed of a stage, 10^6 bytes a second.
    pub(crate) fn stage(&self, name: &str) -> Option<f64> {
        self.stages.iter().find(|speed| speed.stage.starts_with(name)).map(|speed| speed.mb_per_s)
    }

    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        fs::write(path, serde_json::to_vec_pretty(self)?)
    }

    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        Ok(serde_json::from_slice(&fs::read(path)?)?)
    }
}

impl Record {
    /// Median time, seconds.
    pub(crate) fn wall_s(&self) -> f64 {
        median(self.runs.iter().map(|run| run.wall_s))
    }

    /// Median processor time, seconds.
    pub(crate) fn cpu_s(&self) -> f64 {
        median(self.runs.iter().map(|run| run.cpu_s))
    }

    /// The most memory of any run, bytes.
    pub(crate) fn peak_rss_bytes(&self) -> u64 {
        self.runs.iter().map(|run| run.peak_rss_bytes).max().unwrap_or(0)
    }

    /// Of the data, 10^6 bytes a second.
    pub(crate) fn mb_per_s(&self) -> f64 {
        self.data_bytes as f64 / self.wall_s() / 1e6
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}
