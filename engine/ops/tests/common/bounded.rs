//! Runs a test in a process of its own: what it takes of memory can be measured there, and a run
//! that never ends can be ended.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, setrlimit};

/// Names the test that the child is to run.
const CHILD: &str = "DTRVAULT_BOUNDED_TEST";
/// Address space of the child: an allocation that was not bounded fails before it hurts.
const ADDRESS_SPACE_BYTES: u64 = 6 << 30;
/// Peak of resident memory, KiB. Caches are set to 8 MiB each; what is left are two windows for
/// each level of a stream, the frames of one call, and the harness itself.
const PEAK_KIB: u64 = 320 << 10;
/// What takes longer than this never ends.
const WATCHDOG: Duration = Duration::from_secs(180);

/// Runs `test`, the body of the test function `name` of this file, under bounds.
pub fn bounded(name: &str, test: impl FnOnce()) {
    if std::env::var(CHILD).as_deref() == Ok(name) {
        let limit = Some(ADDRESS_SPACE_BYTES);
        setrlimit(Resource::As, Rlimit { current: limit, maximum: limit }).unwrap();
        test();
        let peak = peak_kib();
        assert!(peak < PEAK_KIB, "it took {peak} KiB");
        return;
    }
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(CHILD, name)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let begin = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begin.elapsed() > WATCHDOG {
            child.kill().unwrap();
            panic!("{name} does not end");
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let mut said = String::new();
    std::io::Read::read_to_string(&mut child.stdout.take().unwrap(), &mut said).unwrap();
    assert!(status.success() && said.contains("1 passed"), "{name}: {status}\n{said}");
}

fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
