//! What a registry says it has, held against the blobs that are there.

use std::collections::{HashMap, HashSet};

use dtrvault_format::Digest;
use dtrvault_registry::layout::{blob_path, id_path};

use super::catalogue::{Catalogue, Number};
use super::ids::{Held, Places};

/// A digest that is needed, and not there.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Missing {
    /// The blob or manifest.
    pub digest: Digest,
    /// `repository:tag`, or `repository@digest` where no tag needs it. Of many, the first by name.
    pub needed_by: String,
    /// How many other tags need it.
    pub other_tags: u64,
    /// It is the manifest that a tag names.
    pub is_manifest: bool,
    /// The metadata gives an id for it, and other bytes stand there.
    pub is_wrong: bool,
    /// Where it should stand.
    #[serde(serialize_with = "dtrvault_format::tree::path_as_text")]
    pub path: Vec<u8>,
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { digest, needed_by, other_tags, is_manifest, is_wrong, .. } = self;
        let by = if *is_manifest { "the manifest of" } else { "needed by" };
        write!(f, "{} is {by} {needed_by}", digest.to_oci())?;
        match other_tags {
            0 => {}
            1 => write!(f, " and 1 other tag")?,
            others => write!(f, " and {others} other tags")?,
        }
        if *is_wrong { write!(f, ", and the file of its id holds other bytes") } else { Ok(()) }
    }
}

/// What is proven, and what is not.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    /// Tags.
    pub(crate) tags: u64,
    /// Those whose every blob is there.
    pub(crate) proven_tags: u64,
    /// Manifests whose every blob is there.
    pub(crate) manifests: u64,
    /// Blobs that those need.
    pub(crate) blobs: u64,
    /// What is not there, by digest.
    pub(crate) missing: Vec<Missing>,
}

/// Who needs something that is missing.
#[derive(Clone, Copy)]
enum By {
    /// A tag, by its place.
    Tag(usize),
    /// A manifest that no tag leads to.
    Manifest(Number),
}

struct Blame {
    by: By,
    tags: u64,
    is_manifest: bool,
}

/// An audit that is under way.
struct Auditor<'a> {
    catalogue: &'a Catalogue,
    /// By number: whether the blob is there.
    there: Vec<bool>,
    /// Manifests that need something that is missing.
    unsound: HashSet<Number>,
    blames: HashMap<Number, Blame>,
}

/// Holds what `catalogue` says against what is there: blobs by digest, of which `has` tells, and what
/// stands under ids.
pub(crate) fn audit(catalogue: &Catalogue, places: &Places, has: impl Fn(&Digest) -> bool) -> Audit {
    let mut there = vec![false; catalogue.len()];
    for (digest, number) in catalogue.digests() {
        mark(&mut there, number, has(digest));
    }
    for (place, _, number) in catalogue.ids.iter() {
        mark(&mut there, number, places.at(place) == Held::Right);
    }
    let mut auditor = Auditor { catalogue, there, unsound: HashSet::new(), blames: HashMap::new() };
    auditor.find_unsound();
    let proven_tags = auditor.tags();
    let (manifests, blobs) = auditor.count_sound();
    let missing = auditor.missing(places);
    Audit { tags: catalogue.tags.len() as u64, proven_tags, manifests, blobs, missing }
}

fn mark(flags: &mut [bool], number: Number, value: bool) {
    if let Some(flag) = usize::try_from(number).ok().and_then(|at| flags.get_mut(at)) {
        *flag |= value;
    }
}

