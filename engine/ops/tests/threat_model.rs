//! Every numbered statement of `format-spec/threat-model.md`, tried: functions are named by the
//! number of the statement.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

#[path = "threat_model/bound.rs"]
mod bound;
#[path = "threat_model/brute.rs"]
mod brute;
#[path = "threat_model/cache.rs"]
mod cache;
#[path = "threat_model/reader.rs"]
mod reader;
#[path = "threat_model/undefended.rs"]
mod undefended;
#[path = "threat_model/write_only.rs"]
mod write_only;
#[path = "threat_model/writer.rs"]
mod writer;
