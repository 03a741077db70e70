//! How fast each stage of a backup is on this machine, on one thread.
//!
//! `cargo bench --profile release -p dtrvault-benches`

use dtrvault_benches::{Table, measure_stages};

fn main() {
    // `cargo test` runs this without the argument; once through is enough then.
    let thorough = std::env::args().any(|argument| argument == "--bench");
    measure_stages(&mut Table::begin(thorough), thorough);
}
