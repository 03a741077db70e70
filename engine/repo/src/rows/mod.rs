//! Which rows of a metadata tar stand in its table already, and under which numbers.
//!
//! A file in the cache folder, one for each source, sorted by row id: so it is looked up, merged
//! and replaced as a whole, in memory that does not grow with it. It also lists the chunks
//! of the table that it speaks of, so that a key that reads nothing can go on from that table:
//! the file is of use as long as all of these chunks are in the index, whatever became of the
//! snapshots. Every page is authenticated: a number that is wrong would be a wrong backup.
//! Why no database: `docs/decisions/0008-rows.md`.

mod known;
mod map;
mod merge;
mod pages;
mod place;
mod runs;

pub use known::KnownRows;
