//! Feeds libFuzzer's inputs to the laws of `vde_fuzz::sim`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| vde_fuzz::sim::check(data));
