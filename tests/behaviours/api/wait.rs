//! Waiting for many futures.

use std::collections::BTreeSet;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use procpool::{DoneAndNotDone, Error, Future, ProcessPoolExecutor, ReturnWhen, ShutdownOptions};
use procpool::{as_completed, wait};
use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::task::pid;
use procpool_testkit::watch;

use crate::behaviours::pools::{pool, pool_beside_another};

const WAYS: [ReturnWhen; 3] =
    [ReturnWhen::FirstCompleted, ReturnWhen::FirstException, ReturnWhen::AllCompleted];

/// How long to wait for a result that does not arrive.
const BRIEFLY: Duration = Duration::from_millis(30);

fn fail(_: ()) -> u32 {
    panic!("no")
}

/// The futures that are done and those that are not, by their positions in `futures`.
fn places(futures: &[&Future<u32>], waited: &DoneAndNotDone<'_, u32>) -> (Vec<usize>, Vec<usize>) {
    let place = |future: &&Future<u32>| {
        futures.iter().position(|theirs| std::ptr::eq(*theirs, *future)).expect("it was given")
    };
    (waited.done.iter().map(place).collect(), waited.not_done.iter().map(place).collect())
}

/// A pool with two tasks that run until the test releases them, each at a crossing of its own.
struct Running {
    executor: ProcessPoolExecutor,
    crossings: [Crossing; 2],
    futures: [Future<u32>; 2],
}

impl Running {
    fn new() -> Self {
        let executor = pool(3);
        let crossings = [Crossing::new(), Crossing::new()];
        let futures =
            crossings.each_ref().map(|crossing| executor.submit(cross, crossing.places()));
        crossings.iter().for_each(|crossing| crossing.wait_for(1));
        Self { executor, crossings, futures }
    }

    fn finished(&self) -> Future<u32> {
        let future = self.executor.submit(pid, ());
        future.result().unwrap();
        future
    }

    fn failed(&self) -> Future<u32> {
        let future = self.executor.submit(fail, ());
        assert!(future.error().is_some());
        future
    }

    /// A task behind those of every worker, cancelled.
    fn cancelled(&self) -> Future<u32> {
        let crossing = Crossing::new();
        let busy = self.executor.submit(cross, crossing.places());
        crossing.wait_for(1);
        let future = self.executor.submit(pid, ());
        assert!(future.cancel());
        crossing.let_go(1);
        busy.result().unwrap();
        future
    }
}

// Behaviours: WAIT-01, WAIT-11.
#[test]
fn a_future_passed_twice_counts_once() {
    watch::within(watch::HANG, || {
        let running = Running::new();
        let (finished, pending) = (running.finished(), &running.futures[0]);
        let futures = [&finished, pending, &finished, pending];
        let waited = wait(futures, ReturnWhen::AllCompleted, Some(Duration::ZERO));
        assert_eq!(places(&futures, &waited), (vec![0], vec![1]));
        running.crossings[0].let_go(1);
        assert_eq!(as_completed(std::iter::repeat_n(pending, 3)).count(), 1);
        let waited = wait(futures, ReturnWhen::AllCompleted, None);
        assert_eq!(places(&futures, &waited), (vec![0, 1], vec![]));
        running.crossings[1].let_go(1);
    });
}

#[test]
fn waiting_for_no_future_returns_at_once() {
    for way in WAYS {
        let none: [&Future<u32>; 0] = [];
        let waited = wait(none, way, None);
        assert!(waited.done.is_empty() && waited.not_done.is_empty());
        assert_eq!(as_completed(none).count(), 0);
        assert_eq!(as_completed(none).timeout(Duration::ZERO).count(), 0);
    }
}

// Behaviours: WAIT-02.
#[test]
fn the_first_completed_future_ends_the_wait() {
    watch::within(watch::HANG, || {
        let running = Running::new();
        let futures = running.futures.each_ref();
        let waited = wait(futures, ReturnWhen::FirstCompleted, Some(BRIEFLY));
        assert_eq!(places(&futures, &waited), (vec![], vec![0, 1]), "none is done");
        running.crossings[1].let_go(1);
        let waited = wait(futures, ReturnWhen::FirstCompleted, None);
        assert_eq!(places(&futures, &waited), (vec![1], vec![0]));
        running.crossings[0].let_go(1);
    });
}

