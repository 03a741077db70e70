//! Temporary measurement.
#![allow(clippy::print_stdout, clippy::unwrap_used)]
use dtrvault_registry::{Found, ItemKind, Source, WalkOptions, source::Local};
use std::{ops::ControlFlow, time::Instant};
fn main() {
    let args: Vec<String> = std::env::args().collect();
    for threads in args[2..].iter() {
        let t = Instant::now();
        let s = Local::new(std::path::Path::new(&args[1])).unwrap().with_threads(threads.parse().unwrap());
        let (mut d, mut f, mut p) = (0, 0, 0);
        s.walk(&WalkOptions::default(), &mut |x| {
            match x {
                Found::Item(i) => match i.kind {
                    ItemKind::File(_) => f += 1,
                    ItemKind::Other(_) => d += 1,
                },
                Found::Problem(_) => p += 1,
            };
            ControlFlow::Continue(())
        })
        .unwrap();
        println!("threads {threads}: {:?} {d} dirs {f} files {p} problems", t.elapsed());
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    for line in status.lines().filter(|l| l.starts_with("VmHWM")) {
        println!("{line}");
    }
}
