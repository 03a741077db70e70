//! Measures us beside the real encoders, in MB of content a second of one core's time:
//! `cargo run --release -p gzip-replay --features real-encoders --example speed -- FILE`
//!
//! What is counted is the processors' time, so it matters little what else the machine does, and work that is
//! done side by side counts as if it were not.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::error::Error;

use common::{Oracle, deflate_by, wrapped};
use gzip_replay::{Replayer, analyse};

/// What times in `/proc` are counted in (proc(5); Linux has 100 everywhere).
const TICKS_PER_SECOND: f64 = 100.0;
const PIECE_BYTES: usize = 1 << 20;

/// Programs, their forms, and the levels that are measured. The default is -1.
const ENCODERS: [(&str, &str, &[i32]); 8] = [
    ("go-1.26", "deflate", &[-1, 1, 9]),
    ("go-1.27", "deflate", &[-1, 1, 9]),
    ("klauspost-1.15.12", "deflate", &[-1, 1, 6, 9]),
    ("klauspost-1.20.3", "deflate", &[-1, 1, 6, 9]),
    ("klauspost-1.20.3", "pgzip", &[-1, 1, 6, 9]),
    ("zlib", "deflate", &[-1, 1, 9, 0]),
    ("gzip", "", &[-1, 1, 9]),
    ("pigz", "", &[-1, 1, 9]),
];

/// Ticks of the processors until now of a process (`self` is ours), or of those that it waited for.
fn ticks(process: &str, of_children: bool) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    // The second field is a name in brackets. User's and system's time are the 14th and 15th, those of children
    // the two behind them.
    let fields = stat.rsplit_once(')').unwrap().1.split_whitespace();
    let first = if of_children { 16 } else { 14 };
    fields.skip(first - 3).take(2).map(|field| field.parse::<u64>().unwrap()).sum()
}

/// What `work` gives, and the seconds that it took a process.
fn timed<T>(process: &str, of_children: bool, work: impl FnOnce() -> T) -> (T, f64) {
    let before = ticks(process, of_children);
    let made = work();
    (made, (ticks(process, of_children) - before).max(1) as f64 / TICKS_PER_SECOND)
}

/// The real encoder's gzip stream, and the seconds that it took.
fn real(program: &str, form: &str, level: i32, plain: &[u8]) -> (Vec<u8>, f64) {
    if form.is_empty() {
        let option = format!("-{level}");
        let mut options = if level > 0 { vec![&*option] } else { Vec::new() };
        options.extend(["-p", "4"].into_iter().filter(|_| program == "pigz"));
        let (deflate, seconds) = timed("self", true, || deflate_by(program, &options, plain));
        return (wrapped(&deflate, plain), seconds);
    }
    let mut oracle = Oracle::start(program);
    let block = if form == "pgzip" { PIECE_BYTES } else { 0 };
    let process = oracle.pid().to_string();
    let (made, seconds) = timed(&process, false, || oracle.encode(form, level, block, plain));
    (if form == "pgzip" { made } else { wrapped(&made, plain) }, seconds)
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: speed FILE")?;
    let plain = std::fs::read(path)?;
    println!("| encoder | level | real, MB/s | found and proven | times real | made again | times real |");
    println!("|---|---|---|---|---|---|---|");
    for (program, form, levels) in ENCODERS {
        for &level in levels {
            let (stream, seconds) = real(program, form, level, &plain);
            let mut taken = 0;
            let (replay, analysed) = timed("self", false, || {
                analyse(&mut &*stream, &mut |bytes: &[u8]| {
                    taken += bytes.len();
                    Ok(())
                })
            });
            let mut again = Vec::with_capacity(stream.len());
            let mut replayer = Replayer::new(replay?)?;
            let (ended, made) = timed("self", false, || {
                plain.chunks(PIECE_BYTES).try_for_each(|piece| replayer.write(piece, &mut again))?;
                replayer.finish(&mut again)
            });
            ended?;
            assert!(again == stream && taken == plain.len(), "{program} {level} does not come back");
            let speed = |seconds: f64| plain.len() as f64 / seconds / 1e6;
            println!(
                "| {program} {form} | {level} | {:.0} | {:.0} | {:.2} | {:.0} | {:.2} |",
                speed(seconds),
                speed(analysed),
                seconds / analysed,
                speed(made),
                seconds / made,
            );
        }
    }
    Ok(())
}
