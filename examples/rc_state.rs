//! State that cannot be sent: two parts that share one cache by `Rc`.
//!
//! Prints the squares of 3, 4 and 3 again, and the number of those that were
//! computed, which is 2.

// ANCHOR: main
use std::cell::RefCell;
use std::collections::HashMap;
use std::convert::Infallible;
use std::rc::Rc;

use procpool::ProcessPoolExecutor;

type Cache = Rc<RefCell<HashMap<u64, u64>>>;

/// Two owners of one cache. No message can carry that.
struct Worker {
    cache: Cache,
    square: Box<dyn Fn(u64) -> u64>,
}

fn initializer() -> Result<Worker, Infallible> {
    let cache = Cache::default();
    let shared = Rc::clone(&cache);
    let square = move |number| {
        let mut cache = shared.borrow_mut();
        *cache.entry(number).or_insert_with(|| number * number)
    };
    Ok(Worker { cache, square: Box::new(square) })
}

fn square(worker: &mut Worker, number: u64) -> u64 {
    (worker.square)(number)
}

fn computed(worker: &mut Worker, (): ()) -> usize {
    worker.cache.borrow().len()
}

fn main() -> Result<(), procpool::Error> {
    procpool::init();
    let executor = ProcessPoolExecutor::builder()
        .max_workers(1)
        .initializer(initializer)
        .build()?;
    for result in executor.map_with(square, [3, 4, 3]) {
        println!("{}", result?);
    }
    let computed = executor.submit_with(computed, ()).result()?;
    println!("computed: {computed}");
    Ok(())
}
// ANCHOR_END: main
