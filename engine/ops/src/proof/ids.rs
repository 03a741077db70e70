//! Blobs by id, as DTR stores them from 2.6 on: which digest the bytes under an id should have,
//! and whether they have it.

use dtrvault_format::Digest;
use dtrvault_registry::layout::{PathKind, classify};

use super::catalogue::{Catalogue, Number};

/// Ids, and the digests that the metadata gives for them.
#[derive(Default)]
pub(super) struct Ids {
    /// All ids, one behind the other.
    text: Vec<u8>,
    rows: Vec<Row>,
}

struct Row {
    start: usize,
    digest: Number,
    len: u16,
}

impl Ids {
    /// An id that is too long for a file's name is none.
    pub(super) fn add(&mut self, id: &[u8], digest: Number) {
        if let Ok(len) = u16::try_from(id.len()) {
            self.rows.push(Row { start: self.text.len(), digest, len });
            self.text.extend_from_slice(id);
        }
    }

    /// Makes ids ready to be found.
    pub(super) fn sort(&mut self) {
        let Self { text, rows } = self;
        rows.sort_unstable_by(|a, b| id_of(text, a).cmp(id_of(text, b)));
        rows.shrink_to_fit();
        text.shrink_to_fit();
    }

    /// Ids and digests, by the place that an id has among them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &[u8], Number)> {
        self.rows.iter().enumerate().map(|(place, row)| (place, id_of(&self.text, row), row.digest))
    }

    fn find(&self, id: &[u8]) -> Option<(usize, Number)> {
        let place = self.rows.binary_search_by(|row| id_of(&self.text, row).cmp(id)).ok()?;
        Some((place, self.rows.get(place)?.digest))
    }
}

fn id_of<'a>(text: &'a [u8], row: &Row) -> &'a [u8] {
    text.get(row.start..row.start + usize::from(row.len)).unwrap_or_default()
}

/// What stands under an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Held {
    /// Nothing.
    #[default]
    Nothing,
    /// The bytes that should.
    Right,
    /// Other bytes.
    Wrong,
}

/// What was found under the ids of a catalogue.
pub(crate) struct Places {
    held: Vec<Held>,
}

impl Places {
    /// Nothing was found yet.
    pub(crate) fn new(catalogue: &Catalogue) -> Self {
        Self { held: vec![Held::Nothing; catalogue.ids.rows.len()] }
    }

    /// Bytes of this digest stand under an id. `false` when the metadata gives another digest for
    /// it; an id that it does not name holds what it will.
    pub(crate) fn blob(&mut self, catalogue: &Catalogue, id: &[u8], content: &Digest) -> bool {
        let Some((place, expected)) = catalogue.ids.find(id) else { return true };
        let is_right = catalogue.number(content) == Some(expected);
        self.set(place, if is_right { Held::Right } else { Held::Wrong });
        is_right
    }

    /// The file under an id is another name of the file at `target`, which came before.
    pub(crate) fn hard_link(&mut self, catalogue: &Catalogue, id: &[u8], target: &[u8]) {
        let Some((place, expected)) = catalogue.ids.find(id) else { return };
        let is_right = match classify(target) {
            PathKind::BlobData { digest } => catalogue.number(&digest) == Some(expected),
            PathKind::BlobById { id } => catalogue
                .ids
                .find(id)
                .is_some_and(|(place, digest)| digest == expected && self.at(place) == Held::Right),
            _ => false,
        };
        self.set(place, if is_right { Held::Right } else { Held::Wrong });
    }

    /// Whether anything stands under an id.
    pub(super) fn are_used(&self) -> bool {
        self.held.iter().any(|held| *held != Held::Nothing)
    }

    /// What stands at a place.
    pub(super) fn at(&self, place: usize) -> Held {
        self.held.get(place).copied().unwrap_or_default()
    }

    fn set(&mut self, place: usize, held: Held) {
        if let Some(at) = self.held.get_mut(place) {
            *at = held;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use dtrvault_registry::layout::id_path;

    fn digest(n: u8) -> Digest {
        Digest::new([n; 32])
    }

    #[test]
    fn ids_are_held_against_their_digests() {
        let mut catalogue = Catalogue::default();
        for (id, n) in [("bb-2", 2), ("aa-1", 1), ("cc-3", 3), ("dd-1", 1)] {
            catalogue.id(id, digest(n));
        }
        catalogue.seal();
        let mut places = Places::new(&catalogue);
        assert!(places.blob(&catalogue, b"aa-1", &digest(1)));
        assert!(!places.blob(&catalogue, b"bb-2", &digest(9)), "bytes that nobody names");
        assert!(places.blob(&catalogue, b"zz-9", &digest(9)), "an id that nobody names");
        places.hard_link(&catalogue, b"dd-1", &id_path(b"aa-1"));
        let held: Vec<_> =
            catalogue.ids.iter().map(|(place, id, _)| (id.to_vec(), places.at(place))).collect();
        let expected = [
            (b"aa-1", Held::Right),
            (b"bb-2", Held::Wrong),
            (b"cc-3", Held::Nothing),
            (b"dd-1", Held::Right),
        ];
        assert_eq!(held, expected.map(|(id, held)| (id.to_vec(), held)));
    }
}
