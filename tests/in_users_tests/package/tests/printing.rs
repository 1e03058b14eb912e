//! Tasks that print: their lines are the only ones that workers add to the output of this test.

use procpool::ProcessPoolExecutor;

procpool::init_tests!();

fn greet() {
    println!("initializer");
}

fn print(x: u32) {
    println!("task {x}");
}

#[test]
fn tasks_print() {
    let executor =
        ProcessPoolExecutor::builder().max_workers(1).initializer(greet).build().unwrap();
    for result in executor.map(print, 0..3) {
        result.unwrap();
    }
}
