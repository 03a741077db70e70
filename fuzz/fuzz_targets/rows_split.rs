//! Any bytes to the target `rows_split` of `dtrvault_format_spec::hostile`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dtrvault_format_spec::hostile::run("rows_split", bytes));
