//! A run at a terminal, with somebody who answers its questions.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::Run;

/// How long a question may be waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs a command at a terminal of its own, made by `script`. Answers each question when it has been shown: its words,
/// and the answer. Output and errors come mixed, as they do at a terminal, as standard output of the run.
///
/// # Panics
///
/// When a question does not come.
pub fn at_terminal(command: &Command, talk: &[(&str, &str)]) -> Run {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let line = words.map(|word| quoted(&word.to_string_lossy())).collect::<Vec<_>>().join(" ");
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    script.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    script.current_dir(command.get_current_dir().unwrap());
    script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = script.spawn().expect("script, of util-linux");
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (shows, shown) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = stdout.read(&mut bytes) {
            let _ = shows.send(bytes[..count].to_vec());
        }
    });
    let (mut seen, mut asked) = (Vec::new(), 0);
    for (question, answer) in talk {
        let begun = Instant::now();
        while !String::from_utf8_lossy(&seen[asked..]).contains(question) {
            let left = PATIENCE.saturating_sub(begun.elapsed());
            match shown.recv_timeout(left) {
                Ok(bytes) => seen.extend(bytes),
                Err(_) => panic!("{question:?} was never asked: {}", String::from_utf8_lossy(&seen)),
            }
        }
        asked = seen.len();
        // Nobody types in the very moment a question appears: the terminal is still told not to show it.
        std::thread::sleep(Duration::from_millis(200));
        stdin.write_all(format!("{answer}\n").as_bytes()).unwrap();
    }
    seen.extend(shown.iter().flatten());
    reader.join().unwrap();
    drop(stdin);
    let mut output = child.wait_with_output().unwrap();
    output.stdout = seen;
    Run::new(line, output)
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}
