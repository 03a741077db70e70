//! Bytes as a registry holds them: noise stands for what is compressed, words for what is not.

use crate::Words;
use dtrvault_format::{Content, Digest, Entry, File, Identity, Kind, Meta, Time};

/// Bytes that nothing shortens, as those of gzip.
#[must_use]
pub fn noise(len: usize) -> Vec<u8> {
    let mut words = Words::new(1);
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        bytes.extend_from_slice(&words.word().to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// Lines of words, short ones more often, with numbers in between: about as dense as the
/// text files of an image. Repeats nowhere as a whole.
#[must_use]
pub fn text(len: usize) -> Vec<u8> {
    const SYLLABLES: [&str; 16] = [
        "con", "fig", "lib", "usr", "the", "in", "er", "ate", "x", "pro", "to", "col", "s", "ver", "un",
        "able",
    ];
    let mut words = Words::new(2);
    let mut bytes = Vec::with_capacity(len + 64);
    while bytes.len() < len {
        let word = words.word();
        for shift in (0..2 + word % 3).map(|at| at * 8) {
            let syllable = SYLLABLES[usize::from((word >> (8 + shift)) as u8 & 15)];
            bytes.extend_from_slice(syllable.as_bytes());
        }
        match word >> 59 {
            0 => bytes.extend_from_slice(format!(" {}", word >> 40).as_bytes()),
            1..4 => bytes.push(b'\n'),
            _ => bytes.push(b' '),
        }
    }
    bytes.truncate(len);
    bytes
}

/// A tar of about `len` bytes, with text in members of 512 bytes to 64 KiB.
#[must_use]
pub fn tar(len: usize) -> Vec<u8> {
    let content = text(64 << 10);
    let mut words = Words::new(3);
    let mut bytes = Vec::with_capacity(len + (128 << 10));
    let mut members = 0;
    while bytes.len() < len {
        let size = 512 << (words.word() % 8);
        let mut header = tar::Header::new_ustar();
        // A name this short fits.
        let _ = header.set_path(format!("usr/share/doc/package-{members}/copyright"));
        header.set_size(size as u64);
        header.set_mode(0o644);
        header.set_cksum();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(&content[..size]);
        members += 1;
    }
    bytes.extend_from_slice(&[0; 1024]);
    bytes
}

/// `count` entries of a registry with many tags: folders, and the link files in them.
#[must_use]
pub fn tree(count: usize) -> Vec<Entry> {
    let mut words = Words::new(4);
    (0..count)
        .map(|number| {
            let (tag, is_link) = (number / 2, number % 2 == 1);
            let folder = format!("docker/registry/v2/repositories/team/app/_manifests/tags/v{tag:08}");
            let mut digest = [0; 32];
            for part in digest.chunks_exact_mut(8) {
                part.copy_from_slice(&words.word().to_le_bytes());
            }
            let link = Digest::new(digest).to_oci().into_bytes();
            let file = File {
                size: link.len() as u64,
                content: Content::Inline(link),
                identity: Identity::Inode { inode: number as u64, ctime: Time::from_secs(1_767_323_045) },
                sparse: false,
                mismatch: false,
            };
            Entry {
                path: if is_link { format!("{folder}/link") } else { folder }.into_bytes(),
                meta: Meta { mode: 0o644, mtime: Time::from_secs(1_767_323_045), ..Meta::default() },
                kind: if is_link { Kind::File(file) } else { Kind::Dir },
            }
        })
        .collect()
}
