//! Any bytes to the target `gzip_join` of `dtrvault_format_spec::hostile`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dtrvault_format_spec::hostile::run("gzip_join", bytes));
