//! A worker's report of a task or an initializer that failed.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| procpool::fuzzing::failures(data));
