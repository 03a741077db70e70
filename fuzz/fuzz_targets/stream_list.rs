//! Any bytes to the target `stream_list` of `dtrvault_format_spec::hostile`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dtrvault_format_spec::hostile::run("stream_list", bytes));
