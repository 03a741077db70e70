//! Prefix codes, built by Huffman's way with the ties broken as gzip breaks them.

use crate::huffman::{Code, MAX_LENGTH, canonical};

/// As many as the tree of the largest alphabet can have, inner nodes included.
const NODES: usize = 2 * 288;

/// The best code for symbols that occur so often, with codes of `limit` bits at most.
pub(super) fn best<const N: usize>(counts: &[u32; N], limit: usize) -> [Code; N] {
    Tree::grow(counts).code(limit)
}

/// A Huffman tree: leaves first, then inner nodes in the order in which they came to be.
struct Tree<const N: usize> {
    parents: [u16; NODES],
    /// All nodes, the rarest first; the root is the last.
    order: [u16; NODES],
    nodes: usize,
}

impl<const N: usize> Tree<N> {
    fn grow(counts: &[u32; N]) -> Self {
        let mut tree = Self { parents: [0; NODES], order: [0; NODES], nodes: 0 };
        let mut heap = Heap::new();
        let mut used = 0;
        for (symbol, &count) in counts.iter().enumerate() {
            if count > 0 {
                heap.add(symbol, count);
                used = symbol + 1;
            }
        }
        // At least two symbols have codes: decoders of old could not do with less.
        while heap.length < 2 {
            let symbol = if used < 3 { used } else { 0 };
            heap.add(symbol, 1);
            used = used.max(symbol + 1);
        }
        heap.establish();
        let mut inner = N;
        while heap.length > 1 {
            let first = heap.take();
            let second = heap.first();
            for node in [first, second] {
                tree.push(node);
                tree.parents[node] = inner as u16;
            }
            heap.replace_first(inner, Weight::sum(heap.weights[first], heap.weights[second]));
            inner += 1;
        }
        tree.push(heap.first());
        tree
    }

    fn push(&mut self, node: usize) {
        self.order[self.nodes] = node as u16;
        self.nodes += 1;
    }

    fn code(&self, limit: usize) -> [Code; N] {
        let mut depths = [0_u8; NODES];
        let mut leaves_at = [0_usize; MAX_LENGTH + 1];
        let mut too_deep = 0_usize;
        let below_root = &self.order[..self.nodes - 1];
        for node in below_root.iter().rev().map(|&node| usize::from(node)) {
            let mut depth = usize::from(depths[usize::from(self.parents[node])]) + 1;
            if depth > limit {
                depth = limit;
                too_deep += 1;
            }
            depths[node] = depth as u8;
            if node < N {
                leaves_at[depth] += 1;
            }
        }
        if too_deep > 0 {
            self.shorten(&mut depths, &mut leaves_at, too_deep, limit);
        }
        let mut lengths = [0; N];
        lengths.copy_from_slice(&depths[..N]);
        canonical(&lengths)
    }

    /// Gives up Huffman's optimum for codes that are short enough.
    fn shorten(
        &self,
        depths: &mut [u8; NODES],
        leaves_at: &mut [usize; MAX_LENGTH + 1],
        too_deep: usize,
        limit: usize,
    ) {
        // Nodes that were too deep come in pairs. The one takes the place of a leaf that moves
        // down to make it a brother, the other's place is freed.
        for _ in 0..too_deep.div_ceil(2) {
            let Some(depth) = (1..limit).rev().find(|&depth| leaves_at[depth] > 0) else { break };
            leaves_at[depth] -= 1;
            leaves_at[depth + 1] += 2;
            leaves_at[limit] -= 1;
        }
        let mut leaves = self.order.iter().map(|&node| usize::from(node)).filter(|&node| node < N);
        for depth in (1..=limit).rev() {
            for leaf in leaves.by_ref().take(leaves_at[depth]) {
                depths[leaf] = depth as u8;
            }
        }
    }
}

/// How often a node occurs, then how high it is: of two that are as rare, the lower comes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Weight(u32);

impl Weight {
    fn leaf(count: u32) -> Self {
        Self(count << 8)
    }

    fn sum(a: Self, b: Self) -> Self {
        Self(((a.0 >> 8) + (b.0 >> 8)) << 8 | ((a.0 & 0xff).max(b.0 & 0xff) + 1))
    }
}

/// A binary heap, the lightest node first. What moves where decides between equals, so it is not
/// one of the library's.
struct Heap {
    /// From 1 on, the sons of `n` at `2 * n` and `2 * n + 1`.
    nodes: [u16; NODES],
    length: usize,
    weights: [Weight; NODES],
}

impl Heap {
    fn new() -> Self {
        Self { nodes: [0; NODES], length: 0, weights: [Weight(0); NODES] }
    }

    /// Adds a leaf; the order is not established yet.
    fn add(&mut self, node: usize, count: u32) {
        self.length += 1;
        self.nodes[self.length] = node as u16;
        self.weights[node] = Weight::leaf(count);
    }

    fn establish(&mut self) {
        for place in (1..=self.length / 2).rev() {
            self.sink(place);
        }
    }

    fn first(&self) -> usize {
        self.nodes[1].into()
    }

    fn take(&mut self) -> usize {
        let first = self.first();
        self.nodes[1] = self.nodes[self.length];
        self.length -= 1;
        self.sink(1);
        first
    }

    fn replace_first(&mut self, node: usize, weight: Weight) {
        self.nodes[1] = node as u16;
        self.weights[node] = weight;
        self.sink(1);
    }

    fn weight(&self, place: usize) -> Weight {
        self.weights[usize::from(self.nodes[place])]
    }

    /// Moves a node down until both its sons are heavier.
    fn sink(&mut self, mut place: usize) {
        let node = self.nodes[place];
        let weight = self.weights[usize::from(node)];
        loop {
            let mut son = 2 * place;
            if son > self.length {
                break;
            }
            if son < self.length && self.weight(son + 1) <= self.weight(son) {
                son += 1;
            }
            if weight <= self.weight(son) {
                break;
            }
            self.nodes[place] = self.nodes[son];
            place = son;
        }
        self.nodes[place] = node;
    }
}
