//! Records of workers forked from a forkserver.

mod behaviours;
mod support;

procpool::init_tests!();

/// The start method of these tests' pools.
const START_METHOD: &str = "forkserver";
