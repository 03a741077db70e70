//! Any bytes to the target `layer_split` of `dtrvault_format_spec::hostile`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dtrvault_format_spec::hostile::run("layer_split", bytes));
