//! Which plots are made of the results.

use crate::results::{Record, Results};
use crate::svg::{Series, bars, lines};

/// Steps whose times are shown beside each other.
const COMPARED: [(&str, &str); 7] = [
    ("ingest", "first"),
    ("ingest", "unchanged"),
    ("ingest", "restore"),
    ("tags", "first"),
    ("tags", "unchanged"),
    ("tags", "restore"),
    ("rows", "day 1"),
];

/// File names and SVG of what can be shown.
pub(crate) fn plots(results: &Results) -> Vec<(&'static str, String)> {
    let mut plots = Vec::new();
    let groups: Vec<_> =
        COMPARED.into_iter().filter_map(|(scenario, step)| group(results, scenario, step)).collect();
    if !groups.is_empty() {
        plots.push(("times.svg", bars("Time, as a multiple of dtrvault's (less is better)", &groups)));
    }
    let speed = by_cores(results, |record| record.wall_s());
    if !speed.is_empty() {
        plots.push(("scaling-time.svg", lines("Time with the size of the registry", "GB", "s", &speed)));
        let memory = by_cores(results, |record| record.peak_rss_bytes() as f64 / f64::from(1 << 20));
        plots.push((
            "scaling-memory.svg",
            lines("Memory with the size of the registry", "GB", "MiB", &memory),
        ));
    }
    let days = points(results, "rows, day by day", "backup", "day", |record| {
        record.repository.map_or(f64::NAN, |stored| stored.bytes as f64 / 1e6)
    });
    if !days.is_empty() {
        let series = [Series { name: "dtrvault".to_owned(), points: days }];
        plots
            .push(("rows-days.svg", lines("Repository of a metadata tar, day by day", "day", "MB", &series)));
    }
    plots
}

fn group(results: &Results, scenario: &str, step: &str) -> Option<(String, Vec<(String, f64)>)> {
    let own = results.get(scenario, step, "dtrvault")?.wall_s();
    let same = |record: &&Record| record.key.scenario == scenario && record.key.step == step;
    let bars = results.records.iter().filter(same);
    let bars = bars.map(|record| (record.key.program.clone(), record.wall_s() / own));
    Some((format!("{scenario}: {step}"), bars.collect()))
}

fn points(
    results: &Results,
    scenario: &str,
    step: &str,
    over: &str,
    value: impl Fn(&Record) -> f64,
) -> Vec<(f64, f64)> {
    let records =
        results.records.iter().filter(|record| record.key.scenario == scenario && record.key.step == step);
    records.filter_map(|record| Some((*record.key.circumstances.get(over)?, value(record)))).collect()
}

fn by_cores(results: &Results, value: impl Fn(&Record) -> f64) -> Vec<Series> {
    let mut found = Vec::new();
    for step in ["first", "restore"] {
        for cores in [1.0, 2.0] {
            let points = points(results, "scaling", step, "gigabytes", |record| {
                if record.key.circumstances.get("cores") == Some(&cores) { value(record) } else { f64::NAN }
            });
            let points: Vec<_> = points.into_iter().filter(|point| !point.1.is_nan()).collect();
            if !points.is_empty() {
                let cores = if cores > 1.0 { "2 cores" } else { "1 core" };
                found.push(Series { name: format!("{step}, {cores}"), points });
            }
        }
    }
    found
}