// Behaviours: WAIT-03.
#[test]
fn a_settled_future_ends_a_wait_for_the_first_at_once() {
    watch::within(watch::HANG, || {
        let running = Running::new();
        let (finished, cancelled) = (running.finished(), running.cancelled());
        let futures = [&running.futures[0], &cancelled, &running.futures[1], &finished];
        let waited = wait(futures, ReturnWhen::FirstCompleted, None);
        assert_eq!(places(&futures, &waited), (vec![1, 3], vec![0, 2]));
        running.crossings.iter().for_each(|crossing| crossing.let_go(1));
    });
}

// Behaviours: WAIT-04, WAIT-05.
#[test]
fn only_a_failure_ends_a_wait_for_the_first_exception() {
    watch::within(watch::HANG, || {
        let running = Running::new();
        let (finished, cancelled) = (running.finished(), running.cancelled());
        let futures = [&finished, &cancelled, &running.futures[0], &running.futures[1]];
        let waited = wait(futures, ReturnWhen::FirstException, Some(BRIEFLY));
        assert_eq!(places(&futures, &waited), (vec![0, 1], vec![2, 3]), "none has failed");
        // The free worker runs it.
        let failing = running.executor.submit(fail, ());
        let futures = [&finished, &cancelled, &running.futures[0], &failing];
        let waited = wait(futures, ReturnWhen::FirstException, None);
        assert_eq!(places(&futures, &waited), (vec![0, 1, 3], vec![2]));
        running.crossings.iter().for_each(|crossing| crossing.let_go(1));
        let futures = [&finished, &cancelled, &running.futures[0], &running.futures[1]];
        let waited = wait(futures, ReturnWhen::FirstException, None);
        assert_eq!(places(&futures, &waited), (vec![0, 1, 2, 3], vec![]), "none will fail");
    });
}

// Behaviours: WAIT-06.
#[test]
fn an_earlier_failure_ends_a_wait_for_the_first_exception_at_once() {
    watch::within(watch::HANG, || {
        let running = Running::new();
        let (finished, failed) = (running.finished(), running.failed());
        let futures = [&running.futures[0], &finished, &failed];
        let waited = wait(futures, ReturnWhen::FirstException, None);
        assert_eq!(places(&futures, &waited), (vec![1, 2], vec![0]));
        running.crossings.iter().for_each(|crossing| crossing.let_go(1));
    });
}

// Behaviours: WAIT-07.
#[test]
fn all_completed_includes_results_errors_and_cancellations() {
    watch::within(watch::HANG, || {
        let running = Running::new();
        let (failed, cancelled) = (running.failed(), running.cancelled());
        let futures = [&running.futures[0], &failed, &cancelled, &running.futures[1]];
        thread::scope(|scope| {
            let waiting = scope.spawn(|| wait(futures, ReturnWhen::AllCompleted, None));
            running.crossings[0].let_go(1);
            running.futures[0].result().unwrap();
            assert!(!waiting.is_finished(), "one task still runs");
            running.crossings[1].let_go(1);
            let waited = waiting.join().unwrap();
            assert_eq!(places(&futures, &waited), (vec![0, 1, 2, 3], vec![]));
        });
    });
}

// Behaviours: WAIT-08.
#[test]
fn a_timeout_ends_the_wait_with_the_settled_futures() {
    watch::within(watch::HANG, || {
        let running = Running::new();
        let finished = running.finished();
        let futures = [&finished, &running.futures[0]];
        for limit in [Duration::ZERO, BRIEFLY] {
            let started = Instant::now();
            let waited = wait(futures, ReturnWhen::AllCompleted, Some(limit));
            assert!(started.elapsed() >= limit, "it gave up too soon");
            assert_eq!(places(&futures, &waited), (vec![0], vec![1]));
        }
        running.crossings.iter().for_each(|crossing| crossing.let_go(1));
        let waited = wait(futures, ReturnWhen::AllCompleted, Some(Duration::MAX));
        assert_eq!(places(&futures, &waited), (vec![0, 1], vec![]));
    });
}

// Behaviours: WAIT-09.
#[test]
fn as_completed_yields_each_future_once_as_it_settles() {
    watch::within(watch::HANG, || {
        let running = Running::new();
        let finished = running.finished();
        let [first, second] = &running.futures;
        let mut completed = as_completed([first, second, &finished]);
        assert_eq!(completed.len(), 3);
        let mut next = || completed.next().map(std::ptr::from_ref);
        assert_eq!(next(), Some(&raw const finished));
        running.crossings[1].let_go(1);
        assert_eq!(next(), Some(&raw const *second));
        running.crossings[0].let_go(1);
        assert_eq!([next(), next(), next()], [Some(&raw const *first), None, None]);
    });
}

