//! A stand-in for DTR's own image, stricter than that: what is not known to be right is refused.
//!
//! - [`flags`]: which version has which command, flag and variable. [`arguments`]: a command line held against them.
//! - [`client`]: a command as it runs in its container: everything it does is done by the cluster at `--ucp-url`.
//! - [`frames`], [`http`]: what the two speak. The cluster's end is in the tests' own crate.
//! - [`part`]: the containers of a replica. [`settings`]: the web server among them.
//!
//! `README.md` tells how tests use it.

pub mod arguments;
pub mod client;
pub mod flags;
pub mod frames;
pub mod http;
pub mod log;
pub mod part;
pub mod settings;
mod version;

pub use version::Version;

/// Why something is refused, as one line for a person.
pub type Refusal = String;
