//! What the benches have in common: data to work on, and the stages of a backup.
//!
//! A stage of a backup is measured alone and on one thread, so that a figure tells what the
//! stage costs and not how well threads were used. Whole programs are measured by
//! `dtrvault-bench`, which `make bench` runs.

mod blobs;
mod data;
mod stages;
mod table;
mod tags;

pub use blobs::{add_blobs, add_equal_blobs};
pub use data::{noise, tar, text, tree};
pub use dtrvault_tests::Words;
pub use stages::measure_stages;
pub use table::{Speed, Table};
pub use tags::{Images, make_tags};
