//! Memory of large frames, used again: giving it back to the system and asking for it anew costs
//! more than what is done with it.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// Memory that is less is not worth keeping, bytes.
const LEAST_BYTES: usize = 256 << 10;

/// Memory that nobody uses now.
#[derive(Clone)]
pub(super) struct Memory {
    free: Arc<Mutex<Free>>,
    /// New memory has room for this, so that most of it need not grow. What did grow is given back to the
    /// system: kept, it would hold on to the length of the longest frame that it ever had.
    buffer_bytes: usize,
}

struct Free {
    buffers: Vec<Vec<u8>>,
    bytes: usize,
    limit_bytes: usize,
}

/// Memory that is on loan.
struct Lent {
    bytes: Vec<u8>,
    memory: Memory,
}

impl Memory {
    /// Keeps at most `limit_bytes` that nobody uses.
    pub(super) fn new(limit_bytes: usize, buffer_bytes: usize) -> Self {
        let free = Free { buffers: Vec::new(), bytes: 0, limit_bytes };
        Self { free: Arc::new(Mutex::new(free)), buffer_bytes }
    }

    /// Memory to fill; what stands in it is of no use.
    pub(super) fn take(&self) -> Vec<u8> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(buffer) = free.buffers.pop() else { return Vec::with_capacity(self.buffer_bytes) };
        free.bytes -= buffer.capacity();
        buffer
    }

    /// `bytes` to be read; their memory comes back when the last reader has dropped them.
    pub(super) fn lend(&self, bytes: Vec<u8>) -> Bytes {
        if !(LEAST_BYTES..=self.buffer_bytes).contains(&bytes.capacity()) {
            return bytes.into();
        }
        Bytes::from_owner(Lent { bytes, memory: self.clone() })
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        let mut free = self.memory.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.bytes + bytes.capacity() <= free.limit_bytes {
            free.bytes += bytes.capacity();
            free.buffers.push(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn memory_comes_back_once_and_within_the_limit() {
        let memory = Memory::new(LEAST_BYTES * 2, LEAST_BYTES);
        let buffer = |bytes| Vec::with_capacity(bytes);
        let lent = memory.lend(buffer(LEAST_BYTES));
        let reader = lent.clone();
        let kept = || memory.free.lock().unwrap().buffers.len();
        drop(lent);
        assert_eq!(kept(), 0, "somebody still reads it");
        drop(reader);
        assert_eq!(kept(), 1);
        assert_eq!(memory.take().capacity(), LEAST_BYTES);
        drop(memory.lend(buffer(LEAST_BYTES * 3)));
        drop(memory.lend(buffer(1)));
        assert_eq!(kept(), 0, "too large, too small");
    }
}
