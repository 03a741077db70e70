//! Decoded frames that are kept for a while: the least recently used go first.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;

use crate::index::PackNo;

/// A frame of a pack.
pub(super) type FrameKey = (PackNo, u32);

/// A cache of at most so many bytes.
pub(super) struct FrameCache {
    limit_bytes: usize,
    bytes: usize,
    clock: u64,
    frames: HashMap<FrameKey, (u64, Bytes)>,
    order: BTreeMap<u64, FrameKey>,
}

impl FrameCache {
    pub(super) fn new(limit_bytes: usize) -> Self {
        Self { limit_bytes, bytes: 0, clock: 0, frames: HashMap::new(), order: BTreeMap::new() }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new(self.limit_bytes);
    }

    pub(super) fn get(&mut self, key: FrameKey) -> Option<Bytes> {
        let (used, frame) = self.frames.get_mut(&key)?;
        self.order.remove(used);
        self.clock += 1;
        *used = self.clock;
        self.order.insert(self.clock, key);
        Some(frame.clone())
    }

    pub(super) fn insert(&mut self, key: FrameKey, frame: Bytes) {
        self.clock += 1;
        self.bytes += frame.len();
        if let Some((used, old)) = self.frames.insert(key, (self.clock, frame)) {
            self.order.remove(&used);
            self.bytes -= old.len();
        }
        self.order.insert(self.clock, key);
        while self.bytes > self.limit_bytes {
            let Some((_, oldest)) = self.order.pop_first() else { break };
            if let Some((_, frame)) = self.frames.remove(&oldest) {
                self.bytes -= frame.len();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_go_first_and_bytes_are_counted() {
        let mut cache = FrameCache::new(10);
        let key = |n| (PackNo(0), n);
        for n in 0..3 {
            cache.insert(key(n), Bytes::from(vec![0; 4]));
            let _ = cache.get(key(0));
        }
        assert!(cache.get(key(0)).is_some() && cache.get(key(1)).is_none() && cache.get(key(2)).is_some());
        cache.insert(key(2), Bytes::from(vec![0; 5]));
        assert_eq!(cache.bytes, 9);
    }
}
