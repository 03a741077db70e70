//! How long a blob is where it is kept.

use dtrvault_format::Recipe;

/// Lengths of the streams that the content of a blob of `size_bytes` is kept in. A layer is kept inflated, and
/// archives within it are, too.
pub(crate) fn kept_bytes(recipe: &Recipe, size_bytes: u64) -> u64 {
    match recipe {
        Recipe::Gzip { content, .. } => kept_bytes(content, size_bytes),
        Recipe::Plain(_) | Recipe::Tar { .. } => {
            recipe.streams().fold(0, |sum, stream| sum.saturating_add(stream.len))
        }
        // Tables have the rows of other evenings, too; and of what is unknown nothing is known.
        Recipe::Rows { .. } | Recipe::Unknown { .. } => size_bytes,
    }
}

#[cfg(test)]
mod tests {
    use dtrvault_format::{Replay, StreamRef};

    use super::*;

    #[test]
    fn layers_are_as_long_as_what_they_hold() {
        let stream = |len| StreamRef { len, ..StreamRef::EMPTY };
        let tar = Recipe::Tar { skeleton: stream(10), payload: stream(300) };
        let gzip = Recipe::Gzip { replay: Replay::Long(stream(7)), content: Box::new(tar.clone()) };
        assert_eq!([kept_bytes(&tar, 99), kept_bytes(&gzip, 99)], [310, 310]);
        assert_eq!(kept_bytes(&Recipe::Plain(stream(99)), 99), 99);
        assert_eq!(kept_bytes(&Recipe::Unknown { kind: 9, bytes: Vec::new() }, 99), 99);
    }
}
