//! Huffman codes of limited length, as Go's library and klauspost's make them.
//!
//! Where symbols are as frequent as one another there are many best codes. Go builds by
//! package-merge and takes a package before a leaf of the same weight. If no code grows too long,
//! the plain method with two queues and the same preference gives the same lengths: its order of
//! nodes is what the lists of package-merge converge to.

use crate::tables::{DISTANCE_CODES, LITERAL_CODES};

/// The longest code of literals and distances.
pub(crate) const MAX_LENGTH: usize = 15;
/// Room for the largest alphabet.
const SYMBOLS: usize = 288;

/// A code, ready to be written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Code {
    /// Its bits, the first to be written lowest.
    pub(crate) bits: u16,
    /// How many; none if the symbol does not occur.
    pub(crate) count: u16,
}

impl Code {
    /// That of a symbol that does not occur.
    pub(crate) const NONE: Self = Self { bits: 0, count: 0 };
}

/// The codes that every decoder knows (RFC 1951, 3.2.6).
pub(crate) static FIXED_LITERALS: [Code; LITERAL_CODES] = {
    let mut lengths = [8; SYMBOLS];
    let mut symbol = 144;
    while symbol < 280 {
        lengths[symbol] = if symbol < 256 { 9 } else { 7 };
        symbol += 1;
    }
    // The last two never occur, but take their place.
    let all = canonical(&lengths);
    let mut codes = [Code::NONE; LITERAL_CODES];
    codes.copy_from_slice(all.split_at(LITERAL_CODES).0);
    codes
};

/// The same for distances.
pub(crate) static FIXED_DISTANCES: [Code; DISTANCE_CODES] = canonical(&[5; DISTANCE_CODES]);

/// Makes the codes of symbols that occur `frequencies` times, none longer than `limit`.
pub(crate) fn codes<const N: usize>(frequencies: &[u32; N], limit: usize) -> [Code; N] {
    // Sorted by frequency, and then by symbol: that is beneath it.
    let mut leaves = [0_u64; SYMBOLS];
    let mut count = 0;
    for (symbol, &frequency) in frequencies.iter().enumerate().take(SYMBOLS) {
        if frequency > 0 {
            leaves[count] = u64::from(frequency) << 16 | symbol as u64;
            count += 1;
        }
    }
    let leaves = &mut leaves[..count];
    leaves.sort_unstable();

    let by_length = match count {
        0 => [0; MAX_LENGTH + 1],
        1 | 2 => {
            let mut all = [0; MAX_LENGTH + 1];
            all[1] = count;
            all
        }
        _ => by_two_queues(leaves, limit).unwrap_or_else(|| by_package_merge(leaves, limit)),
    };
    // The most frequent ones get the shortest codes.
    let mut lengths = [0_u8; N];
    let mut rest = leaves.iter().rev();
    for (length, &symbols) in by_length.iter().enumerate() {
        for leaf in rest.by_ref().take(symbols) {
            if let Some(place) = lengths.get_mut(*leaf as usize & 0xffff) {
                *place = length as u8;
            }
        }
    }
    canonical(&lengths)
}

/// The codes that belong to `lengths` (RFC 1951, 3.2.2).
pub(crate) const fn canonical<const N: usize>(lengths: &[u8; N]) -> [Code; N] {
    let mut by_length = [0_u16; MAX_LENGTH + 1];
    let mut symbol = 0;
    while symbol < N {
        by_length[lengths[symbol] as usize & 15] += 1;
        symbol += 1;
    }
    by_length[0] = 0;
    let mut next = [0_u16; MAX_LENGTH + 1];
    let mut length = 1;
    while length <= MAX_LENGTH {
        next[length] = next[length - 1].wrapping_add(by_length[length - 1]) << 1;
        length += 1;
    }
    let mut codes = [Code::NONE; N];
    symbol = 0;
    while symbol < N {
        length = lengths[symbol] as usize & 15;
        if length > 0 {
            codes[symbol] = Code { bits: next[length].reverse_bits() >> (16 - length), count: length as u16 };
            next[length] = next[length].wrapping_add(1);
        }
        symbol += 1;
    }
    codes
}

/// Bits that the codes of symbols take that occur so often.
pub(crate) fn cost(codes: &[Code], counts: &[u32]) -> usize {
    codes.iter().zip(counts).map(|(code, &count)| usize::from(code.count) * count as usize).sum()
}

/// How many codes there are up to the last that is used.
pub(crate) fn used(codes: &[Code]) -> usize {
    codes.iter().rposition(|code| code.count > 0).map_or(0, |last| last + 1)
}

