//! What a registry says it has: tags, manifests, and the blobs that those need. It stands in DTR's
//! metadata, or in link files and manifests.
//!
//! There may be millions of each, so a number stands for every digest and every repository: a
//! blob takes some hundred bytes, whatever its metadata says of it.

use std::collections::HashMap;

use dtrvault_format::Digest;

use super::ids::Ids;

/// Stands for a digest.
pub(super) type Number = u32;

/// A tag of a repository.
pub(super) struct Tag {
    repository: u32,
    name: Box<str>,
    /// The manifest that it names.
    pub(super) manifest: Number,
}

/// Where in the list of needs those of a manifest stand.
struct Manifest {
    repository: u32,
    start: usize,
    len: usize,
}

/// What is said.
#[derive(Default)]
pub(crate) struct Catalogue {
    numbers: HashMap<Digest, Number>,
    repositories: HashMap<Box<str>, u32>,
    names: Vec<Box<str>>,
    pub(super) tags: Vec<Tag>,
    manifests: HashMap<Number, Manifest>,
    needs: Vec<Number>,
    pub(super) ids: Ids,
}

impl Catalogue {
    /// A tag names a manifest.
    pub(super) fn tag(&mut self, repository: &str, name: &str, manifest: Digest) {
        let (repository, manifest) = (self.repository(repository), self.add(manifest));
        self.tags.push(Tag { repository, name: name.into(), manifest });
    }

    /// A manifest needs blobs or other manifests. The first that is said of a manifest stands: in
    /// every repository it has the same bytes.
    pub(super) fn manifest(
        &mut self,
        repository: &str,
        digest: Digest,
        needs: impl IntoIterator<Item = Digest>,
    ) {
        let (repository, number) = (self.repository(repository), self.add(digest));
        if self.manifests.contains_key(&number) {
            return;
        }
        let start = self.needs.len();
        for need in needs {
            let need = self.add(need);
            self.needs.push(need);
        }
        let len = self.needs.len() - start;
        self.manifests.insert(number, Manifest { repository, start, len });
    }

    /// A blob is stored under an id.
    pub(super) fn id(&mut self, id: &str, digest: Digest) {
        let number = self.add(digest);
        self.ids.add(id.as_bytes(), number);
    }

    /// Everything has been said.
    pub(super) fn seal(&mut self) {
        self.ids.sort();
        self.tags.shrink_to_fit();
        self.needs.shrink_to_fit();
    }

    /// How many digests it knows.
    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// The number of a digest that is spoken of.
    pub(super) fn number(&self, digest: &Digest) -> Option<Number> {
        self.numbers.get(digest).copied()
    }

    /// Every digest with its number, in no order.
    pub(super) fn digests(&self) -> impl Iterator<Item = (&Digest, Number)> {
        self.numbers.iter().map(|(digest, number)| (digest, *number))
    }

    /// What a manifest needs; `None` when nothing is said of it.
    pub(super) fn needs(&self, manifest: Number) -> Option<&[Number]> {
        let Manifest { start, len, .. } = self.manifests.get(&manifest)?;
        self.needs.get(*start..start + len)
    }

    /// Every manifest of which something is said.
    pub(super) fn manifests(&self) -> impl Iterator<Item = Number> {
        self.manifests.keys().copied()
    }

    /// Repository and name of a tag.
    pub(super) fn name_of<'a>(&'a self, tag: &'a Tag) -> (&'a str, &'a str) {
        (self.repository_name(tag.repository), &tag.name)
    }

    /// The repository that a manifest was first found in.
    pub(super) fn repository_of(&self, manifest: Number) -> &str {
        self.manifests.get(&manifest).map_or("", |manifest| self.repository_name(manifest.repository))
    }

    fn repository_name(&self, repository: u32) -> &str {
        usize::try_from(repository).ok().and_then(|at| self.names.get(at)).map_or("", |name| name)
    }

    fn repository(&mut self, name: &str) -> u32 {
        if let Some(number) = self.repositories.get(name) {
            return *number;
        }
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(name.into());
        self.repositories.insert(name.into(), number);
        number
    }

    fn add(&mut self, digest: Digest) -> Number {
        // Four billion digests would not fit into memory.
        let next = Number::try_from(self.numbers.len()).unwrap_or(Number::MAX);
        *self.numbers.entry(digest).or_insert(next)
    }
}
