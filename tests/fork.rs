//! The promises of pools, with workers forked from the program: the tests of `spawn`, which are compiled
//! once. Those of `threaded_parent` are left out: they cannot have one thread.

fn main() {
    procpool_testkit::methods::run_tests_of("spawn", "fork", &["threaded_parent"]);
}
