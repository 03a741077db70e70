//! Who reads the local cache.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use dtrvault_format::KeySlot;
use dtrvault_format::cbor::Object;

use super::brute;
use super::reader::registry;
use crate::common::evening::take;
use crate::common::forge::{Forge, PASSWORD, WRITE_PASSWORD, digest, noise};
use crate::common::victim::Victim;

fn all_below(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for item in fs::read_dir(folder).unwrap() {
            let path = item.unwrap().path();
            if path.is_dir() {
                folders.push(path.clone());
            }
            found.push(path);
        }
    }
    found
}

#[test]
fn t24_the_cache_is_private_and_holds_no_keys_and_no_content() {
    let forge = Forge::new();
    let root = registry(&forge, 1);
    let caches = forge.dir.path().join("caches");
    // Whoever made the folder for caches made it as folders are made.
    fs::create_dir_all(&caches).unwrap();
    fs::set_permissions(&caches, fs::Permissions::from_mode(0o755)).unwrap();
    take(&forge.open_with(PASSWORD, "c").unwrap(), &root, Some(noise(4, 9000)));
    take(&forge.open_with(WRITE_PASSWORD, "c").unwrap(), &root, None);
    let of_repo = caches.join("c").join(forge.id.to_string());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&of_repo), 0o700);
    let mut secrets: Vec<Vec<u8>> = vec![PASSWORD.to_vec(), WRITE_PASSWORD.to_vec()];
    let payload = forge
        .keys_in("keys/")
        .iter()
        .map(|key| KeySlot::from_bytes(&forge.get(key)).unwrap())
        .find_map(|slot| {
            (slot.head.role == dtrvault_format::Role::Full).then(|| brute::payload(&slot, PASSWORD))
        })
        .unwrap();
    // Shared secret and secret half (format-spec/keys.md), and what is derived for chunk ids.
    secrets.push(payload[39..71].to_vec());
    secrets.push(payload[109..141].to_vec());
    secrets.push(blake3::derive_key("dtrvault v1 2026 chunk id", &payload[39..71]).to_vec());
    secrets.extend([noise(1, 300_000), noise(4, 9000)].iter().map(|content| content[..32].to_vec()));
    secrets.push(b"a sentence that nobody else".to_vec());
    let mut names = 0;
    for path in all_below(&caches.join("c")).iter().filter(|path| path.is_file()) {
        let bytes = fs::read(path).unwrap();
        for secret in &secrets {
            assert!(!brute::contains(&bytes, secret), "{} holds {secret:?}", path.display());
        }
        names += usize::from(brute::contains(&bytes, b"secret-project"));
    }
    assert_eq!(names, 1, "the last listing is there, as the document says");
    let tree = fs::read_dir(of_repo.join("trees")).unwrap().next().unwrap().unwrap().path();
    assert_eq!(mode(&tree), 0o600);
}

#[test]
fn t25_an_altered_cache_is_believed_and_a_removed_one_loses_nothing() {
    let forge = Forge::new();
    let root = registry(&forge, 1);
    fs::write(root.join("docker/registry/v2/other"), noise(2, 300_000)).unwrap();
    let repo = forge.open_with(PASSWORD, "c").unwrap();
    let honest = take(&repo, &root, None).id.to_string();
    drop(repo);
    // The cached listing now says of one file what is true of another.
    let of_repo = forge.dir.path().join("caches/c").join(forge.id.to_string());
    let tree = fs::read_dir(of_repo.join("trees")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&tree).unwrap();
    let (from, to) = (digest(&noise(1, 300_000)), digest(&noise(2, 300_000)));
    let at = bytes.windows(32).position(|window| window == from.as_bytes()).unwrap();
    bytes[at..at + 32].copy_from_slice(to.as_bytes());
    // The hash before it keeps rot away; anybody can make it: of snapshot, time, and the tree's own.
    let (head, listing) = bytes.split_at_mut(72);
    let sealed = blake3::hash(&[&head[..40], blake3::hash(listing).as_bytes()].concat());
    head[40..].copy_from_slice(sealed.as_bytes());
    fs::write(&tree, bytes).unwrap();
    let layer = |id: &str| {
        let victim = Victim::new(&forge);
        victim.restore_folder(id).unwrap();
        fs::read(victim.target().join("docker/registry/v2/secret-project/layer")).unwrap()
    };
    let deceived = take(&forge.open_with(PASSWORD, "c").unwrap(), &root, None).id.to_string();
    assert_eq!(layer(&deceived), noise(2, 300_000));
    assert_eq!(layer(&honest), noise(1, 300_000));
    // Removed, it is made anew of what the repository says.
    fs::remove_dir_all(forge.dir.path().join("caches/c")).unwrap();
    forge.delete(&format!("snapshots/{deceived}"));
    let again = take(&forge.open_with(PASSWORD, "c").unwrap(), &root, None);
    assert_eq!((again.snapshot.stats.new_chunks, layer(&again.id.to_string())), (0, noise(1, 300_000)));
}
