//! Feeds libFuzzer's inputs to the laws of `vde_fuzz::argv`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| vde_fuzz::argv::check(data));
