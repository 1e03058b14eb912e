//! What is promised of pools, of those whose workers are this program, started again.

mod behaviours;
mod threaded_parent;

use behaviours::{builder, builder_beside_another};

procpool::init_tests!();

/// How the workers of these tests' pools are started.
const START_METHOD: &str = "spawn";
