//! Layers as builders make them.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::Words;

/// A layer as a plain tar: some files of text that come again from layer to layer, and one
/// that is `fresh`'s own.
pub fn plain_layer(common: u64, fresh: u64) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut words = Words::new(common);
    let mut add = |name: String, content: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(1_700_000_000 + fresh);
        tar.append_data(&mut header, name, content).unwrap();
    };
    for n in 0..40 {
        let len = 1000 + words.below(20_000) as usize;
        add(format!("usr/lib/{common}/file{n}.py"), &words.text(len));
    }
    add("app/build".to_owned(), format!("build {fresh}\n").as_bytes());
    tar.into_inner().unwrap()
}

/// Packs a zip archive of classes; its texts come from one number, its times from the other.
const PACK: &str = "
import random, sys, zipfile
common, fresh = map(int, sys.argv[1:])
words = random.Random(common)
with zipfile.ZipFile(sys.stdout.buffer, 'w', zipfile.ZIP_DEFLATED) as archive:
    for n in range(40):
        text = ' '.join(str(words.randrange(10**6)) for _ in range(words.randrange(2000)))
        name = zipfile.ZipInfo(f'org/acme/C{n}.class', (2024, 1, 1, 0, fresh, 0))
        archive.writestr(name, text, zipfile.ZIP_DEFLATED)
";

/// A layer as a plain tar that holds a zip archive: what is in it comes again from layer to layer, and its times are
/// `fresh`'s own.
///
/// # Panics
///
/// When Python fails.
pub fn archive_layer(common: u64, fresh: u64) -> Vec<u8> {
    let numbers = [common, fresh].map(|number| number.to_string());
    let output = Command::new("python3").args(["-c", PACK]).args(numbers).output().expect("python3");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(output.stdout.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(1_700_000_000 + fresh);
    tar.append_data(&mut header, "app/app.jar", &output.stdout[..]).unwrap();
    tar.into_inner().unwrap()
}

/// What gzip makes of it, at a level, without name and time.
///
/// # Panics
///
/// When gzip fails.
pub fn gzip(plain: &[u8], level: u8) -> Vec<u8> {
    let mut child = Command::new("gzip")
        .arg("-nc")
        .arg(format!("-{level}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("gzip");
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(plain).unwrap());
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        output.stdout
    })
}
