//! Pools that several threads create concurrently.

use std::convert::Infallible;
use std::sync::Barrier;
use std::thread;

use procpool::ProcessPoolExecutor;
use procpool_testkit::watch;

/// A pool whose workers' state is the pool's number.
fn pool_of(own: u32) -> ProcessPoolExecutor<u32> {
    fn number(number: u32) -> Result<u32, Infallible> {
        Ok(number)
    }
    crate::builder().max_workers(2).initializer_with_args(number, own).build().unwrap()
}

/// A result with the number of its pool.
fn answer(own: &mut u32, x: u32) -> (u32, u32) {
    (*own, x)
}

// Behaviours: INIT-12.
#[test]
fn threads_create_pools_with_initializers_concurrently() {
    watch::within(watch::HANG, || {
        let together = Barrier::new(5);
        thread::scope(|scope| {
            for thread in 0..5 {
                let together = &together;
                scope.spawn(move || {
                    together.wait();
                    for round in 0..5 {
                        let own = 10 * thread + round;
                        let results = pool_of(own).map_with(answer, 0..20);
                        assert!(results.map(Result::unwrap).eq((0..20).map(|x| (own, x))));
                    }
                });
            }
        });
    });
}
