//! Chains of positions with the same hash, and the search for matches along them.

use super::window::Window;

/// The furthest distance of a match, and what the window moves by.
pub(super) const HALF: usize = 1 << 15;
/// The window's length.
pub(super) const FULL: usize = 2 * HALF;
/// The shortest match that is looked for.
pub(super) const SHORTEST: usize = 4;
/// Matches of the least length may be this far away.
const NEAR: usize = 4096;
/// Candidates that are tried before a rarer chain is looked for: most chains are no longer.
const FEW: usize = 4;
const HASH_BITS: u32 = 17;

/// A match: none if its length is under [`SHORTEST`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Match {
    pub(super) length: usize,
    pub(super) distance: usize,
}

impl Match {
    pub(super) const NONE: Self = Self { length: SHORTEST - 1, distance: 0 };
}

/// A chain, and the entry that heads it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    chain: usize,
    entry: u16,
}

/// Positions by hash, and by each position the one before it. Everywhere here 1 is added to
/// positions: 0 is none.
#[derive(Debug)]
pub(super) struct Chains {
    heads: Box<[u16; 1 << HASH_BITS]>,
    before: Box<[u16; HALF]>,
    /// By each position: how many were entered into its chain before, modulo 65536.
    ranks: Box<[u16; FULL]>,
}

impl Chains {
    pub(super) fn new() -> Self {
        // On the heap from the start: it is too large for a stack.
        let heads = vec![0; 1 << HASH_BITS].into_boxed_slice();
        Self {
            heads: heads.try_into().unwrap_or_else(|_| Box::new([0; 1 << HASH_BITS])),
            before: Box::new([0; HALF]),
            ranks: Box::new([0; FULL]),
        }
    }

    /// Enters the position `at`, and returns what was the head of its chain.
    #[inline(always)]
    pub(super) fn enter(&mut self, window: &Window, at: usize) -> u16 {
        self.enter_behind(at, self.head(window, at))
    }

    /// The chain that a position belongs to, and what heads it.
    #[inline(always)]
    pub(super) fn head(&self, window: &Window, at: usize) -> Head {
        let chain = hash(window.load32(at));
        Head { chain, entry: self.heads[chain] }
    }

    /// Enters the position `at` behind the head of its chain.
    #[inline(always)]
    pub(super) fn enter_behind(&mut self, at: usize, head: Head) -> u16 {
        let former = head.entry;
        let entry = at.wrapping_add(1);
        self.before[entry & (HALF - 1)] = former;
        self.ranks[entry & (FULL - 1)] = self.ranks[former as usize].wrapping_add(1);
        self.heads[head.chain & ((1 << HASH_BITS) - 1)] = entry as u16;
        former
    }

    /// Follows the window when it moves by its half.
    pub(super) fn move_down(&mut self) {
        let moved = |at: &mut u16| *at = at.saturating_sub(HALF as u16);
        self.heads.iter_mut().for_each(moved);
        self.before.iter_mut().for_each(moved);
        self.ranks.copy_within(HALF.., 0);
    }

    pub(super) fn clear(&mut self) {
        self.heads.fill(0);
        self.before.fill(0);
    }

    /// How many steps of the chain that both are in lead from a position to an earlier one.
    #[inline(always)]
    fn steps(&self, from: usize, to: usize) -> usize {
        let rank = |at: usize| self.ranks[at.wrapping_add(1) & (FULL - 1)];
        rank(from).wrapping_sub(rank(to)) as usize
    }
}

/// Where the chain of four bytes begins.
#[inline(always)]
fn hash(bytes: u32) -> usize {
    (bytes.swap_bytes().wrapping_mul(0x1e35_a7bd) >> (32 - HASH_BITS)) as usize
}

/// A search for the longest match of a position, the nearest of several.
#[derive(Debug)]
pub(super) struct Search<'a> {
    window: &'a Window,
    chains: &'a Chains,
    at: usize,
    /// The longest match that is allowed.
    most: usize,
    /// A match this long ends the search.
    nice: usize,
    best: Match,
    /// The four bytes at the position.
    first: u32,
    /// The four bytes that end one beyond the best match so far, and how far ahead they are.
    tail: u32,
    tail_at: usize,
}

/// How a walk along a chain ended.
struct Walked {
    /// The entry that would have been next.
    next: usize,
    /// How many tries are left.
    tries: usize,
    /// Nothing else needs to be tried.
    done: bool,
}

