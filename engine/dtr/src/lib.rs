//! A DTR (today Mirantis Secure Registry 2.x) through the Docker Engine: found, backed up,
//! destroyed and restored by the commands of its own image, as an operator would run them.
//!
//! * [`discover()`] says what is there: replicas, their health, versions, storage;
//! * [`backup`] and [`restore`] say which commands of DTR's image do what; a [`Command`] runs them;
//! * [`volume`] reads and fills volumes through the engine;
//! * [`freeze`] keeps a registry read-only for a while;
//! * [`kept`] holds what is to be known after a run that has died;
//! * [`sweep`] removes what a killed run left.
//!
//! Nothing here knows a repository, a terminal or an environment. Calls block; none may be made
//! from within the runtime that they are given.

pub mod backup;
mod cluster;
mod command;
mod container;
mod discover;
mod engine;
mod error;
pub mod flags;
pub mod freeze;
mod https;
mod image;
pub mod kept;
mod leftovers;
mod log;
mod names;
mod pin;
mod remains;
pub mod restore;
mod running;
mod secret;
mod source;
mod ucp;
mod version;
pub mod volume;

pub use cluster::{Cluster, Part, Replica, Storage};
pub use command::{Command, Surroundings};
pub use discover::{cluster_id, discover};
pub use engine::{DEFAULT_HOST, Engine, EngineAddress, Stop};
pub use error::{DtrError, Result};
pub use image::ImageFacts;
pub use leftovers::{Owner, sweep};
pub use log::{Listener, Log};
pub use names::{NoReplicaId, PARTS, ReplicaId};
pub use pin::Pins;
pub use remains::Remains;
pub use secret::{Masks, Secret};
pub use source::VolumeSource;
pub use ucp::{Authority, Ucp};
pub use version::{NoVersion, Version};
