//! Walks a folder: read ahead by several threads, delivered by one in tree order.
//!
//! Unread folders wait in an ordered set, and readers always take the first: the ones that are
//! needed soonest. Whoever delivers takes the folder it needs from what was read, waits when it
//! is being read, and else reads it itself. So it never waits for anything that waits for it.
//! Memory: the names of the folders on the way from the root to the current one, at most
//! [`READ_AHEAD_ENTRIES`] entries read ahead, and one folder more a thread.

use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use dtrvault_format::{Identity, Kind, Problem};

use super::folder::{Child, Fault, Folder, Leaf, Reader, Shared, What, push};
use super::{Found, Item, ItemKind, WalkOptions};
use crate::beneath::Root;

/// Entries that may be read and not yet delivered, some 300 bytes each.
const READ_AHEAD_ENTRIES: usize = 32 * 1024;

/// Most folders that a reader takes at once, where many are waiting.
const MAX_BATCH: usize = 16;

type Sink<'a> = dyn FnMut(Found) -> ControlFlow<()> + 'a;

/// Delivers everything below `root`, the root first. `threads` read ahead.
pub(super) fn walk(root: &Root, options: &WalkOptions, threads: usize, sink: &mut Sink<'_>) {
    let shared = Ahead::default();
    thread::scope(|scope| {
        let _stop = Stop(&shared);
        for number in 0..threads {
            let run = || read_ahead(&shared, Reader::new(root, options), threads);
            let thread = thread::Builder::new().name(format!("walk-{number}"));
            // Fewer threads are slower, and enough.
            if thread.spawn_scoped(scope, run).is_err() {
                break;
            }
        }
        let mut delivery =
            Delivery { ahead: &shared, reader: Reader::new(root, options), files: HashMap::new(), sink };
        let _ = delivery.run();
    });
}

/// What the threads share.
#[derive(Default)]
struct Ahead {
    state: Mutex<State>,
    /// There is something to read again, or the walk is over.
    readers: Condvar,
    /// A folder was read that may be the needed one.
    delivery: Condvar,
}

#[derive(Default)]
struct State {
    /// Keys ([`key`]) of folders that no one has begun to read.
    waiting: BTreeSet<Vec<u8>>,
    /// Folders by path; none while they are being read.
    read: HashMap<Vec<u8>, Option<Folder>>,
    /// Entries in `read`.
    entries: usize,
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

    /// Puts the folders that `folder` leaves unread to the others.
    fn announce(&self, state: &mut State, path: &[u8], folder: &Folder) {
        let mut fresh = 0_usize;
        folder.unread(&mut path.to_vec(), &mut |path| {
            state.waiting.insert(key(path));
            fresh += 1;
        });
        for _ in 0..fresh.min(state.idle) {
            self.readers.notify_one();
        }
    }
}

/// A path so that plain order of bytes is tree order: no name holds NUL.
fn key(path: &[u8]) -> Vec<u8> {
    path.iter().map(|b| if *b == b'/' { 0 } else { *b }).collect()
}

fn path(mut key: Vec<u8>) -> Vec<u8> {
    for byte in &mut key {
        if *byte == 0 {
            *byte = b'/';
        }
    }
    key
}

/// One reading thread.
fn read_ahead(ahead: &Ahead, mut reader: Reader<'_>, threads: usize) {
    let mut batch = Vec::new();
    let mut state = ahead.lock();
    loop {
        while !state.stop && (state.waiting.is_empty() || state.entries >= READ_AHEAD_ENTRIES) {
            state.idle += 1;
            state = ahead.readers.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
        if state.stop {
            return;
        }
        let many = (state.waiting.len() / (threads * 4)).clamp(1, MAX_BATCH);
        for _ in 0..many {
            if let Some(first) = state.waiting.pop_first() {
                let path = path(first);
                state.read.insert(path.clone(), None);
                batch.push((path, Folder::default()));
            }
        }
        drop(state);
        for (path, folder) in &mut batch {
            *folder = reader.read(path);
        }
        state = ahead.lock();
        for (path, folder) in batch.drain(..) {
            ahead.announce(&mut state, &path, &folder);
            state.entries += folder.entries();
            state.read.insert(path, Some(folder));
        }
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
        let mut path = Vec::new();
        // Folders can nest deeper than a thread's stack.
        let mut levels = Vec::new();
        let root = self.fetch(&path);
        levels.push((0, self.enter(&path, root)?));
        while let Some((len, children)) = levels.last_mut() {
            path.truncate(*len);
            let Some(child) = children.next() else {
                levels.pop();
                continue;
            };
            push(&mut path, &child.name);
            let folder = match child.what {
                What::Leaf(leaf) => {
                    self.leaf(&path, leaf)?;
                    continue;
                }
                What::Problem(fault) => {
                    self.problem(&path, fault)?;
                    continue;
                }
                What::Folder(folder) => folder,
                What::Unread => self.fetch(&path),
            };
            let children = self.enter(&path, folder)?;
            levels.push((path.len(), children));
        }
        ControlFlow::Continue(())
    }

    /// The folder at `path`, from whoever reads it.
    fn fetch(&mut self, path: &[u8]) -> Folder {
        let mut state = self.ahead.lock();
        loop {
            match state.read.get_mut(path).map(Option::take) {
                Some(Some(folder)) => {
                    state.read.remove(path);
                    let full = state.entries >= READ_AHEAD_ENTRIES;
                    state.entries = state.entries.saturating_sub(folder.entries());
                    if full && state.entries < READ_AHEAD_ENTRIES {
                        self.ahead.readers.notify_all();
                    }
                    return folder;
                }
                Some(None) => {
                    state.delivery_waits = true;
                    state = self.ahead.delivery.wait(state).unwrap_or_else(PoisonError::into_inner);
                    state.delivery_waits = false;
                }
                None => {
                    state.waiting.remove(&key(path));
                    drop(state);
                    let folder = self.reader.read(path);
                    let mut state = self.ahead.lock();
                    self.ahead.announce(&mut state, path, &folder);
                    return folder;
                }
            }
        }
    }

    /// Delivers the folder itself; its children are left to do.
    fn enter(&mut self, path: &[u8], folder: Folder) -> ControlFlow<(), std::vec::IntoIter<Child>> {
        if let Some(meta) = folder.meta {
            (self.sink)(Found::Item(Item { path: path.to_vec(), meta, kind: ItemKind::Other(Kind::Dir) }))?;
        }
        for fault in folder.problems {
            self.problem(path, fault)?;
        }
        ControlFlow::Continue(folder.children.into_iter())
    }

    fn leaf(&mut self, path: &[u8], leaf: Leaf) -> ControlFlow<()> {
        let mut kind = leaf.kind;
        if let (Some(shared), ItemKind::File(stat)) = (leaf.shared, &kind)
            && let Some(target) = self.first_name(path, shared, &stat.identity)
        {
            kind = ItemKind::Other(Kind::Hardlink { target });
        }
        (self.sink)(Found::Item(Item { path: path.to_vec(), meta: leaf.meta, kind }))?;
        leaf.fault.map_or(ControlFlow::Continue(()), |fault| self.problem(path, fault))
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

    fn problem(&mut self, path: &[u8], (kind, detail): Fault) -> ControlFlow<()> {
        let len = path.len().min(dtrvault_format::limits::MAX_PATH_BYTES);
        (self.sink)(Found::Problem(Problem {
            path: path.get(..len).unwrap_or_default().to_vec(),
            kind,
            detail,
        }))
    }
}
