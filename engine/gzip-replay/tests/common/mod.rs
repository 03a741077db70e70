//! What the tests against real encoders share.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use gzip_replay::Deflate;

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

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.process.id()
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

/// What `gzip` or `pigz` writes for `plain` on its standard input, without header and trailer.
pub fn deflate_by(name: &str, options: &[&str], plain: &[u8]) -> Vec<u8> {
    let program = folder().join("bin").join(name);
    let file = tempfile(plain);
    let run = Command::new(&program).args(options).args(["-n", "-c"]).stdin(file).output();
    let run =
        run.unwrap_or_else(|error| panic!("{}: {error}; scripts/encoders brings it", program.display()));
    assert!(run.status.success(), "{name}: {}", String::from_utf8_lossy(&run.stderr));
    run.stdout[10..run.stdout.len() - 8].to_vec()
}

/// A deflate stream as a gzip file of one member.
pub fn wrapped(deflate: &[u8], plain: &[u8]) -> Vec<u8> {
    let (header, crc) = ([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3], crc32fast::hash(plain));
    [&header[..], deflate, &crc.to_le_bytes(), &(plain.len() as u32).to_le_bytes()].concat()
}

/// A file that has no name any more, to be read from its beginning.
fn tempfile(content: &[u8]) -> std::fs::File {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("gzip-replay-{}-{count}", std::process::id()));
    std::fs::write(&path, content).unwrap();
    let file = std::fs::File::open(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    file
}

/// What an encoder makes of `plain`, given to it in pieces of lengths up to `piece_bytes`.
pub fn encode(encoder: &mut dyn Deflate, plain: &[u8], piece_bytes: usize, noise: &mut Noise) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), plain);
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.len().min(1 + noise.below(piece_bytes)));
        encoder.write(piece, &mut out);
        rest = after;
    }
    encoder.finish(&mut out);
    out
}

/// Where `scripts/encoders` puts them.
fn folder() -> PathBuf {
    let cache = || {
        let home = std::env::var_os("HOME").expect("HOME is set");
        std::env::var_os("XDG_CACHE_HOME").map_or(PathBuf::from(home).join(".cache"), PathBuf::from)
    };
    std::env::var_os("GZIP_REPLAY_ENCODERS").map_or_else(|| cache().join("dtrvault/encoders"), PathBuf::from)
}

/// How many inputs a test tries: `usual`, unless `GZIP_REPLAY_INPUTS` says more or less.
pub fn inputs(usual: usize) -> usize {
    std::env::var("GZIP_REPLAY_INPUTS").ok().and_then(|inputs| inputs.parse().ok()).unwrap_or(usual)
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
/// symbols, and what looks like machine code, in stretches that change. It is the same in every run.
pub fn content(noise: &mut Noise, max_bytes: usize) -> Vec<u8> {
    static CODE: LazyLock<Vec<u8>> = LazyLock::new(made_up_code);
    content_with(&CODE, noise, max_bytes)
}

/// The same, with other bytes for machine code.
pub fn content_with(code: &[u8], noise: &mut Noise, max_bytes: usize) -> Vec<u8> {
    // Short ones as often as long ones.
    let bits = usize::BITS - max_bytes.leading_zeros();
    let limit = max_bytes.min(1 << noise.below(bits as usize + 1));
    let target = noise.below(limit + 1);
    let mut out: Vec<u8> = Vec::with_capacity(target);
    while out.len() < target {
        let most = 1 << (1 + noise.below(17));
        let length = (1 + noise.below(most)).min(target - out.len());
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
                let farthest = 1 << (1 + noise.below(20));
                let from = out.len() - 1 - noise.below(out.len().min(farthest));
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

/// Bytes that look like a program's, and are always the same.
pub fn made_up_code() -> Vec<u8> {
    let mut noise = Noise(77);
    let phrases: Vec<Vec<u8>> = (0..300)
        .map(|_| {
            let length = 2 + noise.below(9);
            (0..length).map(|_| (noise.next() >> (8 * noise.below(7))) as u8 & noise.next() as u8).collect()
        })
        .collect();
    let mut code = Vec::new();
    while code.len() < 1 << 20 {
        // Some phrases stand everywhere, most hardly anywhere.
        let most = 1 + noise.below(phrases.len());
        code.extend(&phrases[noise.below(most)]);
        code.extend((noise.next() as u32).to_le_bytes().iter().take(noise.below(5)));
    }
    code
}
