//! Entry point of the image.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use dtrvault_dtr_stand_in::log::tell;
use dtrvault_dtr_stand_in::{Refusal, client, part};

/// The image's version: a file, so that nobody's environment changes it.
const VERSION_FILE: &str = "/etc/dtr-version";

fn main() -> ExitCode {
    match run() {
        Ok(code) => ExitCode::from(code),
        Err(refusal) => {
            tell("fatal", &refusal);
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<u8, Refusal> {
    // The first process of a container is not ended by a signal that it does not handle.
    let always = Arc::new(AtomicBool::new(true));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::flag::register_conditional_shutdown(signal, 2, Arc::clone(&always))
            .map_err(|error| error.to_string())?;
    }
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [command, name] = &words[..]
        && command == "part"
    {
        return part::run(name).map(|()| 0);
    }
    let version = std::fs::read_to_string(VERSION_FILE)
        .map_err(|error| format!("{VERSION_FILE}: {error}"))?
        .trim()
        .parse()?;
    let environment: BTreeMap<String, String> = std::env::vars().collect();
    client::run(version, &words, &environment)
}
