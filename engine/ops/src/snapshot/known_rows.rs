//! Which table a metadata tar goes on from.
//!
//! The table of the source's last snapshot, when at least half of its rows were needed there: a dead row costs
//! restores, and a new table costs all rows once. Which rows it has is known from the cache, or
//! else from the table itself, which a write-only key cannot read.

use dtrvault_codec::rows::TableReader;
use dtrvault_format::{Recipe, Role, StreamRef};
use dtrvault_repo::Repository;
use dtrvault_repo::read::Reader;
use dtrvault_repo::rows::KnownRows;
use dtrvault_repo::write::{Session, StreamWriter};

use crate::content::Checked;
use crate::context::Context;
use crate::error::{OpsError, Result};

/// Known rows, and the stream of the table that they stand in.
pub(super) struct Start {
    pub(super) known: KnownRows,
    pub(super) table: StreamWriter,
    /// What to begin with instead, if the tar has little of what is known: the table was found
    /// by a name that is only like the tar's.
    pub(super) otherwise: Option<Box<Start>>,
}

/// Where a metadata stream comes from.
#[derive(Clone, Copy)]
pub(super) struct Origin<'a> {
    pub(super) host: &'a str,
    pub(super) name: &'a str,
}

/// A table as a recipe names it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Table {
    stream: StreamRef,
    rows: u32,
    used: u32,
    is_guess: bool,
}

impl Table {
    /// Whether no more than half of it is dead.
    fn is_worth_it(&self) -> bool {
        self.used > 0 && self.used >= self.rows / 2
    }
}

/// Finds the table to go on from, or begins a new one. What is wrong with what is known costs
/// space at most.
pub(super) fn begin(
    repo: &Repository,
    session: &Session,
    origin: Origin<'_>,
    context: &Context,
) -> Result<Start> {
    let (known, discarded) = repo.known_rows(origin.host, origin.name);
    if let Some(error) = discarded {
        context.progress.warn(&format!("the local map of known rows was damaged and is made anew: {error}"));
    }
    let is_guess = known.is_guess();
    let mapped = known.mapped_table().map(|(stream, rows, used)| Table { stream, rows, used, is_guess });
    let parent = parent_table(repo, origin).unwrap_or_else(|error| {
        context.progress.warn(&format!("the last snapshot's rows cannot be looked up: {error}"));
        None
    });
    if let Some(parent) = parent.filter(|parent| Some(parent.stream) != mapped.map(|m| m.stream)) {
        if !parent.is_worth_it() {
            return fresh(repo, session, origin);
        }
        match learn(repo, session, origin, &parent, context) {
            Ok(Some(start)) if parent.is_guess => return or_fresh(repo, session, origin, start),
            Ok(Some(start)) => return Ok(start),
            Ok(None) => {}
            Err(OpsError::Interrupted) => return Err(OpsError::Interrupted),
            Err(error) => context
                .progress
                .warn(&format!("the last snapshot's rows cannot be read, and are stored again: {error}")),
        }
    }
    match go_on(session, known, mapped)? {
        Some(start) if is_guess => or_fresh(repo, session, origin, start),
        Some(start) => Ok(start),
        None => fresh(repo, session, origin),
    }
}

fn or_fresh(repo: &Repository, session: &Session, origin: Origin<'_>, start: Start) -> Result<Start> {
    Ok(Start { otherwise: Some(Box::new(fresh(repo, session, origin)?)), ..start })
}

fn fresh(repo: &Repository, session: &Session, origin: Origin<'_>) -> Result<Start> {
    let mut known = KnownRows::none(repo, origin.host, origin.name);
    let table = known.begin_table(session, None)?;
    Ok(Start { known, table, otherwise: None })
}

/// Goes on from the table that the cache speaks of, if that is of use.
fn go_on(session: &Session, mut known: KnownRows, mapped: Option<Table>) -> Result<Option<Start>> {
    if !mapped.is_some_and(|table| table.is_worth_it()) || !known.is_table_held(session)? {
        return Ok(None);
    }
    match known.begin_table(session, None) {
        Ok(table) => Ok(Some(Start { known, table, otherwise: None })),
        Err(error) if error.is_damage() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The table of the last snapshot of this source, as far as the key at hand can see it.
fn parent_table(repo: &Repository, origin: Origin<'_>) -> Result<Option<Table>> {
    if repo.role() != Role::Full {
        return Ok(None);
    }
    let snapshots = repo.snapshots()?.sound;
    let of_host = |exact: bool| {
        let parts = snapshots.iter().rev().filter(|(_, snapshot)| snapshot.host == origin.host);
        parts.filter_map(|(_, snapshot)| snapshot.metadata.as_ref()).filter(move |part| {
            if exact { part.name == origin.name } else { Repository::is_same_source(&part.name, origin.name) }
        })
    };
    let exact = of_host(true).map(|part| (part, false));
    for (part, is_guess) in exact.chain(of_host(false).map(|part| (part, true))) {
        if let Some((_, Recipe::Rows { table, rows, used, .. })) = repo.index().blob(&part.digest)? {
            return Ok(Some(Table { stream: table, rows, used, is_guess }));
        }
    }
    Ok(None)
}

/// Reads a table to know its rows; `None` when it is not all there.
fn learn(
    repo: &Repository,
    session: &Session,
    origin: Origin<'_>,
    parent: &Table,
    context: &Context,
) -> Result<Option<Start>> {
    context.progress.stage("known rows", Some(parent.stream.len));
    let reader = Reader::new(repo)?;
    for entry in reader.entries(&parent.stream)? {
        if !session.holds(&entry?.id)? {
            return Ok(None);
        }
    }
    let mut known = KnownRows::none(repo, origin.host, origin.name);
    let source = Checked { source: reader.stream(&parent.stream)?, context: context.clone() };
    let mut rows = TableReader::new(source);
    let mut row = Vec::new();
    loop {
        row.clear();
        let read = rows.next_row(&mut row);
        let read = read.map_err(|error| OpsError::from_io(error.into_io(), OpsError::Cache))?;
        let Some(bytes) = read else { break };
        known.learn(&row);
        context.progress.advance(bytes as u64, 0);
    }
    if known.rows() != parent.rows {
        return Ok(None);
    }
    known.settle(parent.stream).map_err(OpsError::Cache)?;
    let table = known.begin_table(session, Some(&mut reader.entries(&parent.stream)?))?;
    Ok(Some(Start { known, table, otherwise: None }))
}
