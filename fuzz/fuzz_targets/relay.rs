//! Feeds libFuzzer's inputs to the laws of `vde_fuzz::relay`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| vde_fuzz::relay::check(data));
