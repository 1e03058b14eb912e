//! The promises of pools, with workers forked from this program.
//!
//! Each case runs in a copy of this program, which has one thread, because a program with more threads is
//! not forked. A second pool beside the first, whose manager is a thread, has spawned workers. The tests of
//! `threaded_parent` are not here: they cannot have one thread.

mod behaviours;

use behaviours::{builder, builder_beside_another};

procpool_testkit::run_in_copies!();

/// The start method of these tests' pools.
const START_METHOD: &str = "fork";
