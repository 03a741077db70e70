//! Any bytes to the target `metadata_rows` of `dtrvault_format_spec::hostile`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dtrvault_format_spec::hostile::run("metadata_rows", bytes));
