//! What the hostile tests share: a writer that holds the keys and keeps no rule, a victim that
//! runs every verb on what it has made, and a process of its own with bounded memory for both.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "shared by several test files"
)]

pub mod bounded;
pub mod evening;
pub mod forge;
pub mod victim;
