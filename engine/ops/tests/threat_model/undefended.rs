//! What is not defended against, as far as it can be shown.

use std::fs;

use dtrvault_format::{ProblemKind, Role};
use dtrvault_repo::RepoError;

use super::reader::registry;
use crate::common::evening::take;
use crate::common::forge::{Forge, PASSWORD, WRITE_PASSWORD, digest, noise};
use crate::common::victim::Victim;

#[test]
fn t26_what_is_read_is_what_is_stored_and_digests_show_it() {
    let forge = Forge::new();
    let root = registry(&forge, 1);
    let named = digest(b"what it should be").to_string();
    let blob = root.join(format!("docker/registry/v2/blobs/sha256/{}/{named}/data", &named[..2]));
    fs::create_dir_all(blob.parent().unwrap()).unwrap();
    fs::write(&blob, noise(6, 50_000)).unwrap();
    let report = take(&forge.open(), &root, None);
    let [problem] = report.snapshot.problems.as_slice() else { panic!("{:?}", report.snapshot.problems) };
    assert_eq!(problem.kind, ProblemKind::DigestMismatch);
    let outcome = Victim::new(&forge).run(&report.id.to_string());
    outcome.assert_sound();
    assert!(outcome.files.values().any(|file| *file == noise(6, 50_000)));
}

#[test]
fn t28_without_a_full_password_nothing_is_read() {
    let forge = Forge::new();
    let id = take(&forge.open(), &registry(&forge, 1), None).id;
    let full = forge.open().slot();
    assert!(matches!(forge.open().key_remove(&full.to_string()), Err(RepoError::LastFullKey)));
    forge.delete(&dtrvault_format::names::Named::key(&full));
    assert!(matches!(forge.open_with(PASSWORD, "c"), Err(RepoError::WrongPassword { .. })));
    let left = forge.open_with(WRITE_PASSWORD, "c").unwrap();
    assert_eq!(left.role(), Role::Write);
    assert!(matches!(left.snapshot(&id), Err(RepoError::NeedsFullKey)));
}
