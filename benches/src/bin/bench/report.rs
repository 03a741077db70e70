//! The table, in Markdown.

use std::fmt::Write as _;

use crate::goals::goals;
use crate::results::{Record, Results};

/// Stages that every byte of a new opaque blob passes: its digest, its chunks, their ids, their
/// sealing, and the name of the pack.
const BLOB_STAGES: [&str; 5] =
    ["SHA-256", "FastCDC, coarse", "chunk ids (BLAKE3, keyed), 1024", "frame sealing", "BLAKE3, plain"];

/// All of it.
pub(crate) fn report(results: &Results) -> String {
    let mut text = head(results);
    text.push_str(&failures(results));
    text.push_str(&table(results));
    text.push_str(&goal_table(results));
    text.push_str(&limit(results));
    text.push_str(&stages(results));
    text
}

fn head(results: &Results) -> String {
    let machine = &results.machine;
    let versions: Vec<String> =
        results.versions.iter().map(|(name, version)| format!("{name} ({version})")).collect();
    format!(
        "Measured on {}, commit {}, scale `{}`: {} cores of {}, {:.0} GB of memory, {}; its disk takes {:.0} MB/s \
         in synced files of 64 MiB.\nPrograms: {}.\n\n",
        machine.date,
        machine.commit,
        results.scale,
        machine.cores,
        machine.processor,
        machine.memory_bytes as f64 / 1e9,
        machine.system,
        machine.disk_mb_per_s,
        versions.join(", ")
    )
}

fn failures(results: &Results) -> String {
    let mut text = String::new();
    for (what, why) in &results.failures {
        let first = why.lines().next().unwrap_or_default();
        let _ = writeln!(text, "**NOT MEASURED: {what}**: {first}\n");
    }
    text
}

fn table(results: &Results) -> String {
    let mut text =
        "| scenario | step | program | time, s | × | processors, s | × | memory, MiB | × | repository, MB | \
                    added, MB | MB/s | notes |\n|---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|\n"
            .to_owned();
    for record in &results.records {
        // What grows day by day, or with the data, is a plot.
        if record.key.scenario == "rows, day by day" {
            continue;
        }
        text.push_str(&line(results, record));
    }
    text.push_str(
        "\n×: how many times dtrvault's figure. Times are medians, memory is the most of any run.\n",
    );
    text
}

fn line(results: &Results, record: &Record) -> String {
    let key = &record.key;
    let own = results.get(&key.scenario, &key.step, "dtrvault").filter(|_| key.program != "dtrvault");
    let times = |figure: &dyn Fn(&Record) -> f64| {
        own.map_or_else(String::new, |own| format!("{:.2}", figure(record) / figure(own)))
    };
    let mut notes: Vec<String> = key
        .circumstances
        .iter()
        .chain(&record.figures)
        .map(|(name, value)| format!("{value} {name}"))
        .collect();
    if record.runs.len() > 1 {
        notes.push(format!("{} runs", record.runs.len()));
    }
    let repository = |bytes: fn(&crate::results::Stored) -> u64| {
        record.repository.as_ref().map_or_else(String::new, |stored| megabytes(bytes(stored)))
    };
    format!(
        "| {} | {} | {} | {:.2} | {} | {:.2} | {} | {} | {} | {} | {} | {:.0} | {} |\n",
        key.scenario,
        key.step,
        key.program,
        record.wall_s(),
        times(&Record::wall_s),
        record.cpu_s(),
        times(&Record::cpu_s),
        record.peak_rss_bytes() >> 20,
        times(&|record| record.peak_rss_bytes() as f64),
        repository(|stored| stored.bytes),
        repository(|stored| stored.added_bytes),
        record.mb_per_s(),
        notes.join(", ")
    )
}

/// Three digits that count.
fn megabytes(bytes: u64) -> String {
    let value = bytes as f64 / 1e6;
    match value {
        ..10.0 => format!("{value:.2}"),
        ..100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

fn goal_table(results: &Results) -> String {
    let goals = goals(results);
    if goals.is_empty() {
        return String::new();
    }
    let mut text = "\n| goal | wanted | found | met |\n|---|--:|--:|---|\n".to_owned();
    for goal in goals {
        let met = if goal.met { "yes" } else { "**no**" };
        let _ = writeln!(text, "| {} | {} | {} | {met} |", goal.what, goal.wanted, goal.found);
    }
    text
}

/// How near new blobs come to what the processors could do.
fn limit(results: &Results) -> String {
    let speeds: Option<Vec<f64>> = BLOB_STAGES.iter().map(|stage| results.stage(stage)).collect();
    let (Some(speeds), Some(first)) = (speeds, results.get("ingest", "first", "dtrvault")) else {
        return String::new();
    };
    let seconds: f64 = speeds.iter().map(|speed| 1.0 / speed).sum();
    let cores = results.machine.cores as f64;
    let limit = cores / seconds;
    format!(
        "\nNew blobs: {:.0} MB/s. The stages that each byte passes ({}), one after another on {cores} cores that do \
         nothing else, would allow {limit:.0} MB/s: {:.0} % of that. The disk takes {:.0} MB/s.\n",
        first.mb_per_s(),
        BLOB_STAGES.join("; "),
        first.mb_per_s() / limit * 100.0,
        results.machine.disk_mb_per_s,
    )
}

fn stages(results: &Results) -> String {
    if results.stages.is_empty() {
        return String::new();
    }
    let mut text = "\n| stage, on one thread | MB/s |\n|---|--:|\n".to_owned();
    for speed in &results.stages {
        let _ = writeln!(text, "| {} | {:.0} |", speed.stage, speed.mb_per_s);
    }
    text
}
