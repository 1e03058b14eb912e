//! The parent's end of a link to a worker that writes anything anywhere.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| procpool::fuzzing::link(data));
