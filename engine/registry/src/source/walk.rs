//! Walks a folder: read ahead by several threads, delivered by one in tree order.
//!
//! Unread folders wait in an ordered map, a group of neighbours under one key, and readers always
//! take the first: the ones that are needed soonest. Whoever delivers takes the group it needs from
//! what was read, waits when it is being read, and else reads it itself. So it never waits for
//! anything that waits for it. Memory: what is in the folders on the way from the root to the
//! current one, at most [`READ_AHEAD_BYTES`] read ahead, and one group more a thread.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use dtrvault_format::{Identity, Kind};

use super::folder::Reader;
use super::listing::{Group, Listing, Part, Shared};
use super::{Found, Item, ItemKind, WalkOptions};
use crate::beneath::Root;

/// Memory of what may be read and not yet delivered, about; an entry takes some 400 bytes.
const READ_AHEAD_BYTES: usize = 12 << 20;

type Sink<'a> = dyn FnMut(Found) -> ControlFlow<()> + 'a;

/// Delivers everything below `root`, the root first. `threads` read ahead.
pub(super) fn walk(root: &Root, options: &WalkOptions, threads: usize, sink: &mut Sink<'_>) {
    let shared = Ahead::default();
    thread::scope(|scope| {
        let _stop = Stop(&shared);
        for number in 0..threads {
            let run = || read_ahead(&shared, Reader::new(root, options, threads));
            let thread = thread::Builder::new().name(format!("walk-{number}"));
            // Fewer threads are slower, and enough.
            if thread.spawn_scoped(scope, run).is_err() {
                break;
            }
        }
        let mut delivery = Delivery {
            ahead: &shared,
            reader: Reader::new(root, options, threads),
            files: HashMap::new(),
            sink,
        };
        let _ = delivery.run();
    });
}

/// What the threads share.
#[derive(Default)]
struct Ahead {
    state: Mutex<State>,
    /// There is something to read again, or the walk is over.
    readers: Condvar,
    /// Folders were read that may be the needed ones.
    delivery: Condvar,
}

#[derive(Default)]
struct State {
    /// Groups that no one has begun to read, by their keys.
    waiting: BTreeMap<Vec<u8>, Arc<Group>>,
    /// What was read, by the group's key; none while it is being read.
    read: HashMap<Vec<u8>, Option<Listing>>,
    /// Memory that `read` takes.
    bytes: usize,
    idle: usize,
    delivery_waits: bool,
    stop: bool,
}

/// Lets the readers go, also when the sink panics.
struct Stop<'a>(&'a Ahead);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.lock().stop = true;
        self.0.readers.notify_all();
    }
}

impl Ahead {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts what is left unread to the others.
    fn announce(&self, state: &mut State, unread: Vec<(Vec<u8>, Arc<Group>)>) {
        for _ in 0..unread.len().min(state.idle) {
            self.readers.notify_one();
        }
        state.waiting.extend(unread);
    }
}

/// What a listing leaves unread, with keys.
fn unread(listing: &Listing) -> Vec<(Vec<u8>, Arc<Group>)> {
    let groups = listing.parts.iter().filter_map(|part| match part {
        Part::Unread(group) => Some((group.key(), Arc::clone(group))),
        _ => None,
    });
    groups.collect()
}

/// One reading thread.
fn read_ahead(ahead: &Ahead, mut reader: Reader<'_>) {
    let mut state = ahead.lock();
    loop {
        while !state.stop && (state.waiting.is_empty() || state.bytes >= READ_AHEAD_BYTES) {
            state.idle += 1;
            state = ahead.readers.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
        if state.stop {
            return;
        }
        let Some((key, group)) = state.waiting.pop_first() else { continue };
        state.read.insert(key.clone(), None);
        drop(state);
        let listing = reader.read(&group);
        let unread = unread(&listing);
        state = ahead.lock();
        ahead.announce(&mut state, unread);
        state.bytes += listing.bytes;
        state.read.insert(key, Some(listing));
        if state.delivery_waits {
            ahead.delivery.notify_one();
        }
    }
}

/// The delivering thread.
struct Delivery<'a, 's> {
    ahead: &'a Ahead,
    reader: Reader<'a>,
    /// First names of files with several, by device and inode, until all names were seen.
    files: HashMap<(u64, u64), First>,
    sink: &'a mut Sink<'s>,
}

struct First {
    path: Vec<u8>,
    identity: Identity,
    unseen: u64,
}

impl Delivery<'_, '_> {
    fn run(&mut self) -> ControlFlow<()> {
        let root = self.reader.read_root();
        self.ahead.announce(&mut self.ahead.lock(), unread(&root));
        // Folders can nest deeper than a thread's stack.
        let mut levels = vec![root.parts.into_iter()];
        while let Some(parts) = levels.last_mut() {
            match parts.next() {
                None => {
                    levels.pop();
                }
                Some(Part::Item(item)) => (self.sink)(Found::Item(item))?,
                Some(Part::Shared(item, shared)) => {
                    let item = self.one_name(item, shared);
                    (self.sink)(Found::Item(item))?;
                }
                Some(Part::Problem(problem)) => (self.sink)(Found::Problem(problem))?,
                Some(Part::Unread(group)) => levels.push(self.fetch(&group).parts.into_iter()),
            }
        }
        ControlFlow::Continue(())
    }

    /// What is in a group, from whoever reads it.
    fn fetch(&mut self, group: &Group) -> Listing {
        let key = group.key();
        let mut state = self.ahead.lock();
        loop {
            match state.read.get_mut(&key).map(Option::take) {
                Some(Some(listing)) => {
                    state.read.remove(&key);
                    let full = state.bytes >= READ_AHEAD_BYTES;
                    state.bytes = state.bytes.saturating_sub(listing.bytes);
                    if full && state.bytes < READ_AHEAD_BYTES {
                        self.ahead.readers.notify_all();
                    }
                    return listing;
                }
                Some(None) => {
                    state.delivery_waits = true;
                    state = self.ahead.delivery.wait(state).unwrap_or_else(PoisonError::into_inner);
                    state.delivery_waits = false;
                }
                None => {
                    state.waiting.remove(&key);
                    drop(state);
                    let listing = self.reader.read(group);
                    self.ahead.announce(&mut self.ahead.lock(), unread(&listing));
                    return listing;
                }
            }
        }
    }

    /// A file with several names: itself, or a link to the name that it was delivered under.
    fn one_name(&mut self, mut item: Item, shared: Shared) -> Item {
        if let ItemKind::File(stat) = &item.kind
            && let Some(target) = self.first_name(&item.path, shared, &stat.identity)
        {
            item.kind = ItemKind::Other(Kind::Hardlink { target });
            item.content = None;
        }
        item
    }

    /// The name under which this file was delivered before. A file that changed since is
    /// delivered again, whole: its inode may belong to another file by now.
    fn first_name(&mut self, path: &[u8], file: Shared, identity: &Identity) -> Option<Vec<u8>> {
        let id = (file.device, file.inode);
        if let Some(first) = self.files.get_mut(&id)
            && first.identity == *identity
        {
            first.unseen = first.unseen.saturating_sub(1);
            let target = first.path.clone();
            if first.unseen == 0 {
                self.files.remove(&id);
            }
            return Some(target);
        }
        let first =
            First { path: path.to_vec(), identity: identity.clone(), unseen: file.links.saturating_sub(1) };
        self.files.insert(id, first);
        None
    }
}
