//! `ls`: shows what is in a snapshot.

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::ffi::OsStringExt;

use dtrvault_ops::OpsError;
use dtrvault_ops::format::tree::display_path;
use dtrvault_ops::format::{Entry, Kind};
use dtrvault_ops::ls::{self, LsOptions};

use crate::app::App;
use crate::error::Result;
use crate::exit::Exit;
use crate::render::time::local;
use crate::render::views::EntryView;

/// List the files of a snapshot
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Lists the image content of a snapshot, all of it or what is below a path. With --json, one \
                  object a line. Bytes of names that are no UTF-8, and control characters, are shown as \\xNN.",
    after_help = "\
Examples:
  dtrvault ls latest
  dtrvault ls latest --flat docker/registry/v2/repositories
  dtrvault ls 3f1c --long docker/registry/v2/repositories/acme/app/_manifests/tags"
)]
pub(crate) struct Args {
    /// The snapshot: its id, the beginning of it, or `latest`
    snapshot: String,

    /// Only this path and what is below it
    path: Option<OsString>,

    /// With mode, owner, size and time
    #[arg(short, long)]
    long: bool,

    /// Only what stands directly in the folder
    #[arg(long, conflicts_with = "recursive")]
    flat: bool,

    /// All that is below; so it is anyway, unless --flat is given
    #[arg(long, hide = true)]
    recursive: bool,
}

pub(crate) fn run(app: &App, args: &Args) -> Result<Exit> {
    let options = LsOptions {
        snapshot: args.snapshot.clone(),
        path: relative(args.path.clone().unwrap_or_default().into_vec()),
        recursive: !args.flat,
    };
    let repo = app.open()?;
    let mut out = app.output.stream();
    let listed = ls::run(&repo, &options, &app.context(), |entry| {
        let written = match (app.output.json, args.long) {
            (true, _) => json_line(&mut out, entry),
            (false, true) => writeln!(out, "{}", long_line(entry)),
            (false, false) => writeln!(out, "{}", display_path(&entry.path)),
        };
        written.map_err(OpsError::Output)
    });
    // What was listed before something went wrong is shown all the same.
    let flushed = out.flush().map_err(OpsError::Output);
    listed.and(flushed)?;
    Ok(Exit::Done)
}

/// Entries of a tree have relative paths; people write what they saw on a disk.
fn relative(mut path: Vec<u8>) -> Vec<u8> {
    while let Some(rest) = path.strip_prefix(b"./").or_else(|| path.strip_prefix(b"/")) {
        path = rest.to_vec();
    }
    while path.last() == Some(&b'/') {
        path.pop();
    }
    if path == b"." { Vec::new() } else { path }
}

/// One entry as one line of JSON.
pub(super) fn json_line(out: &mut impl Write, entry: &Entry) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &EntryView::new(entry))?;
    out.write_all(b"\n")
}

fn long_line(entry: &Entry) -> String {
    let (letter, size, arrow) = match &entry.kind {
        Kind::Dir => ('d', 0, None),
        Kind::File(file) => ('-', file.size, None),
        Kind::Symlink { target } => ('l', target.len() as u64, Some(("->", target))),
        Kind::Hardlink { target } => ('h', 0, Some(("=", target))),
        Kind::Fifo => ('p', 0, None),
        Kind::Socket => ('s', 0, None),
        Kind::CharDevice { .. } => ('c', 0, None),
        Kind::BlockDevice { .. } => ('b', 0, None),
    };
    let target =
        arrow.map(|(arrow, target)| format!(" {arrow} {}", display_path(target))).unwrap_or_default();
    format!(
        "{letter}{} {:>5} {:>5} {size:>12} {} {}{target}",
        permissions(entry.meta.mode),
        entry.meta.uid,
        entry.meta.gid,
        local(entry.meta.mtime),
        display_path(&entry.path),
    )
}

/// `rwxr-x--T`, as `ls` shows it.
fn permissions(mode: u32) -> String {
    let mut text = String::with_capacity(9);
    for (shift, special, letter) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = mode >> shift;
        text.push(if bits & 4 == 0 { '-' } else { 'r' });
        text.push(if bits & 2 == 0 { '-' } else { 'w' });
        text.push(match (mode & special != 0, bits & 1 != 0) {
            (true, true) => letter,
            (true, false) => letter.to_ascii_uppercase(),
            (false, true) => 'x',
            (false, false) => '-',
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_look_as_people_know_them() {
        for (mode, text) in [
            (0o755, "rwxr-xr-x"),
            (0o4711, "rws--x--x"),
            (0o1777, "rwxrwxrwt"),
            (0o2640, "rw-r-S---"),
            (0, "---------"),
        ] {
            assert_eq!(permissions(mode), text);
        }
    }

    #[test]
    fn paths_become_relative() {
        for (given, path) in
            [("", ""), ("/", ""), (".", ""), ("./a/b/", "a/b"), ("//a", "a"), ("a", "a"), ("./", "")]
        {
            assert_eq!(relative(given.as_bytes().to_vec()), path.as_bytes(), "{given}");
        }
    }
}
