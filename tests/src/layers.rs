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
