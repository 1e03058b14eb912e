//! A task that closes every descriptor of its worker, including the link's.

use procpool::{DeathPolicy, Error};
use procpool_testkit::pool::assert_works;
use procpool_testkit::task::pid;
use procpool_testkit::{os, watch};

/// Closes descriptors that it has not opened, and returns.
fn close_all(_: ()) -> u32 {
    for (number, _) in os::descriptors_of(std::process::id()) {
        if number > 2 {
            let _ = nix::unistd::close(number);
        }
    }
    std::process::id()
}

#[test]
fn a_task_that_closes_every_descriptor_loses_no_other_task() {
    watch::within(watch::HANG, || {
        for workers in [1, 2] {
            let policy = DeathPolicy::Replace { retries: 0 };
            let executor =
                crate::builder().max_workers(workers).death_policy(policy).build().unwrap();
            // So short that the next ones are sent together.
            (0..50).for_each(|_| drop(executor.submit(pid, ()).result()));
            let closes = executor.submit(close_all, ());
            let others: Vec<_> = (0..20).map(|_| executor.submit(pid, ())).collect();
            // Its own result may or may not arrive: it was passed by memory, and no notice was sent.
            let closed = closes.result();
            assert!(matches!(closed, Ok(_) | Err(Error::Protocol { .. })), "{closed:?}");
            let lost: Vec<_> = others.iter().filter_map(|other| other.error()).collect();
            // A task that the worker had begun in between is lost with it.
            assert!(lost.len() <= 1, "{lost:?}");
            assert_works(&executor);
        }
    });
}
