//! A stream of frames, in pieces.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| procpool::fuzzing::frames(data));
