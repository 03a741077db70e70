//! The image of DTR: the stand-in, and the libraries it is linked to.

use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use dtrvault_dtr_stand_in::Version;
use dtrvault_dtr_stand_in::part::PARTS;

use crate::DockerEngine;
use crate::binary::stand_in;

/// Makes the image and those of its parts, once per engine; gives its name.
pub(super) fn import(engine: &DockerEngine, version: Version) -> String {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let vendor = if version < Version::new(2, 8, 0) { "docker" } else { "mirantis" };
    let image = format!("{vendor}/dtr:{version}");
    if engine.try_docker(&["image", "inspect", &image]).code != Some(0) {
        engine.import(&image, &file_system(version), &["ENTRYPOINT [\"/dtr\"]".to_owned()]);
        for part in PARTS {
            engine.docker(&["tag", &image, &part_image(&image, part)]);
        }
    }
    image
}

/// `mirantis/dtr-registry:2.9.29` of `mirantis/dtr:2.9.29`.
pub(super) fn part_image(image: &str, part: &str) -> String {
    image.replacen("/dtr:", &format!("/dtr-{part}:"), 1)
}

fn file_system(version: Version) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut add = |path: &str, bytes: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o755);
        header.set_size(bytes.len() as u64);
        tar.append_data(&mut header, path.trim_start_matches('/'), bytes).unwrap();
    };
    add("dtr", &std::fs::read(stand_in()).unwrap());
    add("etc/dtr-version", version.to_string().as_bytes());
    for library in libraries(stand_in()) {
        add(&library, &std::fs::read(&library).unwrap());
    }
    tar.into_inner().unwrap()
}

/// What the loader would load, and the loader itself, by their absolute paths.
fn libraries(program: &Path) -> Vec<String> {
    let output = Command::new("ldd").arg(program).output().expect("ldd, of the package libc-bin");
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace().filter(|word| word.starts_with('/')).map(str::to_owned).collect()
}
