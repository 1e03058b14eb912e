//! How workers live and end, again, of pools whose workers are forked from a server.
//!
//! These are the tests of `policies`.

include!("../policies_under_fork/modules.rs");

procpool::init_tests!();

/// How the workers of these tests' pools are started.
const START_METHOD: &str = "forkserver";

/// How these tests start to make a pool.
fn start() -> procpool::Builder {
    procpool_testkit::start::builder(START_METHOD)
}
