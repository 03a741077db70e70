//! The stage of the end-to-end tests: they drive the built `dtrvault` binary as an operator
//! would, against real registries, clients and servers, and look at nothing but its exit
//! code, its output and the files it leaves.
//!
//! - [`Vault`], [`Run`]: the binary, in an environment that holds nothing of the machine's own.
//! - [`MainJob`]: what an operator does from `init` to a changed password, and must get back.
//! - [`Cloud`]: a repository in S3 or Azure, behind a line that may be bad. [`bad_line`]: the main job over such lines.
//! - [`at_terminal`]: a run that somebody answers to.
//! - [`SmallDisk`]: a disk that is soon full.
//! - [`DockerEngine`]: a real Docker Engine of the tests' own.
//! - [`dtr`]: a DTR on it, as far as one can be had. [`steps`]: what a run asks of both, and an end at any of it.
//! - [`RegistryServer`], [`skopeo`]: a real registry and a real client.
//! - [`OciLayout`]: images to push. [`Storage`]: a registry's storage root without a registry.
//! - [`DtrTables`]: metadata that is true to a storage root.
//! - [`odd_files`], [`odd_tars`], [`dtr_days`]: what operators really have.
//! - [`listing`]: a folder as a value, so that two can be held against each other.
//!
//! `tests/` has one file per story of an operator.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod bad_line;
mod binary;
mod bytes;
pub mod certificates;
mod client;
mod clouds;
pub mod dtr;
pub mod dtr_days;
mod dtr_registry;
pub mod engine;
mod folder;
mod layers;
pub mod listing;
mod main_job;
mod oci;
pub mod odd_files;
pub mod odd_tars;
mod registry_server;
mod run;
pub mod shapes;
mod small_disk;
pub mod steps;
mod storage;
mod terminal;
mod vault;
mod words;

pub use binary::{binary, stand_in};
pub use bytes::{digest_of, flip_byte};
pub use client::skopeo;
pub use clouds::Cloud;
pub use dtr_registry::{DtrTables, id_path};
pub use engine::{DockerEngine, with_engine, with_own_engine};
pub use folder::folder;
pub use layers::{archive_layer, gzip, plain_layer};
pub use main_job::MainJob;
pub use oci::OciLayout;
pub use registry_server::RegistryServer;
pub use run::Run;
pub use small_disk::{SmallDisk, with_disks};
pub use storage::Storage;
pub use terminal::at_terminal;
pub use vault::Vault;
pub use words::Words;
