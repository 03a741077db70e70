//! Failures on the screen: what happened, why, what to do.

use std::error::Error;

use dtrvault_ops::OpsError;
use dtrvault_ops::repo::RepoError;
use serde::Serialize;

use crate::error::CliError;
use crate::exit::Exit;
use crate::progress::say;
use crate::render::Output;
use crate::verdict;

/// A failure as JSON.
#[derive(Serialize)]
struct Failure<'a> {
    error: Body<'a>,
}

#[derive(Serialize)]
struct Body<'a> {
    kind: &'a str,
    message: String,
    causes: Vec<String>,
    hint: Option<String>,
}

/// Tells what went wrong and gives the exit code. With `--json` it is told on both streams:
/// programs read one, people the other.
pub(crate) fn report(error: &CliError, output: Output) -> Exit {
    let verdict = verdict::of(error);
    if verdict.exit == Exit::ReaderGone {
        return verdict.exit;
    }
    let (message, causes) = (headline(error), causes(error));
    let hint = match error {
        CliError::Usage { hint, .. } => hint.clone(),
        _ => verdict.hint.map(str::to_owned),
    };
    say("error", &message);
    for cause in &causes {
        say("  because", cause);
    }
    if let Some(hint) = &hint {
        say("hint", hint);
    }
    if output.json {
        let body = Body { kind: verdict.kind, message, causes, hint };
        // The exit code says that it failed, even when nobody reads why.
        drop(output.object(&Failure { error: body }));
    }
    verdict.exit
}

/// What happened. `latest` of nothing deserves better words than the prefix of an id.
fn headline(error: &CliError) -> String {
    match error {
        CliError::Ops(OpsError::Repo(RepoError::NoSuchId { what: "snapshot", prefix }))
            if prefix == "latest" =>
        {
            "there is no snapshot in the repository yet".to_owned()
        }
        error => error.to_string(),
    }
}

/// Why, from the near to the far, each said once.
fn causes(error: &CliError) -> Vec<String> {
    let mut said = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string().trim_end().to_owned();
        if !said.iter().any(|earlier| earlier.contains(&words)) {
            said.push(words);
        }
        next = cause.source();
    }
    said.remove(0);
    said
}

#[cfg(test)]
mod tests {
    use std::io;

    use dtrvault_store::StoreError;

    use super::*;

    #[test]
    fn every_cause_is_said_once() {
        let io = io::Error::other("disk on fire");
        let source = StoreError::Io { key: "config".into(), source: io };
        let error = CliError::from(RepoError::Store { url: "/r".into(), source });
        assert_eq!(headline(&error), "the store at /r failed");
        assert_eq!(causes(&error), ["input or output of \"config\" failed", "disk on fire"]);
    }

    #[test]
    fn no_snapshot_at_all_is_said_plainly() {
        let none = |prefix: &str| {
            headline(&RepoError::NoSuchId { what: "snapshot", prefix: prefix.to_owned() }.into())
        };
        assert!(none("latest").contains("no snapshot"));
        assert!(none("abc").contains("'abc'"));
    }
}
