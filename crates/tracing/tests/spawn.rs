//! Records of workers that are this program, started again.

mod behaviours;
mod support;

procpool::init_tests!();

/// The start method of these tests' pools.
const START_METHOD: &str = "spawn";
