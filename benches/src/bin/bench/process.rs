//! Runs a program and tells what it took: time, processor time, and memory of it and its children.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use serde::{Deserialize, Serialize};

/// How often memory is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Of what a failed program said, how much is shown.
const LAST_WORDS: usize = 2000;

/// What one run took.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Usage {
    /// From start to end.
    pub(crate) wall_s: f64,
    /// User and system time of the program and of its children.
    pub(crate) cpu_s: f64,
    /// Largest sum of the resident memory of the program and its children, seen every 10 ms.
    pub(crate) peak_rss_bytes: u64,
    /// How long the system then wrote what the program had left in memory unsynced.
    pub(crate) sync_s: f64,
}

/// Runs `command` to its end; its words go to the file `log`, its output too unless `stdout`
/// is given. An exit code that is not among `good` is an error.
pub(crate) fn run(
    command: &mut Command,
    log: &Path,
    stdout: Option<File>,
    good: &[i32],
) -> io::Result<Usage> {
    let words = File::options().create(true).append(true).open(log)?;
    let stdout = stdout.map_or_else(|| words.try_clone(), Ok)?;
    let begin = Instant::now();
    let mut child = command.stdout(stdout).stderr(words).spawn().map_err(|error| not_run(command, &error))?;
    let done = AtomicBool::new(false);
    let id = child.id();
    let watched = thread::scope(|scope| {
        let watcher = scope.spawn(|| watch(id, &done));
        // The end is seen but the process not yet buried: its times can still be read.
        let ended = Pid::from_raw(id.cast_signed())
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
            .and_then(|pid| Ok(waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)?));
        let wall_s = begin.elapsed().as_secs_f64();
        done.store(true, Ordering::Relaxed);
        let peak_rss_bytes = watcher.join().unwrap_or(0);
        ended.map(|_| Usage { wall_s, peak_rss_bytes, ..Usage::default() })
    });
    let cpu_s = processor_seconds(id);
    let status = child.wait()?;
    let mut usage = watched?;
    usage.cpu_s = cpu_s.ok_or_else(|| io::Error::other(format!("/proc/{id}/stat cannot be understood")))?;
    if !status.code().is_some_and(|code| good.contains(&code)) {
        let said = fs::read_to_string(log).unwrap_or_default();
        let begin = said.ceil_char_boundary(said.len().saturating_sub(LAST_WORDS));
        let tail = said[begin..].trim_end();
        let last = tail.lines().next_back().unwrap_or_default();
        let program = command.get_program().to_string_lossy();
        return Err(io::Error::other(format!("{program} ended with {status}: {last}\n{command:?}\n{tail}")));
    }
    Ok(usage)
}

/// Waits until all that programs have left unsynced is written, so that nobody pays for what
/// another left; gives the seconds.
pub(crate) fn settle() -> f64 {
    let begin = Instant::now();
    rustix::fs::sync();
    begin.elapsed().as_secs_f64()
}

/// Runs `command` and gives its output; for what is not measured.
pub(crate) fn output(command: &mut Command) -> io::Result<String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| not_run(command, &error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{command:?} ended with {}: {words}", output.status)))
}

fn not_run(command: &Command, error: &io::Error) -> io::Error {
    io::Error::other(format!("{} cannot be run: {error}", command.get_program().to_string_lossy()))
}

/// The largest memory of a process and its children until it is `done`, bytes.
fn watch(id: u32, done: &AtomicBool) -> u64 {
    let mut peak = 0;
    while !done.load(Ordering::Relaxed) {
        let mut alone = 0;
        peak = peak.max(memory(id, &mut alone)).max(alone);
        thread::sleep(LOOK_EVERY);
    }
    peak
}

/// Resident memory of a process and its children; `alone` takes the most one had since it began.
fn memory(id: u32, alone: &mut u64) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let value = |name: &str| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.split_whitespace().next()?.parse::<u64>().ok()? << 10)
    };
    *alone = (*alone).max(value("VmHWM:").unwrap_or(0));
    let children = children(id).into_iter().map(|child| memory(child, alone)).sum::<u64>();
    value("VmRSS:").unwrap_or(0) + children
}

/// Any thread may have started children.
fn children(id: u32) -> Vec<u32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{id}/task")) else { return Vec::new() };
    let lists =
        threads.flatten().filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>())
        .collect()
}

/// User and system time of an ended process and the children it waited for (proc(5)).
fn processor_seconds(id: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name, in parentheses, may hold anything.
    let fields = stat.rsplit_once(')')?.1.split_whitespace();
    let ticks: u64 = fields.skip(11).take(4).filter_map(|field| field.parse::<u64>().ok()).sum();
    Some(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn children_count_and_failures_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        // The work is done by a child, which is waited for.
        let work = "(i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done); sleep 0.1; echo done";
        let usage = run(Command::new("sh").args(["-c", work]), &log, None, &[0]).unwrap();
        assert!(usage.cpu_s > 0.0 && usage.wall_s > 0.1 && usage.peak_rss_bytes > 100 << 10, "{usage:?}");
        assert_eq!(fs::read_to_string(&log).unwrap(), "done\n");
        let mut command = Command::new("sh");
        let error = run(command.args(["-c", "echo broken >&2; exit 3"]), &log, None, &[0]).unwrap_err();
        assert!(error.to_string().contains("broken"), "{error}");
        assert!(run(&mut command, &log, None, &[0, 3]).is_ok());
    }
}
