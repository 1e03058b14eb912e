//! Several pools at once: each keeps to its own workers, initializers and results.

use std::convert::Infallible;
use std::sync::Barrier;
use std::thread;

use procpool::ProcessPoolExecutor;
use procpool_testkit::watch;

/// The state of a pool's workers: the pool's own number.
fn number(number: u32) -> Result<u32, Infallible> {
    Ok(number)
}

fn numbered_pool(own: u32) -> ProcessPoolExecutor<u32> {
    let builder = crate::builder().max_workers(2);
    builder.initargs(own).initializer(number).build().unwrap()
}

/// A result that tells whose it is.
fn answer(own: &mut u32, x: u32) -> (u32, u32) {
    (*own, x)
}

// Behaviours: SUB-18.
#[test]
fn pools_do_not_mix_their_results() {
    watch::within(watch::HANG, || {
        let pools: Vec<_> = (0..4).map(numbered_pool).collect();
        // In turns, so that all are under way together.
        let futures: Vec<_> = (0..100)
            .flat_map(|x| pools.iter().map(move |pool| pool.submit_with(answer, x)))
            .collect();
        for (index, future) in (0..).zip(&futures) {
            assert_eq!(future.result(), Ok((index % 4, index / 4)));
        }
    });
}

// Behaviours: INIT-12.
#[test]
fn threads_make_pools_with_initializers_at_once() {
    watch::within(watch::HANG, || {
        let together = Barrier::new(5);
        thread::scope(|scope| {
            for thread in 0..5 {
                let together = &together;
                scope.spawn(move || {
                    together.wait();
                    for round in 0..5 {
                        let own = 10 * thread + round;
                        let results = numbered_pool(own).map_with(answer, 0..20);
                        assert!(results.map(Result::unwrap).eq((0..20).map(|x| (own, x))));
                    }
                });
            }
        });
    });
}
