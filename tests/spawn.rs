//! The promises of pools, with workers that are this program, started again; and with those of another
//! start method, if the programs `fork` and `forkserver` run these tests.
//!
//! With forked workers each case runs in a copy of this program, which has one thread, because a program
//! with more threads is not forked. A second pool beside the first, whose manager is a thread, has spawned
//! workers.

mod behaviours;
mod threaded_parent;

use behaviours::{builder, builder_beside_another};
use procpool_testkit::methods::of_tests as start_method;

procpool_testkit::run_by_start_method!();
