//! Object stores by URL: opaque names and bytes, nothing about backups.
//!
//! [`open`] gives a [`Store`] for a path, `file://`, `s3://bucket/prefix`, `gs://bucket/prefix`,
//! `az://container/prefix` or `memory://`. All of them keep one contract, which [`Store`] states
//! and the `conformance` feature checks:
//!
//! * what [`Store::put`] or [`Upload::finish`] has acknowledged is whole, visible and durable;
//! * nothing else ever becomes visible under a key, whatever fails in between;
//! * [`Store::put_new`] is exclusive between processes and between hosts;
//! * an absent object, an absent store and a broken store are three different errors.
//!
//! Every store from [`open`] stands behind [`Limited`], which bounds the requests in flight.

mod cloud;
mod error;
mod key;
mod limit;
mod local;
mod options;
mod store;
mod url;

#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(feature = "fault")]
pub mod fault;
#[cfg(feature = "testing")]
pub mod testing;

pub use error::{Cause, Result, StoreError};
pub use key::{MAX_KEY_BYTES, MAX_KEY_PART_BYTES};
pub use limit::Limited;
pub use local::Local;
pub use options::StoreOptions;
pub use store::{ObjectInfo, Store, Upload};
pub use url::open;
