//! The result of a chunk, as a map reads it.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| procpool::fuzzing::chunks(data));
