//! An S3 server that answers at once, and one that is 50 ms away: how many requests are made,
//! and how much they cost.
//!
//! The server shares the processors with its client: compare the columns, not its speed with a
//! disk's.

use std::io;
use std::time::Duration;

use dtrvault_benches::add_blobs;

use crate::bench::{Bench, remove};
use crate::peers::{Program, Site, Source};
use crate::proxy::Proxy;
use crate::results::Key;
use crate::s3::Server;

const DELAYS: [Duration; 2] = [Duration::ZERO, Duration::from_millis(50)];
/// Those that speak S3 by themselves and are told of a server in the same words.
const SPEAKERS: [&str; 2] = ["dtrvault", "restic"];

pub(super) fn run(bench: &mut Bench) -> io::Result<()> {
    let data = bench.fresh("latency")?;
    add_blobs(&data, bench.scale.latency_bytes, 2)?;
    let source = Source::Registry(&data);
    for program in bench.programs.clone() {
        if !SPEAKERS.contains(&program.name()) {
            continue;
        }
        bench.say(&format!("latency: {}, local", program.name()));
        let site = Site::local(&bench.fresh("site")?)?;
        if let Err(error) = steps(bench, program.as_ref(), &site, source, "local", None) {
            bench.failed(&format!("{}, latency", program.name()), &error);
            continue;
        }
        for delay in DELAYS {
            bench.say(&format!("latency: {}, S3, {} ms", program.name(), delay.as_millis()));
            if let Err(error) = on_server(bench, program.as_ref(), source, delay) {
                bench.failed(&format!("{}, latency {} ms", program.name(), delay.as_millis()), &error);
            }
        }
    }
    remove(&bench.work.join("site"))?;
    remove(&bench.work.join("objects"))?;
    remove(&data)
}

fn on_server(
    bench: &mut Bench,
    program: &dyn Program,
    source: Source<'_>,
    delay: Duration,
) -> io::Result<()> {
    // A server for each, so that none has more to hold than another.
    let server = Server::start(&bench.s3, &bench.fresh("objects")?)?;
    bench.note_server(server.name());
    let proxy = Proxy::start(server.address()?, delay)?;
    let mut site = Site::local(&bench.fresh("site")?)?;
    site.environment = server.environment(&proxy.endpoint());
    site.repository = match program.name() {
        "restic" => format!("s3:{}/{}/repository", proxy.endpoint(), server.bucket()),
        _ => format!("s3://{}/repository", server.bucket()),
    };
    let place = format!("S3, {} ms", delay.as_millis());
    steps(bench, program, &site, source, &place, Some(&proxy))
}

fn steps(
    bench: &mut Bench,
    program: &dyn Program,
    site: &Site,
    source: Source<'_>,
    place: &str,
    proxy: Option<&Proxy>,
) -> io::Result<()> {
    bench.init(program, site)?;
    let requests = || proxy.map(|proxy| proxy.take_requests() as f64);
    let key = |step| Key::new("latency", &format!("{step}, {place}"), program.name());
    for (step, day) in [("first", 1), ("unchanged", 2), ("restore", 1)] {
        requests();
        let record = if step == "restore" {
            bench.restore(&key(step), program, site, source, day)?
        } else {
            bench.backup(&key(step), program, site, source, day)?
        };
        if let Some(requests) = requests() {
            record.figures.insert("requests".to_owned(), requests);
        }
    }
    Ok(())
}
