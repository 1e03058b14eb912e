//! The argument that makes a process a worker.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| procpool::fuzzing::argument(data));
