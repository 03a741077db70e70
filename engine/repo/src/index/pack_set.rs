//! A set of packs: one bit for each number there is, so a million packs take 128 KiB.

use super::rows::PackNo;

/// Packs by number.
#[derive(Debug, Default)]
pub struct PackSet(Vec<u64>);

impl PackSet {
    fn place(pack: PackNo) -> (usize, u64) {
        ((pack.0 / 64) as usize, 1 << (pack.0 % 64))
    }

    /// Adds a pack; says whether it is new.
    pub fn insert(&mut self, pack: PackNo) -> bool {
        let (word, bit) = Self::place(pack);
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        let Some(word) = self.0.get_mut(word) else { return false };
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    /// Whether a pack is in it.
    #[must_use]
    pub fn contains(&self, pack: PackNo) -> bool {
        let (word, bit) = Self::place(pack);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_has_its_own_bit() {
        let mut set = PackSet::default();
        let numbers = [0, 1, 63, 64, 65, 1000];
        for number in numbers {
            assert!(
                !set.contains(PackNo(number)) && set.insert(PackNo(number)) && !set.insert(PackNo(number))
            );
        }
        let all: Vec<u32> = (0..2000).filter(|number| set.contains(PackNo(*number))).collect();
        assert_eq!(all, numbers);
    }
}
