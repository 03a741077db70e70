//! `ls`: shows what is in a snapshot, or in a layer of one.

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::ffi::OsStringExt;

use dtrvault_ops::OpsError;
use dtrvault_ops::format::tree::display_path;
use dtrvault_ops::format::{Entry, Kind, Time};
use dtrvault_ops::layer::{BlobName, LayerOptions, TarEntry, TarKind, list_layer};
use dtrvault_ops::ls::{self, LsOptions, plain_path};
use serde::Serialize;

use crate::app::App;
use crate::error::{CliError, Result};
use crate::exit::Exit;
use crate::render::time::local;
use crate::render::views::EntryView;

/// List the files of a snapshot, or of a layer in it
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Lists the image content of a snapshot, all of it or what is below a path. A blob of it, named \
                  blob:sha256:DIGEST or by the beginning of its digest, is looked into: the members of the tar \
                  that it holds are listed, in its order, and :PATH after the digest shows what is below a path in \
                  it. Whiteouts (.wh.) are shown as they are. With --json, one object a line. Bytes of names that \
                  are no UTF-8, and control characters, are shown as \\xNN.",
    after_help = "\
Examples:
  dtrvault ls latest
  dtrvault ls latest --flat docker/registry/v2/repositories
  dtrvault ls latest --long blob:sha256:5e0b432e
  dtrvault ls latest --flat blob:sha256:5e0b432e:usr/lib
  dtrvault ls 3f1c --long docker/registry/v2/repositories/acme/app/_manifests/tags"
)]
pub(crate) struct Args {
    /// The snapshot: its id, the beginning of it, or `latest`
    snapshot: String,

    /// Only this path and what is below it; or a blob, `blob:sha256:DIGEST[:PATH]`
    #[arg(value_name = "PATH|BLOB")]
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
    let path = args.path.clone().unwrap_or_default().into_vec();
    let blob = blob_name(&path)?;
    let (snapshot, recursive) = (args.snapshot.clone(), !args.flat);
    let repo = app.open()?;
    let context = app.context();
    let mut out = app.output.stream();
    let listed = match blob {
        Some(blob) => {
            let options = LayerOptions { snapshot, blob, recursive };
            list_layer(&repo, &options, &context, |entry| {
                let written = match (app.output.json, args.long) {
                    (true, _) => line(&mut out, &EntryView::of_member(entry)),
                    (false, true) => writeln!(out, "{}", Line::of_member(entry).text()),
                    (false, false) => writeln!(out, "{}", display_path(&entry.path)),
                };
                written.map_err(OpsError::Output)
            })
        }
        None => {
            let options = LsOptions { snapshot, path: plain_path(&path).to_vec(), recursive };
            ls::run(&repo, &options, &context, |entry| {
                let written = match (app.output.json, args.long) {
                    (true, _) => json_line(&mut out, entry),
                    (false, true) => writeln!(out, "{}", Line::of(entry).text()),
                    (false, false) => writeln!(out, "{}", display_path(&entry.path)),
                };
                written.map_err(OpsError::Output)
            })
        }
    };
    // What was listed before something went wrong is shown all the same.
    let flushed = out.flush().map_err(OpsError::Output);
    listed.and(flushed)?;
    Ok(Exit::Done)
}

/// The blob that a word of the command line names, if it names one.
pub(super) fn blob_name(word: &[u8]) -> Result<Option<BlobName>> {
    BlobName::parse(word).map_err(|error| {
        CliError::usage(
            error.to_string(),
            "give some of its digits at least; write a path that begins so as ./PATH",
        )
    })
}

/// One entry as one line of JSON.
pub(super) fn json_line(out: &mut impl Write, entry: &Entry) -> io::Result<()> {
    line(out, &EntryView::new(entry))
}

fn line(out: &mut impl Write, view: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, view)?;
    out.write_all(b"\n")
}

/// What `--long` shows.
struct Line<'a> {
    letter: char,
    mode: u32,
    owner: [u64; 2],
    size: u64,
    mtime: Time,
    path: &'a [u8],
    target: Option<(&'static str, &'a [u8])>,
}

impl<'a> Line<'a> {
    fn of(entry: &'a Entry) -> Self {
        let (letter, size, target) = match &entry.kind {
            Kind::Dir => ('d', 0, None),
            Kind::File(file) => ('-', file.size, None),
            Kind::Symlink { target } => ('l', target.len() as u64, Some(("->", &target[..]))),
            Kind::Hardlink { target } => ('h', 0, Some(("=", &target[..]))),
            Kind::Fifo => ('p', 0, None),
            Kind::Socket => ('s', 0, None),
            Kind::CharDevice { .. } => ('c', 0, None),
            Kind::BlockDevice { .. } => ('b', 0, None),
        };
        let (meta, path) = (&entry.meta, &entry.path);
        let owner = [meta.uid.into(), meta.gid.into()];
        Self { letter, mode: meta.mode, owner, size, mtime: meta.mtime, path, target }
    }

    fn of_member(entry: &'a TarEntry) -> Self {
        let (letter, size, target) = match &entry.kind {
            TarKind::Dir => ('d', 0, None),
            TarKind::File { size } => ('-', *size, None),
            TarKind::Symlink { target } => ('l', target.len() as u64, Some(("->", &target[..]))),
            TarKind::Hardlink { target } => ('h', 0, Some(("=", &target[..]))),
            TarKind::Fifo => ('p', 0, None),
            TarKind::CharDevice { .. } => ('c', 0, None),
            TarKind::BlockDevice { .. } => ('b', 0, None),
        };
        let TarEntry { path, mode, uid, gid, mtime, .. } = entry;
        Self { letter, mode: *mode, owner: [*uid, *gid], size, mtime: *mtime, path, target }
    }

    fn text(&self) -> String {
        let target = self.target.map(|(arrow, target)| format!(" {arrow} {}", display_path(target)));
        let [uid, gid] = self.owner;
        format!(
            "{}{} {uid:>5} {gid:>5} {:>12} {} {}{}",
            self.letter,
            permissions(self.mode),
            self.size,
            local(self.mtime),
            display_path(self.path),
            target.unwrap_or_default(),
        )
    }
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
            assert_eq!(plain_path(given.as_bytes()), path.as_bytes(), "{given}");
        }
    }
}
