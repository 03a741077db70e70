//! What dtrvault is to reach, held against what was measured.

use crate::results::{Record, Results};

/// A goal that can be told from what was measured.
pub(crate) struct Goal {
    pub(crate) what: String,
    pub(crate) wanted: String,
    pub(crate) found: String,
    pub(crate) met: bool,
}

type Figure = fn(&Record) -> f64;

/// How many times a peer's figure is that of dtrvault, at least: scenario, step, figure, peer, times.
const AGAINST: &[(&str, &str, &str, Figure, &str, f64)] = &[
    ("ingest", "first", "time", Record::wall_s, "restic", 3.0),
    ("ingest", "first", "time", Record::wall_s, "bupstash", 1.0),
    ("ingest", "restore", "time", Record::wall_s, "restic", 1.5),
    ("tags", "first", "time", Record::wall_s, "restic", 8.0),
    ("tags", "first", "size of the repository", repository_bytes, "restic", 10.0),
    ("tags", "unchanged", "time", Record::wall_s, "restic", 5.0),
    ("tags", "restore", "time", Record::wall_s, "restic", 2.0),
    ("rows", "day 1", "time", Record::wall_s, "restic", 1.0),
];

/// Part of the first day that the second may add.
const DAY_TWO: f64 = 0.04;
/// Part of what restic adds that a new day of a registry may add,
const NEW_DAY: f64 = 0.15;
/// and all days may take.
const ALL_DAYS: f64 = 0.30;
/// Requests of a snapshot that finds nothing new.
const REQUESTS: f64 = 20.0;
/// How many times the time without delay that with 50 ms a request may be.
const DELAYED: f64 = 1.5;
/// Memory that a snapshot of a whole DTR, and its restore, may take, MiB.
const DTR_MIB: u64 = 400;
/// Part of the metadata's length that a snapshot may add when nothing was pushed.
const DTR_SECOND: f64 = 0.03;

/// All goals that this run can tell of.
pub(crate) fn goals(results: &Results) -> Vec<Goal> {
    let mut goals: Vec<Goal> = AGAINST.iter().filter_map(|goal| against(results, goal)).collect();
    goals.extend(second_day(results));
    goals.extend(layers(results));
    goals.extend(latency(results));
    goals.extend(dtr_memory(results));
    goals.extend(dtr_second(results));
    goals
}

fn repository_bytes(record: &Record) -> f64 {
    record.repository.map_or(f64::NAN, |repository| repository.bytes as f64)
}

fn against(
    results: &Results,
    (scenario, step, name, figure, peer, wanted): &(&str, &str, &str, Figure, &str, f64),
) -> Option<Goal> {
    let of = |program| results.get(scenario, step, program).map(figure);
    let times = of(peer)? / of("dtrvault")?;
    Some(Goal {
        what: format!("{scenario}, {step}: {peer}'s {name}"),
        wanted: format!("≥ {wanted} ×"),
        found: format!("{times:.2} ×"),
        met: times >= *wanted,
    })
}

/// A new day, the middle one by what it adds, and the repository in the end, of what restic's are.
fn layers(results: &Results) -> Vec<Goal> {
    let of = |program: &str| {
        let day = |number| results.get("layers", &format!("day {number}"), program)?.repository;
        let mut added: Vec<u64> = (2..).map_while(day).map(|stored| stored.added_bytes).collect();
        added.sort_unstable();
        let median = *added.get(added.len() / 2)? as f64;
        let whole = results.get("layers", "unchanged", program)?.repository?.bytes as f64;
        Some([("a new day, by the median", median, NEW_DAY), ("the repository", whole, ALL_DAYS)])
    };
    let (Some(ours), Some(theirs)) = (of("dtrvault"), of("restic")) else { return Vec::new() };
    let goal = |((what, ours, wanted), (_, theirs, _)): ((&str, f64, f64), (&str, f64, f64))| Goal {
        what: format!("layers, {what}: bytes, of restic's"),
        wanted: format!("≤ {wanted} ×"),
        found: format!("{:.3} ×", ours / theirs),
        met: ours / theirs <= wanted,
    };
    ours.into_iter().zip(theirs).map(goal).collect()
}

fn second_day(results: &Results) -> Option<Goal> {
    let day = |step| results.get("rows", step, "dtrvault")?.repository;
    let part = day("day 2")?.added_bytes as f64 / day("day 1")?.added_bytes as f64;
    Some(Goal {
        what: "rows, day 2: added, of what day 1 did".to_owned(),
        wanted: format!("≤ {:.0} %", DAY_TWO * 100.0),
        found: format!("{:.1} %", part * 100.0),
        met: part <= DAY_TWO,
    })
}

fn latency(results: &Results) -> Vec<Goal> {
    let get = |step: &str, place: &str| results.get("latency", &format!("{step}, {place}"), "dtrvault");
    let mut goals = Vec::new();
    if let Some(requests) = get("unchanged", "S3, 50 ms").and_then(|record| record.figures.get("requests")) {
        goals.push(Goal {
            what: "latency, unchanged: requests".to_owned(),
            wanted: format!("< {REQUESTS}"),
            found: requests.to_string(),
            met: *requests < REQUESTS,
        });
    }
    for step in ["first", "restore"] {
        let (Some(near), Some(far)) = (get(step, "S3, 0 ms"), get(step, "S3, 50 ms")) else { continue };
        let times = far.wall_s() / near.wall_s();
        goals.push(Goal {
            what: format!("latency, {step}: time with 50 ms a request, of that with none"),
            wanted: format!("≤ {DELAYED} ×"),
            found: format!("{times:.2} ×"),
            met: times <= DELAYED,
        });
    }
    goals
}

fn dtr_memory(results: &Results) -> Vec<Goal> {
    let goal = |step: &str| {
        let peak = results.get("dtr", step, "dtrvault")?.peak_rss_bytes();
        Some(Goal {
            what: format!("dtr, {step}: memory"),
            wanted: format!("≤ {DTR_MIB} MiB"),
            found: format!("{} MiB", peak >> 20),
            met: peak <= DTR_MIB << 20,
        })
    };
    ["first", "restore"].into_iter().filter_map(goal).collect()
}

fn dtr_second(results: &Results) -> Vec<Goal> {
    let record = |step| results.get("dtr", step, "dtrvault");
    let found = || {
        let metadata_mb = record("first")?.figures.get("MB of metadata")?;
        let second = record("second")?;
        let part = second.repository?.added_bytes as f64 / 1e6 / metadata_mb;
        Some((part, *second.figures.get("MB of images read")?))
    };
    let Some((part, images_mb)) = found() else { return Vec::new() };
    vec![
        Goal {
            what: "dtr, second: added, of the first one's metadata".to_owned(),
            wanted: format!("≤ {:.0} %", DTR_SECOND * 100.0),
            found: format!("{:.2} %", part * 100.0),
            met: part <= DTR_SECOND,
        },
        Goal {
            what: "dtr, second: image content read".to_owned(),
            wanted: "0 MB".to_owned(),
            found: format!("{images_mb} MB"),
            met: images_mb == 0.0,
        },
    ]
}
