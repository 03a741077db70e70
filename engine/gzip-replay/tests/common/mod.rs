//! What the tests against real encoders share.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A real encoder that answers requests (`oracle/main.go`).
pub struct Oracle {
    process: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Oracle {
    /// Starts one: `go-1.26` or `klauspost-1.18.0`, say.
    pub fn start(name: &str) -> Self {
        let program = folder().join("bin").join(name);
        let mut process = Command::new(&program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}; scripts/encoders builds it", program.display()));
        let requests = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().unwrap());
        Self { process, requests, answers }
    }

    /// What it makes of `plain`. `form` and `block` as in `oracle/main.go`.
    pub fn encode(&mut self, form: &str, level: i32, block: usize, plain: &[u8]) -> Vec<u8> {
        let requests = self.requests.as_mut().unwrap();
        writeln!(requests, "{form} {level} {block} {}", plain.len()).unwrap();
        requests.write_all(plain).unwrap();
        requests.flush().unwrap();
        let mut length = String::new();
        self.answers.read_line(&mut length).unwrap();
        let mut encoded = vec![0; length.trim().parse().unwrap_or_else(|_| panic!("the oracle died"))];
        self.answers.read_exact(&mut encoded).unwrap();
        encoded
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        drop(self.requests.take());
        let _ = self.process.wait();
    }
}

/// Where `scripts/encoders` puts them.
fn folder() -> PathBuf {
    let cache = || {
        let home = std::env::var_os("HOME").expect("HOME is set");
        std::env::var_os("XDG_CACHE_HOME").map_or(PathBuf::from(home).join(".cache"), PathBuf::from)
    };
    std::env::var_os("GZIP_REPLAY_ENCODERS").map_or_else(|| cache().join("dtrvault/encoders"), PathBuf::from)
}

/// Numbers that look random and are always the same (SplitMix64).
pub struct Noise(pub u64);

impl Noise {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`, which is not 0.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}

/// Content of mixed kinds, up to `max_bytes` long: text, noise, zeros, repeats near and far, few
/// symbols, and real machine code, in stretches that change.
pub fn content(noise: &mut Noise, max_bytes: usize) -> Vec<u8> {
    // Short ones as often as long ones.
    let bits = usize::BITS - max_bytes.leading_zeros();
    let limit = max_bytes.min(1 << noise.below(bits as usize + 1));
    let target = noise.below(limit + 1);
    let code = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let mut out: Vec<u8> = Vec::with_capacity(target);
    while out.len() < target {
        let bits = 1 + noise.below(17);
        let length = (1 + noise.below(1 << bits)).min(target - out.len());
        match noise.below(7) {
            0 => out.extend((0..length).map(|_| noise.next() as u8)),
            1 => out.extend(std::iter::repeat_n(noise.next() as u8 & 0x81, length)),
            2 => {
                let symbols = 1 + noise.below(20);
                out.extend((0..length).map(|_| b'a' + noise.below(symbols) as u8));
            }
            3 => {
                let words = ["layer", "sha256:", "registry", "\n", " ", "{\"", "0", "usr/lib/", "import "];
                let text = std::iter::repeat_with(|| words[noise.below(words.len())]).take(length / 3 + 1);
                out.extend(text.collect::<String>().bytes().take(length));
            }
            4 if !out.is_empty() => {
                let bits = 1 + noise.below(20);
                let from = out.len() - 1 - noise.below(out.len().min(1 << bits));
                (0..length).for_each(|at| out.push(out[from + at]));
            }
            5 => {
                let from = noise.below(code.len());
                out.extend(code[from..].iter().take(length));
            }
            _ => out.extend((0..length).map(|at| (at / (1 + length / 40)) as u8)),
        }
    }
    out.truncate(target);
    out
}

/// Says where two streams part.
pub fn assert_same(made: &[u8], expected: &[u8], what: &str) {
    if made != expected {
        let at = made.iter().zip(expected).take_while(|(a, b)| a == b).count();
        panic!("{what}: {} bytes instead of {}, alike up to byte {at}", made.len(), expected.len());
    }
}
