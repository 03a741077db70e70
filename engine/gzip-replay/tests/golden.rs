//! Every encoder still writes what the real one wrote: sums of its streams, made with the real
//! programs by `cargo run --release -p gzip-replay --features real-encoders --example golden`.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
#[path = "common/golden.rs"]
mod golden;

use std::collections::BTreeMap;

use golden::{cases, contents, sum};

#[test]
fn streams_have_their_sums() {
    let known: BTreeMap<&str, &str> =
        include_str!("golden.txt").lines().filter_map(|line| line.rsplit_once(' ')).collect();
    let contents = contents();
    let mut seen = 0;
    for mut case in cases() {
        let name = case.name();
        let Some(expected) = known.get(&*name) else { panic!("{name} has no sum") };
        let made = sum(contents.iter().map(|content| {
            let mut out = Vec::new();
            case.ours.reset(&[]);
            content.chunks(65_536).for_each(|piece| case.ours.write(piece, &mut out));
            case.ours.finish(&mut out);
            out
        }));
        assert_eq!(made, *expected, "{name}: hold it against the real one");
        seen += 1;
    }
    assert_eq!(seen, known.len(), "sums of encoders that are not tried");
}
