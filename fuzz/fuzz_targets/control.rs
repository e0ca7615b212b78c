//! Feeds libFuzzer's inputs to the laws of `vde_fuzz::control`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| vde_fuzz::control::check(data));
