//! The head of one frame: Hello and everything else.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| procpool::fuzzing::heads(data));
