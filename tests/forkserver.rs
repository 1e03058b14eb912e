//! What is promised of pools, of those whose workers are forked from a server.

mod behaviours;
mod threaded_parent;

use behaviours::{builder, builder_beside_another};

procpool::init_tests!();

/// How the workers of these tests' pools are started.
const START_METHOD: &str = "forkserver";
