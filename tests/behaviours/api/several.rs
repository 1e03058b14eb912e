//! Several pools at once: each keeps to its own workers, initializers and results.

use std::convert::Infallible;

use procpool::{Builder, ProcessPoolExecutor};
use procpool_testkit::watch;

/// The state of a pool's workers: the pool's number.
fn number(number: u32) -> Result<u32, Infallible> {
    Ok(number)
}

fn numbered_pool(builder: Builder, own: u32) -> ProcessPoolExecutor<u32> {
    builder.max_workers(2).initializer_with_args(number, own).build().unwrap()
}

/// A result with the number of its pool.
fn answer(own: &mut u32, x: u32) -> (u32, u32) {
    (*own, x)
}

// Behaviours: SUB-18.
#[test]
fn pools_do_not_mix_their_results() {
    watch::within(watch::HANG, || {
        let mut pools = vec![numbered_pool(crate::builder(), 0)];
        pools.extend((1..4).map(|own| numbered_pool(crate::builder_beside_another(), own)));
        // In turns, so that all run at the same time.
        let futures: Vec<_> = (0..100)
            .flat_map(|x| pools.iter().map(move |pool| pool.submit_with(answer, x)))
            .collect();
        for (index, future) in (0..).zip(&futures) {
            assert_eq!(future.result(), Ok((index % 4, index / 4)));
        }
    });
}
