//! The promises of pools, with workers forked from a forkserver.

mod behaviours;
mod threaded_parent;

use behaviours::{builder, builder_beside_another};

procpool::init_tests!();

/// The start method of these tests' pools.
const START_METHOD: &str = "forkserver";
