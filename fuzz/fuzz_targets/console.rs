//! Feeds libFuzzer's inputs to the laws of `vde_fuzz::console`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| vde_fuzz::console::check(data));
