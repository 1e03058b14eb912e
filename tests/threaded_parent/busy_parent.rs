//! A parent whose threads hold locks of the C library at any moment: workers start in spite of that,
//! because they are not copies of it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use procpool_testkit::watch;

/// The number of threads that hold locks, and of pools that are made at the same time.
const THREADS: usize = 8;
const POOLS: u32 = 50;

/// Takes locks that a worker takes too: of the allocator, the environment and this program's own data.
fn lock_everything(own: &Mutex<Vec<u8>>) {
    for length in [1, 100, 10_000, 1_000_000] {
        let mut kept = own.lock().expect("nobody panics with it");
        *kept = vec![1; length];
        let _ = std::env::var("NO_SUCH_VARIABLE");
    }
}

// Behaviours: FORK-02.
#[test]
fn workers_start_while_threads_of_the_parent_hold_locks() {
    static OWN: Mutex<Vec<u8>> = Mutex::new(Vec::new());
    /// Needs each of those locks.
    fn lock_all_once(x: u32) -> u32 {
        lock_everything(&OWN);
        x + 1
    }
    watch::within(watch::HANG, || {
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    while !over.load(Ordering::Relaxed) {
                        lock_everything(&OWN);
                    }
                });
            }
            let results: Vec<_> = (0..POOLS)
                .map(|round| {
                    let builder = crate::builder().max_workers(1);
                    builder.build().unwrap().submit(lock_all_once, round).result()
                })
                .collect();
            // Before any failure, or the threads would never end.
            over.store(true, Ordering::Relaxed);
            assert!(results.into_iter().eq((0..POOLS).map(|round| Ok(round + 1))));
        });
    });
}
