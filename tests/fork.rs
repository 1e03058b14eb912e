//! What is promised of pools, of those whose workers are forked from this program.
//!
//! Each case runs in a copy of this program, which has one thread, because a program with more is not forked. A
//! second pool beside the first, whose manager is a thread, has spawned workers. The tests of `threaded_parent` are not
//! here: they cannot have one thread.

mod behaviours;

use behaviours::{builder, builder_beside_another};

procpool_testkit::run_in_copies!();

/// How the workers of these tests' pools are started.
const START_METHOD: &str = "fork";
