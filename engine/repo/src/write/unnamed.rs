//! Packs on their way from sealing to a name: which were sent, which are durable, and whether
//! a segment names every one of them.

use std::sync::Mutex;

use dtrvault_format::SegmentPack;

use super::shared::lock;

/// The packs of a session that no segment names yet.
#[derive(Default)]
pub(super) struct Unnamed {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Known to be durable.
    durable: Vec<SegmentPack>,
    /// The durable ones, those in flight, and those that failed: a write that nobody
    /// acknowledged may have taken place.
    sent: u64,
    closed: bool,
}

impl Unnamed {
    /// Counts a pack that is about to be sent. `false`: no more may be.
    pub(super) fn send(&self) -> bool {
        let mut state = lock(&self.state);
        if !state.closed {
            state.sent += 1;
        }
        !state.closed
    }

    /// Notes that a pack that was sent is durable.
    pub(super) fn arrived(&self, pack: SegmentPack) {
        lock(&self.state).durable.push(pack);
    }

    /// Takes the durable packs, to be named, or given back with [`Unnamed::give_back`].
    pub(super) fn take(&self) -> Vec<SegmentPack> {
        std::mem::take(&mut lock(&self.state).durable)
    }

    /// Takes back packs that could not be named.
    pub(super) fn give_back(&self, packs: Vec<SegmentPack>) {
        lock(&self.state).durable.extend(packs);
    }

    /// Notes that a durable segment names so many of those that were taken.
    pub(super) fn named(&self, packs: usize) {
        lock(&self.state).sent -= packs as u64;
    }

    /// Lets no more packs be sent.
    pub(super) fn close(&self) {
        lock(&self.state).closed = true;
    }

    /// Whether every pack that was sent has its name.
    pub(super) fn is_empty(&self) -> bool {
        lock(&self.state).sent == 0
    }
}
