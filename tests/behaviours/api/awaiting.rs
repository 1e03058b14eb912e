//! `.await`, under each executor.

use std::future::IntoFuture;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use procpool::{Error, ProcessPoolExecutor, ShutdownOptions};
use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::task::pid;
use procpool_testkit::{trace, watch};

use super::executors::{Named, block_on, current_thread, multi_thread, under_each};
use crate::behaviours::pools::pool;

// Behaviours: FUT-16.
#[test]
fn awaiting_yields_the_same_as_result() {
    watch::within(watch::HANG, || {
        under_each(
            || pool(2),
            async |executor| {
                assert_eq!(executor.submit(|x: u32| x + 1, 41).await, Ok(42));
                let long = executor.submit(|bytes: Vec<u8>| bytes, vec![7; 100_000]);
                assert_eq!(long.await, Ok(vec![7; 100_000]));
                let error = executor.submit(|_: ()| -> u32 { panic!("no") }, ()).await;
                assert!(matches!(error, Err(Error::Panicked(_))), "{error:?}");
                let settled = executor.submit(|x: u32| x, 1);
                settled.result().unwrap();
                assert_eq!(settled.await, Ok(1));
                executor.kill_workers();
                let error = executor.submit(pid, ()).await;
                assert!(matches!(error, Err(Error::BrokenProcessPool(_))), "{error:?}");
            },
        );
    });
}

// Behaviours: FUT-16.
#[test]
fn a_task_cancelled_or_lost_while_awaited_wakes_its_waiter() {
    watch::within(watch::HANG, || {
        under_each(
            || pool(1),
            async |executor| {
                let crossing = Crossing::new();
                let executor = Arc::new(executor);
                let busy = executor.submit(cross, crossing.places());
                crossing.wait_for(1);
                let (pending, mut awaiting) = (executor.submit(pid, ()), busy.into_future());
                let theirs = Arc::clone(&executor);
                let ending = thread::spawn(move || {
                    theirs.shutdown_with(ShutdownOptions::new().wait(false).cancel_futures(true))
                });
                assert_eq!(pending.await, Err(Error::Cancelled));
                ending.join().unwrap();
                let killing = thread::spawn(move || executor.kill_workers());
                let error = (&mut awaiting).await;
                assert!(matches!(error, Err(Error::BrokenProcessPool(_))), "{error:?}");
                killing.join().unwrap();
            },
        );
    });
}

#[test]
fn many_futures_are_awaited_concurrently() {
    watch::within(watch::HANG, || {
        for make_runtime in [current_thread, multi_thread] {
            let executor = Arc::new(pool(2));
            let runtime = make_runtime();
            runtime.block_on(async {
                let spawn = |x: u32| {
                    let executor = Arc::clone(&executor);
                    runtime.spawn(async move { executor.submit(|x: u32| x, x).await })
                };
                let handles: Vec<_> = (0..500).map(spawn).collect();
                for (handle, x) in handles.into_iter().zip(0..) {
                    assert_eq!(handle.await.unwrap(), Ok(x));
                }
            });
        }
    });
}

fn leave_trace(path: String) {
    trace::append(&path, "ran");
}

/// A pool whose only worker is busy until the crossing releases it.
fn busy_pool(crossing: &Crossing) -> (ProcessPoolExecutor, procpool::Future<u32>) {
    let executor = pool(1);
    let busy = executor.submit(cross, crossing.places());
    crossing.wait_for(1);
    (executor, busy)
}

// Behaviours: CAN-02.
#[test]
fn a_dropped_awaiting_cancels_a_pending_task() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let path = crossing.file("trace");
        let (executor, busy) = busy_pool(&crossing);
        current_thread().block_on(async {
            let pending = executor.submit(leave_trace, path.clone());
            let limit = Duration::from_millis(1);
            tokio::time::timeout(limit, pending).await.expect_err("the worker is busy");
            // One that was never polled counts too.
            drop(executor.submit(leave_trace, path.clone()).into_future());
        });
        crossing.let_go(1);
        busy.result().unwrap();
        drop(executor);
        assert_eq!(trace::read::<String>(Path::new(&path)), []);
    });
}

#[test]
fn a_dropped_awaiting_does_not_stop_a_running_task() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(1);
        current_thread().block_on(async {
            let running = executor.submit(cross, crossing.places());
            crossing.wait_for(1);
            let limit = Duration::from_millis(1);
            tokio::time::timeout(limit, running).await.expect_err("it waits for the test");
        });
        crossing.let_go(1);
        assert!(executor.submit(pid, ()).result().is_ok(), "its worker works on");
    });
}

#[test]
fn the_waker_of_the_last_poll_is_woken_and_no_other() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let (_executor, busy) = busy_pool(&crossing);
        let mut awaiting = busy.into_future();
        let (sender, receiver) = channel();
        for name in ["first", "second"] {
            let waker = Waker::from(Arc::new(Named(name, sender.clone())));
            let polled = pin!(&mut awaiting).poll(&mut Context::from_waker(&waker));
            assert!(polled.is_pending());
        }
        drop(sender);
        crossing.let_go(1);
        // Both wakers have been dropped when one of them has been woken.
        assert_eq!(receiver.iter().collect::<Vec<_>>(), ["second"]);
        let polled = pin!(&mut awaiting).poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(polled, Poll::Ready(Ok(_))));
    });
}

struct Panicking(Sender<()>);

impl Wake for Panicking {
    fn wake(self: Arc<Self>) {
        self.0.send(()).expect("the test waits");
        panic!("this waker panics");
    }
}

#[test]
fn a_waker_that_panics_affects_nothing_else() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let (executor, busy) = busy_pool(&crossing);
        let mut awaiting = busy.into_future();
        let (sender, receiver) = channel();
        let waker = Waker::from(Arc::new(Panicking(sender)));
        assert!(pin!(&mut awaiting).poll(&mut Context::from_waker(&waker)).is_pending());
        drop(waker);
        crossing.let_go(1);
        receiver.recv().expect("it is woken");
        let worker = block_on(awaiting);
        // Only the manager, which woke it, reads these results.
        for _ in 0..2 {
            let next = executor.submit(pid, ()).into_future();
            assert_eq!(block_on(next), worker, "the pool works on");
        }
    });
}
