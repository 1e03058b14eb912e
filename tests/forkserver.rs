//! The promises of pools, with workers forked from a forkserver: the tests of `spawn`, which are compiled
//! once.

fn main() {
    procpool_testkit::methods::run_tests_of("spawn", "forkserver", &[]);
}