/// How many symbols get a code of each length; nothing if one were longer than `limit`.
fn by_two_queues(leaves: &[u64], limit: usize) -> Option<[usize; MAX_LENGTH + 1]> {
    let weight = |leaf: &u64| leaf >> 16;
    let inner = leaves.len() - 1;
    let mut weights = [u64::MAX; SYMBOLS];
    // Of each node taken for a pair, in order: which inner node it is, if it is one.
    let mut taken = [None; 2 * SYMBOLS];
    let (mut next_leaf, mut next_inner) = (0, 0);
    for node in 0..inner {
        let mut sum = 0;
        for child in 0..2 {
            // Those not yet made weigh more than anything.
            let candidate = weights[next_inner];
            match leaves.get(next_leaf).map(weight) {
                Some(leaf) if leaf < candidate => {
                    sum += leaf;
                    next_leaf += 1;
                }
                _ => {
                    sum += candidate;
                    taken[2 * node + child] = Some(next_inner);
                    next_inner += 1;
                }
            }
        }
        weights[node] = sum;
    }
    // From the root, which is the last one.
    let mut depths = [0_u8; SYMBOLS];
    let mut by_length = [0; MAX_LENGTH + 1];
    for node in (0..inner).rev() {
        let depth = depths[node] as usize + 1;
        for child in &taken[2 * node..2 * node + 2] {
            match child {
                Some(below) => depths[*below] = depth as u8,
                None if depth <= limit => by_length[depth & 15] += 1,
                None => return None,
            }
        }
    }
    Some(by_length)
}

/// The same for any `limit` that leaves room for all.
fn by_package_merge(leaves: &[u64], limit: usize) -> [usize; MAX_LENGTH + 1] {
    let most = 2 * leaves.len() - 2;
    // For each level, the deepest first: which of its nodes are leaves.
    let mut levels: Vec<Vec<bool>> = Vec::with_capacity(limit);
    let mut below: Vec<u64> = Vec::new();
    for _ in 0..limit.min(leaves.len() - 1) {
        let mut packages = below.chunks_exact(2).map(|pair| pair.iter().sum::<u64>()).peekable();
        let mut singles = leaves.iter().map(|leaf| leaf >> 16).peekable();
        let mut are_leaves = Vec::with_capacity(most);
        let mut weights = Vec::with_capacity(most);
        while weights.len() < most {
            let is_leaf = match (singles.peek(), packages.peek()) {
                (Some(single), Some(package)) => single < package,
                (single, _) => single.is_some(),
            };
            let Some(weight) = (if is_leaf { singles.next() } else { packages.next() }) else { break };
            weights.push(weight);
            are_leaves.push(is_leaf);
        }
        levels.push(are_leaves);
        below = weights;
    }
    // A leaf's code is as long as there are levels from which it is used.
    let mut at_least = [0; MAX_LENGTH + 2];
    let mut used = most;
    for (length, level) in levels.iter().rev().enumerate() {
        let leaves = level.iter().take(used).filter(|is_leaf| **is_leaf).count();
        at_least[length + 1] = leaves;
        used = 2 * (used.min(level.len()) - leaves);
    }
    std::array::from_fn(|length| if length == 0 { 0 } else { at_least[length] - at_least[length + 1] })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(weights: impl Iterator<Item = u64>) -> Vec<u64> {
        let mut leaves: Vec<u64> = weights.map(|weight| (weight + 1) << 16).collect();
        leaves.sort_unstable();
        leaves
    }

    #[test]
    fn both_ways_agree_where_no_code_is_too_long() {
        let mut seed = 7_u64;
        for round in 0..2000_u64 {
            let count = 3 + round as usize % 280;
            let leaves = sorted((0..count).map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (seed >> 40) >> (round % 25)
            }));
            if let Some(lengths) = by_two_queues(&leaves, 15) {
                assert_eq!(lengths, by_package_merge(&leaves, 15), "{leaves:?}");
            }
        }
    }

    #[test]
    fn limited_codes_fill_the_tree() {
        let leaves = sorted((0..40).map(|power| 1 << power));
        assert!(by_two_queues(&leaves, 15).is_none());
        for limit in [6, 7, 9, 15] {
            let lengths = by_package_merge(&leaves, limit);
            assert_eq!(lengths.iter().sum::<usize>(), 40);
            let space: usize = (1..=limit).map(|length| lengths[length] << (limit - length)).sum();
            assert_eq!(space, 1 << limit);
        }
    }

    #[test]
    fn one_or_two_symbols_take_a_bit_each() {
        let made = codes(&[0, 9, 0, 4], 7);
        assert_eq!(made.map(|code| (code.bits, code.count)), [(0, 0), (0, 1), (0, 0), (1, 1)]);
        assert_eq!(codes(&[0, 9], 7).map(|code| code.count), [0, 1]);
    }
}