impl Auditor<'_> {
    /// Whether nothing of this number is there. Manifests may stand in the metadata alone.
    fn is_missing(&self, number: Number) -> bool {
        let there = usize::try_from(number).ok().and_then(|at| self.there.get(at)).copied();
        there != Some(true) && self.catalogue.needs(number).is_none()
    }

    fn find_unsound(&mut self) {
        // An index is unsound when a manifest of it is: so once more while there are new ones.
        loop {
            let found: Vec<Number> = self
                .catalogue
                .manifests()
                .filter(|manifest| !self.unsound.contains(manifest))
                .filter(|manifest| {
                    let mut needs = self.catalogue.needs(*manifest).unwrap_or_default().iter();
                    needs.any(|need| self.is_missing(*need) || self.unsound.contains(need))
                })
                .collect();
            if found.is_empty() {
                return;
            }
            self.unsound.extend(found);
        }
    }

    /// Finds out who needs what is missing. Gives the number of tags that need nothing of it.
    fn tags(&mut self) -> u64 {
        let catalogue = self.catalogue;
        let (mut proven, mut reached) = (0, HashSet::new());
        for (place, tag) in catalogue.tags.iter().enumerate() {
            if self.is_missing(tag.manifest) {
                self.blame(tag.manifest, By::Tag(place), true);
            } else if self.unsound.contains(&tag.manifest) {
                for need in self.missing_of(tag.manifest, &mut reached) {
                    self.blame(need, By::Tag(place), false);
                }
            } else {
                proven += 1;
            }
        }
        let untagged: Vec<Number> = self.unsound.difference(&reached).copied().collect();
        for manifest in untagged {
            for need in catalogue.needs(manifest).unwrap_or_default() {
                if self.is_missing(*need) {
                    let by = By::Manifest(manifest);
                    self.blames.entry(*need).or_insert(Blame { by, tags: 0, is_manifest: false });
                }
            }
        }
        proven
    }

    /// What is missing of an unsound manifest, each once. The unsound ones on the way are `reached`.
    fn missing_of(&self, manifest: Number, reached: &mut HashSet<Number>) -> HashSet<Number> {
        let (mut seen, mut missing) = (HashSet::from([manifest]), HashSet::new());
        let mut next = vec![manifest];
        while let Some(manifest) = next.pop() {
            reached.insert(manifest);
            for need in self.catalogue.needs(manifest).unwrap_or_default() {
                if self.is_missing(*need) {
                    missing.insert(*need);
                } else if self.unsound.contains(need) && seen.insert(*need) {
                    next.push(*need);
                }
            }
        }
        missing
    }

    fn blame(&mut self, missing: Number, by: By, is_manifest: bool) {
        let catalogue = self.catalogue;
        let name = |by: By| match by {
            By::Tag(place) => catalogue.tags.get(place).map(|tag| catalogue.name_of(tag)),
            By::Manifest(_) => None,
        };
        let blame = self.blames.entry(missing).or_insert(Blame { by, tags: 0, is_manifest });
        blame.tags += 1;
        if blame.tags > 1 && name(by) < name(blame.by) {
            (blame.by, blame.is_manifest) = (by, is_manifest);
        }
    }

    fn count_sound(&self) -> (u64, u64) {
        let mut needed = vec![false; self.catalogue.len()];
        let mut manifests = 0;
        for manifest in self.catalogue.manifests().filter(|manifest| !self.unsound.contains(manifest)) {
            manifests += 1;
            for need in self.catalogue.needs(manifest).unwrap_or_default() {
                mark(&mut needed, *need, self.catalogue.needs(*need).is_none());
            }
        }
        (manifests, needed.into_iter().filter(|needed| *needed).count() as u64)
    }

    fn missing(&self, places: &Places) -> Vec<Missing> {
        // Digests by number are only looked for where something is missing.
        let mut wanted: HashSet<Number> = self.blames.keys().copied().collect();
        wanted.extend(self.blames.values().filter_map(|blame| match blame.by {
            By::Manifest(manifest) => Some(manifest),
            By::Tag(_) => None,
        }));
        if wanted.is_empty() {
            return Vec::new();
        }
        let digests: HashMap<Number, Digest> = self
            .catalogue
            .digests()
            .filter(|(_, number)| wanted.contains(number))
            .map(|(digest, number)| (number, *digest))
            .collect();
        let mut ids = HashMap::new();
        let has_ids = places.are_used();
        for (place, id, number) in self.catalogue.ids.iter() {
            if has_ids && self.blames.contains_key(&number) {
                ids.entry(number).or_insert_with(|| (id_path(id), places.at(place) == Held::Wrong));
            }
        }
        let mut found: Vec<Missing> = self
            .blames
            .iter()
            .filter_map(|(number, Blame { by, tags, is_manifest })| {
                let digest = *digests.get(number)?;
                let needed_by = match *by {
                    By::Tag(place) => {
                        let (repository, tag) = self.catalogue.name_of(self.catalogue.tags.get(place)?);
                        format!("{repository}:{tag}")
                    }
                    By::Manifest(manifest) => {
                        let digest = digests.get(&manifest)?.to_oci();
                        format!("{}@{digest}", self.catalogue.repository_of(manifest))
                    }
                };
                let (path, is_wrong) =
                    ids.get(number).cloned().unwrap_or_else(|| (blob_path(&digest), false));
                let other_tags = tags.saturating_sub(1);
                Some(Missing { digest, needed_by, other_tags, is_manifest: *is_manifest, is_wrong, path })
            })
            .collect();
        found.sort_unstable_by_key(|missing| missing.digest);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(n: u8) -> Digest {
        Digest::new([n; 32])
    }

    fn held(catalogue: &mut Catalogue, there: &[u8]) -> Audit {
        catalogue.seal();
        audit(catalogue, &Places::new(catalogue), |blob| there.contains(&blob.as_bytes()[0]))
    }

    fn lines(audit: &Audit) -> Vec<(Digest, &str, u64)> {
        audit.missing.iter().map(|m| (m.digest, &*m.needed_by, m.other_tags)).collect()
    }

    #[test]
    fn what_is_missing_is_told_by_tag() {
        let mut catalogue = Catalogue::default();
        catalogue.manifest("a/b", digest(1), [digest(11), digest(12)]);
        catalogue.manifest("a/b", digest(2), [digest(12), digest(13)]);
        catalogue.manifest("a/index", digest(3), [digest(1), digest(2)]);
        catalogue.manifest("a/old", digest(4), [digest(14)]);
        for (repository, tag, n) in
            [("a/b", "v2", 2), ("a/b", "v1", 1), ("a/index", "all", 3), ("a/b", "none", 9)]
        {
            catalogue.tag(repository, tag, digest(n));
        }
        let found = held(&mut catalogue, &[11, 12]);
        assert_eq!((found.tags, found.proven_tags, found.manifests, found.blobs), (4, 1, 1, 2));
        let untagged = format!("a/old@{}", digest(4).to_oci());
        let expected = [(digest(9), "a/b:none", 0), (digest(13), "a/b:v2", 1), (digest(14), &*untagged, 0)];
        assert_eq!(lines(&found), expected);
        assert_eq!(
            found.missing[1].to_string(),
            format!("{} is needed by a/b:v2 and 1 other tag", digest(13).to_oci())
        );
        // With everything there, all is proven.
        let found = held(&mut catalogue, &[9, 11, 12, 13, 14]);
        assert_eq!((found.proven_tags, found.manifests, found.blobs), (4, 4, 4));
        assert!(found.missing.is_empty());
    }

    #[test]
    fn bytes_under_an_id_count_where_they_are_right() {
        let mut catalogue = Catalogue::default();
        catalogue.manifest("a", digest(1), [digest(11), digest(12), digest(13)]);
        catalogue.tag("a", "v1", digest(1));
        for (id, n) in [("id-11", 11), ("id-12", 12), ("id-13", 13)] {
            catalogue.id(id, digest(n));
        }
        catalogue.seal();
        let mut places = Places::new(&catalogue);
        assert!(places.blob(&catalogue, b"id-11", &digest(11)));
        assert!(!places.blob(&catalogue, b"id-12", &digest(11)));
        let found = audit(&catalogue, &places, |_| false);
        let told: Vec<_> =
            found.missing.iter().map(|missing| (missing.path.clone(), missing.is_wrong)).collect();
        assert_eq!(told, [(id_path(b"id-12"), true), (id_path(b"id-13"), false)]);
        // Where nothing stands under an id, as before DTR 2.6, it is looked for by its digest.
        let found = audit(&catalogue, &Places::new(&catalogue), |_| false);
        assert_eq!(found.missing[0].path, blob_path(&digest(11)));
    }

    #[test]
    fn manifests_that_name_each_other_come_to_an_end() {
        let mut catalogue = Catalogue::default();
        catalogue.manifest("a", digest(1), [digest(2)]);
        catalogue.manifest("a", digest(2), [digest(1), digest(3)]);
        catalogue.tag("a", "v1", digest(1));
        let found = held(&mut catalogue, &[]);
        assert_eq!(lines(&found), [(digest(3), "a:v1", 0)]);
    }
}
