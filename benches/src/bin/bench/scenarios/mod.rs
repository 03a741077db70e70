//! What is measured, a file for each scenario.

use std::io;

use crate::bench::Bench;

mod dtr;
mod ingest;
mod latency;
mod layers;
mod rows;
mod scaling;
mod stages;
mod tags;

/// A scenario, and the names by which it, or steps of it, can be asked for.
pub(crate) struct Scenario {
    pub(crate) names: &'static [&'static str],
    pub(crate) run: fn(&mut Bench) -> io::Result<()>,
}

/// All, in the order in which they run. A new one needs a file and a line here.
pub(crate) const ALL: &[Scenario] = &[
    Scenario { names: &["stages", "ingest"], run: stages::run },
    Scenario { names: &["ingest", "restore"], run: ingest::run },
    Scenario { names: &["layers"], run: layers::run },
    Scenario { names: &["tags"], run: tags::run },
    Scenario { names: &["rows"], run: rows::run },
    Scenario { names: &["latency"], run: latency::run },
    Scenario { names: &["scaling"], run: scaling::run },
    Scenario { names: &["dtr"], run: dtr::run },
];
