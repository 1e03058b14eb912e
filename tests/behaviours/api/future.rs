//! A task from pending to its result.

use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use procpool::{Error, Future};
use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::gate;
use procpool_testkit::task::pid;
use procpool_testkit::watch;

use crate::behaviours::pools::pool;

/// The state of a future: (running, done, cancelled).
fn status<T>(future: &Future<T>) -> (bool, bool, bool) {
    (future.running(), future.done(), future.cancelled())
}

// Behaviours: FUT-04.
#[test]
fn a_task_is_pending_then_running_then_done() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(1);
        let first = executor.submit(cross, crossing.places());
        let second = executor.submit(cross, crossing.places());
        crossing.wait_for(1);
        assert_eq!(status(&first), (true, false, false));
        assert_eq!(status(&second), (false, false, false), "there is no worker for it");
        assert!(format!("{second:?}").contains("pending"), "{second:?}");
        crossing.let_go(1);
        // The worker may have the second task a moment before the first one's future has settled.
        first.result().unwrap();
        crossing.wait_for(1);
        assert_eq!(status(&first), (false, true, false));
        assert_eq!(status(&second), (true, false, false));
        crossing.let_go(1);
        second.result().unwrap();
        assert_eq!(status(&second), (false, true, false));
        assert_eq!((first.error(), second.error()), (None, None));
    });
}

// Behaviours: FUT-01.
#[test]
fn a_result_may_be_read_again() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let future = executor.submit(|x: u32| vec![x; 3], 5);
        assert_eq!(future.result().unwrap(), [5, 5, 5]);
        assert_eq!(future.result_timeout(Duration::ZERO).unwrap(), [5, 5, 5]);
        drop(executor);
        assert_eq!(future.result().unwrap(), [5, 5, 5], "also after the pool was dropped");
    });
}

// Behaviours: FUT-01.
#[test]
fn an_error_may_be_read_again() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let future = executor.submit(|_: ()| -> () { panic!("no") }, ());
        let error = future.result().unwrap_err();
        assert_eq!(future.result().unwrap_err(), error);
        assert_eq!(future.error(), Some(error));
        assert_eq!(status(&future), (false, true, false));
    });
}

// Behaviours: SUB-25.
#[test]
fn results_can_be_read_in_any_order() {
    watch::within(watch::HANG, || {
        let executor = pool(2);
        let futures: Vec<_> = (0..100_u32).map(|x| executor.submit(|x| x + 1, x)).collect();
        for x in (0..100).rev().step_by(2).chain((0..100).step_by(2)) {
            assert_eq!(futures[x as usize].result(), Ok(x + 1));
        }
    });
}

#[test]
fn a_later_task_may_finish_first() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(2);
        let first = executor.submit(cross, crossing.places());
        crossing.wait_for(1);
        executor.submit(pid, ()).result().unwrap();
        assert!(first.running());
        crossing.let_go(1);
        first.result().unwrap();
    });
}

// Behaviours: FUT-01, TMO-01, TMO-08.
#[test]
fn result_timeout_returns_and_the_task_continues() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(1);
        let running = executor.submit(cross, crossing.places());
        let pending = executor.submit(pid, ());
        crossing.wait_for(1);
        for limit in [Duration::ZERO, Duration::from_millis(30)] {
            let (asked, error) = (Instant::now(), Error::TimedOut(limit));
            assert_eq!(running.result_timeout(limit), Err(error.clone()));
            assert_eq!(pending.result_timeout(limit), Err(error));
            assert!(asked.elapsed() >= 2 * limit, "it gave up too soon");
        }
        assert_eq!(status(&running), (true, false, false), "nothing has changed");
        crossing.let_go(1);
        let worker = running.result_timeout(watch::HANG).unwrap();
        assert_eq!(pending.result_timeout(Duration::MAX), Ok(worker));
    });
}

#[test]
fn the_text_of_a_timeout_states_its_effect() {
    let text = Error::TimedOut(Duration::from_millis(250)).to_string();
    assert_eq!(text, "no result within 250ms; running tasks continue");
}

// Behaviours: FUT-02.
#[test]
fn many_threads_may_wait_for_one_result() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(1);
        let future = executor.submit(cross, crossing.places());
        crossing.wait_for(1);
        let (sender, receiver) = channel();
        thread::scope(|scope| {
            for _ in 0..8 {
                let (sender, future) = (sender.clone(), &future);
                scope.spawn(move || {
                    sender.send(None).expect("the receiver waits");
                    sender.send(Some(future.result())).expect("the receiver waits");
                });
            }
            assert!(receiver.iter().take(8).all(|message| message.is_none()), "all have started");
            crossing.let_go(1);
            let results: Vec<_> = receiver.iter().take(8).flatten().collect();
            assert_eq!(results, vec![future.result(); 8]);
        });
    });
}

#[test]
fn dropping_a_future_does_not_cancel_its_task() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(1);
        let busy = executor.submit(cross, crossing.places());
        crossing.wait_for(1);
        let (arrived, _) = crossing.places();
        drop(executor.submit(|path: String| gate::give(&path), arrived));
        crossing.let_go(1);
        crossing.wait_for(1);
        busy.result().unwrap();
    });
}

// Behaviours: FUT-11.
#[test]
fn threads_that_read_a_settled_future_agree() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let value = executor.submit(|x: u32| x, 7);
        let error = executor.submit(|_: ()| -> u32 { panic!("no") }, ());
        let expected = [&value, &error].map(|future| (future.result(), status(future)));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        let seen = [&value, &error].map(|future| (future.result(), status(future)));
                        assert_eq!(seen, expected);
                    }
                });
            }
        });
    });
}
