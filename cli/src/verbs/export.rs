//! `export`: gives a part of a snapshot back as a tar.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use dtrvault_ops::OpsError;
use dtrvault_ops::export::{self, ExportOptions, ExportReport, Part};
use serde::Serialize;

use super::PartArg;
use crate::app::App;
use crate::error::{CliError, Result};
use crate::exit::Exit;
use crate::progress::say;
use crate::render::size::human;
use crate::render::{count, short, stdout_is_terminal};

/// Writes to the output are at least so long, bytes.
const BUFFER_BYTES: usize = 1 << 20;

/// Give a part of a snapshot back as a tar
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Writes a part of a snapshot to standard output or a file. The metadata tar comes byte for \
                  byte as it was taken; image content comes as a POSIX tar. Without --part it is the \
                  metadata, or the images of a snapshot that has no metadata. A file appears under its name \
                  only when it is whole, and is readable by its owner alone: metadata holds private keys.",
    after_help = "\
Examples:
  dtrvault export --tar > backup.tar
  dtrvault export --tar | docker run -i --rm --log-driver none docker/dtr restore …
  dtrvault export --tar --part images --snapshot 3f1c | tar -x -C /var/lib/registry
  dtrvault export --tar --part images --prefix dtr-registry-…/_data | tar -x -C /var/lib/docker/volumes"
)]
pub(crate) struct Args {
    /// As a tar: the one form there is
    #[arg(long, required = true)]
    tar: bool,

    /// The snapshot: its id, the beginning of it, or `latest`
    #[arg(long, value_name = "ID", default_value = "latest")]
    snapshot: String,

    /// Which part
    #[arg(long, value_enum)]
    part: Option<PartArg>,

    /// What the names in an image tar begin with
    #[arg(long, value_name = "PATH")]
    prefix: Option<OsString>,

    /// Write to this file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Serialize)]
struct View<'a> {
    snapshot: String,
    part: Part,
    output: &'a str,
    size_bytes: u64,
    left_out: u64,
}

pub(crate) fn run(app: &App, args: &Args) -> Result<Exit> {
    if args.prefix.is_some() && args.part == Some(PartArg::Metadata) {
        return Err(CliError::usage("the metadata tar comes as it is", "--prefix goes with --part images"));
    }
    if args.output.is_none() {
        if stdout_is_terminal() {
            return Err(CliError::usage(
                "a tar is not for a terminal",
                "redirect it (> backup.tar), pipe it, or name a file with --output",
            ));
        }
        if app.output.json {
            return Err(CliError::usage(
                "standard output cannot hold the tar and JSON",
                "name a file with --output",
            ));
        }
    }
    let options = ExportOptions {
        snapshot: args.snapshot.clone(),
        part: args.part.map(|part| match part {
            PartArg::Metadata => Part::Metadata,
            PartArg::Images => Part::Images,
        }),
        prefix: args.prefix.clone().unwrap_or_default().into_vec(),
    };
    let report = match &args.output {
        None => {
            // Not through Rust's own standard output, which looks for line ends in it.
            let out = io::stdout().as_fd().try_clone_to_owned().map_err(CliError::stdout)?;
            export_to(app, &options, "standard output", File::from(out))?.0
        }
        Some(path) => to_file(app, &options, path)?,
    };
    if report.left_out > 0 {
        let left_out = count(report.left_out, "socket was", "sockets were");
        say("warning", &format!("{left_out} left out: a tar cannot hold them"));
    }
    if let Some(path) = &args.output {
        show(app, &report, path)?;
    }
    Ok(Exit::Done)
}

fn export_to(app: &App, options: &ExportOptions, name: &str, out: File) -> Result<(ExportReport, File)> {
    let repo = app.open()?;
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, out);
    let report = export::run(&repo, options, &mut out, &app.context());
    app.end_progress();
    let (out, unwritten) = out.into_parts();
    drop(unwritten);
    let named = |error| match error {
        OpsError::Output(source) => CliError::Output { name: name.to_owned(), source },
        error => error.into(),
    };
    Ok((report.map_err(named)?, out))
}

/// Writes beside and renames, so that a file with that name is a whole one.
fn to_file(app: &App, options: &ExportOptions, path: &Path) -> Result<ExportReport> {
    let name = path.display().to_string();
    let fail = |source| CliError::Output { name: name.clone(), source };
    if fs::metadata(path).is_ok_and(|stat| stat.is_dir()) {
        return Err(fail(io::ErrorKind::IsADirectory.into()));
    }
    if is_special(path) {
        let out = OpenOptions::new().write(true).open(path).map_err(fail)?;
        return Ok(export_to(app, options, &name, out)?.0);
    }
    let part = Partial::create(path).map_err(fail)?;
    let out = part.open().map_err(fail)?;
    let (report, out) = export_to(app, options, &name, out)?;
    part.publish(out).map_err(fail)?;
    Ok(report)
}

/// Whether something stands there that is to be written into, and not to be replaced.
fn is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|stat| {
        let kind = stat.file_type();
        kind.is_char_device() || kind.is_block_device() || kind.is_fifo()
    })
}

/// A file under way; gone when it is not published.
struct Partial {
    path: PathBuf,
    target: PathBuf,
}

impl Partial {
    fn create(target: &Path) -> io::Result<Self> {
        // A link is followed, so that it stays one.
        let target = fs::canonicalize(target).unwrap_or_else(|_| target.to_owned());
        let name = target.file_name().unwrap_or(OsStr::new("export"));
        let mut partial = OsString::from(".");
        partial.push(OsStr::from_bytes(name.as_bytes().get(..200).unwrap_or(name.as_bytes())));
        partial.push(format!(".{}.partial", std::process::id()));
        Ok(Self { path: target.with_file_name(partial), target })
    }

    fn open(&self) -> io::Result<File> {
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&self.path)
    }

    fn publish(self, mut file: File) -> io::Result<()> {
        file.flush()?;
        file.sync_all()?;
        fs::rename(&self.path, &self.target)?;
        let folder = self.target.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // After publishing there is none of that name.
        drop(fs::remove_file(&self.path));
    }
}

fn show(app: &App, report: &ExportReport, path: &Path) -> Result<()> {
    let output = path.display().to_string();
    if app.output.json {
        return app.output.object(&View {
            snapshot: report.snapshot.to_string(),
            part: report.part,
            output: &output,
            size_bytes: report.bytes,
            left_out: report.left_out,
        });
    }
    if app.output.quiet {
        return Ok(());
    }
    let part = match report.part {
        Part::Metadata => "metadata",
        Part::Images => "image content",
    };
    let (id, size) = (short(&report.snapshot), human(report.bytes));
    app.output.lines([format!("wrote the {part} of snapshot {id} to {output}: {size}")])
}
