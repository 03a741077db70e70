//! A whole DTR on a Docker Engine: a first snapshot; one of the same content, of which the database gives out all
//! rows under other numbers and in another order; and the DTR back after it was destroyed.
//!
//! By dtrvault alone. The engine, its containers and the stand-in for DTR run beside it: their work is in the time, but
//! not in the processors' time, nor in the memory.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;

use dtrvault_benches::add_equal_blobs;
use dtrvault_tests::dtr::{Dtr, Layout};
use dtrvault_tests::{DockerEngine, Vault};
use serde_json::Value;

use crate::bench::{Bench, stored};
use crate::folder::{Content, content, warm};
use crate::results::Key;

/// What the engine runs is of this version.
const VERSION: &str = "2.9.29";
const BLOB_BYTES: u64 = 50_000_000;
/// Where parts of the tests find binaries. Without these they would build some.
const BINARIES: [&str; 2] = ["DTRVAULT_TEST_BINARY", "DTRVAULT_TEST_STAND_IN"];

pub(super) fn run(bench: &mut Bench) -> io::Result<()> {
    if bench.dtrvault().is_none() {
        return Ok(());
    }
    can_run()?;
    let (rows, blobs) = (bench.scale.dtr_rows, bench.scale.dtr_blobs);
    bench.say(&format!("dtr: {rows} rows, {} MB of image content", blobs * BLOB_BYTES / 1_000_000));
    let dtr = Dtr::start(&DockerEngine::shared(), VERSION, Layout { events: rows, ..Layout::new(1) });
    add_equal_blobs(&dtr.registry_folder(), blobs, BLOB_BYTES, 4)?;
    let vault = dtr.vault();
    for step in ["first", "second"] {
        snapshot(bench, &dtr, &vault, step)?;
    }
    restore(bench, &dtr, &vault)
}

fn can_run() -> io::Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Err(io::Error::other("a Docker Engine needs root: run `make bench BENCH=dtr` as root"));
    }
    match BINARIES.iter().find(|name| std::env::var_os(name).is_none()) {
        Some(name) => Err(io::Error::other(format!("{name} names no binary: `make bench` sets it"))),
        None => Ok(()),
    }
}

fn key(step: &str) -> Key {
    Key::new("dtr", step, "dtrvault")
}

fn snapshot(bench: &mut Bench, dtr: &Dtr, vault: &Vault, step: &str) -> io::Result<()> {
    bench.say(&format!("dtr: {step}"));
    warm(&dtr.registry_folder())?;
    let summary = vault.at("summary.json");
    let before = stored(&vault.repo(), 0)?;
    let mut command = vault.command_of(&bench.binary, ["snapshot", "--json"]);
    let usage = bench.run(&mut command, &vault.at("log"), Some(File::create(&summary)?), &[0])?;
    let after = stored(&vault.repo(), before.map_or(0, |before| before.bytes))?;
    let summary: Value = serde_json::from_slice(&fs::read(summary)?)?;
    let number = |way: &str| {
        let number = summary.pointer(way).and_then(Value::as_u64);
        number.ok_or_else(|| io::Error::other(format!("no {way} in {summary}")))
    };
    let metadata = number("/metadata/size_bytes")?;
    let images = number("/stats/read_bytes")? as f64 - metadata as f64;
    let record = bench.results.add(&key(step), number("/stats/seen_bytes")?, usage, after);
    record.figures.insert("MB of metadata".to_owned(), metadata as f64 / 1e6);
    record.figures.insert("MB of images read".to_owned(), images / 1e6);
    Ok(())
}

/// Destroys the DTR, measures how it comes back, and looks at what did: every row, names and lengths of
/// image content, containers that run.
fn restore(bench: &mut Bench, dtr: &Dtr, vault: &Vault) -> io::Result<()> {
    bench.say("dtr: restore");
    let data = bench.results.get("dtr", "second", "dtrvault").map_or(0, |record| record.data_bytes);
    let expected = State::of(dtr)?;
    dtr.destroy_all();
    warm(&vault.repo())?;
    let mut command = vault.command_of(&bench.binary, ["restore", "--snapshot", "latest", "--yes"]);
    let usage = bench.run(&mut command, &vault.at("log"), None, &[0])?;
    let found = State::of(dtr)?;
    if expected != found {
        return Err(io::Error::other(format!("restored {found:?} instead of {expected:?}")));
    }
    bench.results.add(&key("restore"), data, usage, None);
    Ok(())
}

/// What a restore must give back.
#[derive(Debug, PartialEq, Eq)]
struct State {
    /// A hash of all rows: kept as they are, they would take a gigabyte.
    rows: u64,
    images: Content,
    running: usize,
}

impl State {
    fn of(dtr: &Dtr) -> io::Result<Self> {
        let mut rows = DefaultHasher::new();
        dtr.rows().hash(&mut rows);
        let images = content(&dtr.registry_folder())?;
        Ok(Self { rows: rows.finish(), images, running: dtr.running().len() })
    }
}
