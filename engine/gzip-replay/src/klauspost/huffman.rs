//! Huffman codes of limited length, chosen the way the original chooses among equal ones.

use super::tables::LITERALS;

/// The longest code that deflate allows.
const LONGEST: usize = 15;
/// The most items that a merged list of the package-merge algorithm needs.
const ITEMS: usize = 2 * LITERALS;

/// A code: its bits as they are written, above eight bits of length. 0 where there is none.
pub(super) type Code = u32;

/// The number of bits of a code.
#[inline]
pub(super) fn bits_of(code: Code) -> u32 {
    code & 0xff
}

/// The codes of an alphabet.
#[derive(Clone)]
pub(super) struct Codes<const N: usize>(pub(super) [Code; N]);

impl<const N: usize> Codes<N> {
    /// No codes at all.
    pub(super) fn none() -> Self {
        Self([0; N])
    }

    /// The codes of given lengths, as RFC 1951 numbers them.
    pub(super) fn of_lengths(lengths: &[u8; N]) -> Self {
        let mut used = [0_u16; LONGEST + 1];
        for &length in lengths.iter().filter(|&&length| length > 0) {
            used[usize::from(length)] += 1;
        }
        let mut next = [0_u16; LONGEST + 1];
        for length in 1..=LONGEST {
            next[length] = (next[length - 1] + used[length - 1]) << 1;
        }
        let mut codes = [0; N];
        for (code, &length) in codes.iter_mut().zip(lengths) {
            if length > 0 {
                let value = &mut next[usize::from(length)];
                let reversed = value.reverse_bits() >> (16 - length);
                *code = Code::from(reversed) << 8 | Code::from(length);
                *value = value.wrapping_add(1);
            }
        }
        Self(codes)
    }

    /// The best codes of `limit` bits at most for symbols that occur so often.
    pub(super) fn of_counts(counts: &[u32], limit: usize) -> Self {
        let mut lengths = [0; N];
        let mut sorted = [0_u32; N];
        let mut used = 0;
        for (symbol, &count) in counts.iter().enumerate().take(N) {
            if count > 0 {
                sorted[used] = count << 9 | symbol as u32;
                used += 1;
            }
        }
        let sorted = &mut sorted[..used];
        if used <= 2 {
            sorted.iter().for_each(|&key| lengths[key as usize & 511] = 1);
            return Self::of_lengths(&lengths);
        }
        sorted.sort_unstable();
        let at_least = at_least(sorted, limit.min(used - 1));
        // The rarest symbols have the longest codes.
        for length in 1..=LONGEST {
            let longer = at_least.get(length + 1).copied().unwrap_or_default();
            for &key in &sorted[usize::from(longer)..usize::from(at_least[length])] {
                lengths[key as usize & 511] = length as u8;
            }
        }
        Self::of_lengths(&lengths)
    }

    /// Bits that symbols take which occur so often.
    pub(super) fn cost(&self, counts: &[u32]) -> usize {
        self.0.iter().zip(counts).map(|(&code, &count)| (count * bits_of(code)) as usize).sum()
    }

    /// Like [`Codes::cost`], if there are codes for all the symbols.
    pub(super) fn cost_if_able(&self, counts: &[u32]) -> Option<usize> {
        self.can_write(counts).then(|| self.cost(counts))
    }

    /// Whether there are codes for all the symbols that occur.
    pub(super) fn can_write(&self, counts: &[u32]) -> bool {
        self.0.iter().zip(counts).all(|(&code, &count)| count == 0 || code != 0)
    }
}

/// How many symbols have codes of at least so many bits, by the package-merge algorithm.
///
/// `sorted` holds counts above nine bits of symbol. Where a package weighs as much as a symbol
/// the package goes first: that makes a choice among codes that are equally good.
fn at_least(sorted: &[u32], limit: usize) -> [u16; LONGEST + 1] {
    let needed = 2 * sorted.len() - 2;
    // Per level, how many of the first items of the list are symbols.
    let mut symbols = [[0_u16; ITEMS]; LONGEST];
    let mut weights = [0_u32; ITEMS];
    let mut count = sorted.len();
    for (at, &key) in sorted.iter().enumerate() {
        weights[at] = key >> 9;
        symbols[0][at] = at as u16 + 1;
    }
    let mut levels = 1;
    while levels < limit {
        let mut merged = [0_u32; ITEMS];
        let packages = count / 2;
        let length = (sorted.len() + packages).min(needed);
        let (mut leaf, mut package) = (0, 0);
        let weight_of = |leaf: usize| sorted.get(leaf).map_or(u32::MAX, |&key| key >> 9);
        let pair_of = |package: usize, weights: &[u32; ITEMS]| {
            if package < packages { weights[2 * package] + weights[2 * package + 1] } else { u32::MAX }
        };
        let (mut single, mut pair) = (weight_of(0), pair_of(0, &weights));
        for (item, seen) in merged.iter_mut().zip(&mut symbols[levels]).take(length) {
            if single < pair {
                *item = single;
                leaf += 1;
                single = weight_of(leaf);
            } else {
                *item = pair;
                package += 1;
                pair = pair_of(package, &weights);
            }
            *seen = leaf as u16;
        }
        // Once a level changes nothing, none above it does.
        let settled = length == count && merged[..length] == weights[..length];
        levels += 1;
        (weights, count) = (merged, length);
        if settled {
            break;
        }
    }
    let mut at_least = [0; LONGEST + 1];
    let mut items = needed;
    for (depth, at_least) in at_least.iter_mut().enumerate().take(limit + 1).skip(1) {
        if items == 0 {
            break;
        }
        let level = (limit - depth).min(levels - 1);
        let leaves = symbols[level][items - 1];
        *at_least = leaves;
        items = 2 * (items - usize::from(leaves));
    }
    at_least
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(counts: &[u32], limit: usize) -> Vec<u32> {
        Codes::<19>::of_counts(counts, limit).0.iter().map(|&code| bits_of(code)).take(counts.len()).collect()
    }

    #[test]
    fn rare_symbols_have_long_codes() {
        assert_eq!(lengths(&[0, 5, 0], 7), [0, 1, 0]);
        assert_eq!(lengths(&[1, 1, 2, 4, 8, 16], 15), [5, 5, 4, 3, 2, 1]);
        assert_eq!(lengths(&[1, 1, 2, 4, 8, 16], 4), [4, 4, 4, 4, 2, 1]);
    }

    #[test]
    fn codes_are_numbered_in_order() {
        let codes = Codes::<4>::of_lengths(&[2, 1, 3, 3]).0;
        assert_eq!(codes, [0b01 << 8 | 2, 1, 0b011 << 8 | 3, 0b111 << 8 | 3]);
    }
}
