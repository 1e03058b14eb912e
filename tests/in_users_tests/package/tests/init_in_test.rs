//! A test that calls `init()` itself: its workers run the harness and never reach it.

use procpool::ProcessPoolExecutor;

#[test]
fn the_workers_end_names_the_macro() {
    procpool::init();
    let executor = ProcessPoolExecutor::builder().max_workers(1).build().unwrap();
    let error = executor.submit(|x: u32| x + 1, 1).error().unwrap().to_string();
    assert!(error.contains("a test program needs procpool::init_tests!() instead"), "{error}");
}
