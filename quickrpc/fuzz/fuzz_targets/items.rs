#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| quickrpc_fuzz::items(data));