// Behaviours: WAIT-10.
#[test]
fn as_completed_yields_settled_futures_then_one_timeout() {
    watch::within(watch::HANG, || {
        for limit in [Duration::ZERO, BRIEFLY] {
            let running = Running::new();
            let (finished, failed) = (running.finished(), running.failed());
            let futures = [&running.futures[0], &finished, &running.futures[1], &failed];
            let started = Instant::now();
            let mut completed = as_completed(futures).timeout(limit);
            assert!(completed.next().is_some_and(|next| std::ptr::eq(next.unwrap(), &finished)));
            assert!(completed.next().is_some_and(|next| std::ptr::eq(next.unwrap(), &failed)));
            assert_eq!(completed.next().map(Result::unwrap_err), Some(Error::TimedOut(limit)));
            assert!(started.elapsed() >= limit, "it gave up too soon");
            running.crossings.iter().for_each(|crossing| crossing.let_go(1));
            running.futures.iter().for_each(|future| drop(future.result()));
            assert!(completed.next().is_none(), "it is over");
        }
    });
}

// Behaviours: WAIT-13.
#[test]
fn futures_cancelled_by_a_shutdown_are_done() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(1);
        let busy = executor.submit(cross, crossing.places());
        crossing.wait_for(1);
        let pending: Vec<_> = (0..50).map(|_| executor.submit(pid, ())).collect();
        thread::scope(|scope| {
            let (sender, receiver) = channel();
            let pending = &pending;
            for way in WAYS {
                let sender = sender.clone();
                scope.spawn(move || {
                    let waited = wait(pending, way, None);
                    sender.send(waited.done.len()).expect("the receiver waits");
                });
            }
            scope.spawn(move || {
                let completed = as_completed(pending);
                let cancelled = completed.filter(|future| future.cancelled()).count();
                sender.send(cancelled).expect("the receiver waits");
            });
            executor.shutdown_with(ShutdownOptions::new().wait(false).cancel_futures(true));
            let mut seen: Vec<usize> = receiver.iter().collect();
            seen.sort_unstable();
            // A wait for the first may see any number of them.
            assert!(seen.len() == 4 && seen[0] >= 1 && seen[1..] == [50, 50, 50], "{seen:?}");
        });
        crossing.let_go(1);
        assert!(busy.result().is_ok());
    });
}

// Behaviours: WAIT-14.
#[test]
fn a_result_that_arrives_as_a_wait_begins_is_not_lost() {
    watch::within(watch::HANG, || {
        let executor = pool(2);
        for round in 0..200 {
            let futures: Vec<_> = (0..100_u32).map(|x| executor.submit(|x| x, x)).collect();
            if round % 2 == 0 {
                let waited = wait(&futures, ReturnWhen::AllCompleted, None);
                assert_eq!((waited.done.len(), waited.not_done.len()), (100, 0));
            } else {
                let seen = as_completed(&futures).map(|future| future.result().unwrap());
                assert!(seen.collect::<BTreeSet<u32>>().into_iter().eq(0..100));
            }
        }
    });
}

// Behaviours: WAIT-15.
#[test]
fn a_pool_that_breaks_wakes_every_waiter() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(1);
        let busy = executor.submit(cross, crossing.places());
        crossing.wait_for(1);
        let pending: Vec<_> = (0..1000).map(|_| executor.submit(pid, ())).collect();
        let mut results = executor.map(|x: u32| x, 0..3);
        thread::scope(|scope| {
            let (sender, receiver) = channel();
            let (busy, pending) = (&busy, &pending);
            let tell = sender.clone();
            scope.spawn(move || tell.send(busy.result().is_err()));
            let tell = sender.clone();
            scope.spawn(move || {
                let waited = wait(pending, ReturnWhen::AllCompleted, None);
                tell.send(waited.not_done.is_empty())
            });
            let tell = sender.clone();
            scope.spawn(move || tell.send(as_completed(pending).all(|it| it.error().is_some())));
            scope.spawn(move || sender.send(results.next().is_some_and(|item| item.is_err())));
            executor.kill_workers();
            assert_eq!(receiver.iter().collect::<Vec<bool>>(), [true; 4]);
        });
    });
}

#[test]
fn futures_of_two_pools_are_awaited_together() {
    watch::within(watch::HANG, || {
        let (one, other) = (pool(1), pool_beside_another(1));
        let futures = [one.submit(|x: u32| x, 1), other.submit(|x: u32| x, 2)];
        assert_eq!(as_completed(&futures).map(|future| future.result().unwrap()).sum::<u32>(), 3);
    });
}
