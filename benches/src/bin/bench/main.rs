//! `make bench`: dtrvault beside its peers, as whole programs on the same data, in one run.
//!
//! `dtrvault-bench run DTRVAULT PEERS RESULTS.json` measures, and prints the table to standard
//! output; `dtrvault-bench render RESULTS.json DOCS` puts the table of a run into
//! DOCS/performance.md and its plots beside it. Data come from seeds. Environment:
//! `BENCH` (scenarios, by comma; all), `BENCH_SCALE` (`full` or `small`), `BENCH_RUNS` (rounds of what is
//! repeated), `BENCH_PROGRAMS` (names, by comma; all), `BENCH_DIR` (folder for data and repositories),
//! `BENCH_REGISTRIES` (states of a registry for `layers`, by colon; made-up ones).
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

mod bench;
mod folder;
mod goals;
mod machine;
mod peers;
mod plots;
mod process;
mod proxy;
mod report;
mod results;
mod s3;
mod scale;
mod scenarios;
mod svg;

use bench::Bench;
use machine::Machine;
use results::Results;
use scale::Scale;

/// What stands around the table in the page of documentation.
const MARKS: [&str; 2] = ["<!-- bench: begin -->\n", "<!-- bench: end -->"];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match *words {
        ["run", binary, peers, results] => measure(Path::new(binary), Path::new(peers), Path::new(results)),
        ["render", results, docs] => render(Path::new(results), Path::new(docs)).map(|()| true),
        _ => {
            eprintln!("usage: dtrvault-bench run DTRVAULT PEERS RESULTS.json | render RESULTS.json DOCS");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Gives whether dtrvault did all it was asked to; that a peer is missing or fails is a line of the report.
fn measure(binary: &Path, peers: &Path, out: &Path) -> io::Result<bool> {
    let scale = setting("BENCH_SCALE").unwrap_or_else(|| "full".to_owned());
    let mut scale = Scale::named(&scale)?;
    if let Some(runs) = setting("BENCH_RUNS") {
        scale.runs =
            runs.parse().map_err(|_| io::Error::other(format!("BENCH_RUNS is no number: {runs}")))?;
    }
    let wanted = names("BENCH");
    let known: Vec<&str> = scenarios::ALL.iter().flat_map(|scenario| scenario.names).copied().collect();
    if let Some(name) = wanted.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(io::Error::other(format!("BENCH knows {}, not {name:?}", known.join(", "))));
    }
    let folder =
        setting("BENCH_DIR").map_or_else(|| std::env::temp_dir().join("dtrvault-bench"), PathBuf::from);
    let (work, _lock) = claim(&folder)?;
    // What parts of the tests put into temporary folders is on the disk that is measured, too.
    if let Err(other) = tempfile::env::override_temp_dir(&work) {
        return Err(io::Error::other(format!("temporary folders are below {} already", other.display())));
    }
    let machine = Machine::look(&work, scale.disk_files)?;
    let results = Results {
        machine,
        scale: scale.name.to_owned(),
        versions: Vec::new(),
        failures: Vec::new(),
        stages: Vec::new(),
        records: Vec::new(),
    };
    let s3 = peers.join("s3s");
    let registries =
        setting("BENCH_REGISTRIES").map_or_else(Vec::new, |paths| std::env::split_paths(&paths).collect());
    let binary = binary.to_owned();
    let mut bench = Bench { programs: Vec::new(), binary, s3, work, scale, results, registries, wanted };
    find_programs(&mut bench, peers);
    for scenario in scenarios::ALL {
        if !scenario.names.iter().any(|name| bench.wants(name)) {
            continue;
        }
        if let Err(error) = attempt(|| (scenario.run)(&mut bench)) {
            bench.failed(&format!("dtrvault, {}", scenario.names.join(", ")), &error);
        }
        // What was measured so far is kept, whatever comes after.
        bench.results.write(out)?;
    }
    bench::remove(&bench.work)?;
    print!("{}", report::report(&bench.results));
    eprintln!("written: {}", out.display());
    Ok(bench.results.failures.iter().all(|(what, _)| !what.starts_with("dtrvault")))
}

/// Parts of the tests panic when they cannot do their work; here that is a failure like others.
fn attempt(work: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().map(String::as_str);
        let words = words.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(io::Error::other(words.unwrap_or("a panic").to_owned()))
    })
}

/// The folder to work in, emptied of what an interrupted run left, and a lock that keeps others out.
fn claim(folder: &Path) -> io::Result<(PathBuf, File)> {
    fs::create_dir_all(folder)?;
    let lock = File::create(folder.join("lock"))?;
    lock.try_lock()
        .map_err(|error| io::Error::other(format!("{}: another bench: {error}", folder.display())))?;
    let work = folder.join("work");
    bench::remove(&work)?;
    fs::create_dir(&work)?;
    Ok((work.canonicalize()?, lock))
}

fn find_programs(bench: &mut Bench, peers: &Path) {
    let chosen = names("BENCH_PROGRAMS");
    for program in peers::programs(&bench.binary, peers) {
        if !chosen.is_empty() && !chosen.contains(program.name()) {
            continue;
        }
        match program.version() {
            Ok(version) => {
                let version = version.lines().next().unwrap_or_default().to_owned();
                bench.say(&format!("{}: {version}", program.name()));
                bench.results.versions.push((program.name().to_owned(), version));
                bench.programs.push(program);
            }
            Err(error) => bench.failed(program.name(), &error),
        }
    }
}

fn render(results: &Path, docs: &Path) -> io::Result<()> {
    let results = Results::read(results)?;
    let page = docs.join("performance.md");
    let text = fs::read_to_string(&page)?;
    let [begin, end] = MARKS;
    let parts = text.split_once(begin).and_then(|(before, rest)| Some((before, rest.split_once(end)?.1)));
    let (before, after) =
        parts.ok_or_else(|| io::Error::other(format!("{} lacks the marks {MARKS:?}", page.display())))?;
    let plots = plots::plots(&results);
    let shown: Vec<String> = plots.iter().map(|(name, _)| format!("\n![{name}](plots/{name})\n")).collect();
    let report = report::report(&results);
    fs::write(&page, format!("{before}{begin}{report}{}{end}{after}", shown.concat()))?;
    let folder = docs.join("plots");
    fs::create_dir_all(&folder)?;
    plots.into_iter().try_for_each(|(name, svg)| fs::write(folder.join(name), svg))
}

fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn names(variable: &str) -> BTreeSet<String> {
    let list = setting(variable).unwrap_or_default();
    list.split([',', ' ']).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}