impl<'a> Search<'a> {
    /// Looks for matches longer than `length` only.
    #[inline(always)]
    pub(super) fn new(
        window: &'a Window,
        chains: &'a Chains,
        at: usize,
        most: usize,
        nice: usize,
        length: usize,
    ) -> Self {
        let tail_at = length.wrapping_sub(SHORTEST - 1);
        Self {
            window,
            chains,
            at,
            most,
            nice: nice.min(most),
            best: Match { length, distance: 0 },
            first: window.load32(at),
            tail: window.load32(at.wrapping_add(tail_at)),
            tail_at,
        }
    }

    #[inline(always)]
    fn found(&self) -> Match {
        if self.best.distance == 0 { Match::NONE } else { self.best }
    }

    /// Searches the position's own chain, which `head` headed before it.
    #[inline(always)]
    pub(super) fn along(mut self, head: u16, tries: usize) -> Match {
        self.walk(head as usize, 0, self.at.saturating_sub(HALF), tries, |_| true);
        self.found()
    }

    /// Finds the same, and mostly sooner. All positions within reach must have been entered.
    ///
    /// Once there is a match, a longer one has the tail as well, which has a chain of its own, and
    /// that is rarer often. It leads to the same candidates; ranks tell whether they are too many
    /// steps away.
    #[inline(always)]
    pub(super) fn along_tail(mut self, head: u16, tries: usize) -> Match {
        let (chains, at) = (self.chains, self.at);
        let floor = at.saturating_sub(HALF);
        let mut own = Walked { next: head as usize, tries, done: false };
        if self.best.length < SHORTEST {
            let few = tries.min(FEW);
            own = self.walk(own.next, 0, floor, few, |_| true);
            if own.done || own.tries > 0 {
                return self.found();
            }
            own.tries = tries.wrapping_sub(few);
            if self.best.length < SHORTEST {
                self.walk(own.next, 0, floor, own.tries, |_| true);
                return self.found();
            }
        }
        let ahead = self.tail_at;
        let tail = chains.heads[hash(self.tail)] as usize;
        // What is so near that its tail was not entered yet is in the own chain alone.
        let near = at.wrapping_sub(ahead).wrapping_add(1).max(floor);
        let own = self.walk(own.next, 0, near, own.tries, |_| true);
        if own.done {
            return self.found();
        }
        // The chain that begins further back is taken for the rarer one.
        if tail < own.next.wrapping_add(ahead) {
            let in_reach = |from| chains.steps(at, from) <= tries;
            let walked = self.walk(tail, ahead, floor, own.tries, in_reach);
            if walked.done || walked.tries > 0 {
                return self.found();
            }
        }
        self.walk(own.next, 0, floor, own.tries, |_| true);
        self.found()
    }

    /// Tries what a chain leads to: its entries, less `ahead`, down to `floor`.
    #[inline(always)]
    fn walk(
        &mut self,
        mut entry: usize,
        ahead: usize,
        floor: usize,
        mut tries: usize,
        in_reach: impl Fn(usize) -> bool,
    ) -> Walked {
        let Self { window, chains, at, most, nice, first, mut best, mut tail, mut tail_at } = *self;
        let mut done = false;
        // Entries are compared as they stand above the lowest: what is below becomes huge.
        let lowest = floor.wrapping_add(ahead).wrapping_add(1);
        let mut bound = HALF;
        loop {
            // The oldest position has had its entry overwritten by `at`: that leads up again.
            let height = entry.wrapping_sub(lowest);
            if height >= bound || tries == 0 {
                break;
            }
            let from = entry.wrapping_sub(1).wrapping_sub(ahead);
            bound = height;
            entry = chains.before[entry & (HALF - 1)] as usize;
            tries = tries.wrapping_sub(1);
            if window.load32(from.wrapping_add(tail_at)) != tail || window.load32(from) != first {
                continue;
            }
            done = !in_reach(from);
            if done {
                break;
            }
            let length = window.match_length(from, at, most);
            let distance = at.wrapping_sub(from);
            if length > best.length && (length > SHORTEST || distance <= NEAR) {
                best = Match { length, distance };
                done = length >= nice;
                if done {
                    break;
                }
                tail_at = length.wrapping_sub(SHORTEST - 1);
                tail = window.load32(at.wrapping_add(tail_at));
            }
        }
        (self.best, self.tail, self.tail_at) = (best, tail, tail_at);
        Walked { next: entry, tries, done }
    }
}
