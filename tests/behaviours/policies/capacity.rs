//! A queue with a limit: what takes its room and what makes room.

use std::future::Future as Rust;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use procpool::{DeathPolicy, Error, Future, KillOutcome, ProcessPoolExecutor};
use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::task::{double, pid};
use procpool_testkit::watch;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::behaviours::lives::{builder, random, stop_at, until};

/// A pool whose only worker runs a task that waits at the crossing, and which has room for `capacity`. Each
/// worker runs one task, so that none is sent ahead.
pub(super) fn busy(crossing: &Crossing, capacity: usize) -> (ProcessPoolExecutor, Future<u32>) {
    let executor = builder(1).queue_capacity(capacity).max_tasks_per_child(1).build().unwrap();
    let running = executor.submit(cross, crossing.places());
    crossing.wait_for(1);
    (executor, running)
}

/// Submits a task that stops at the crossing, if there is room.
pub(super) fn try_cross(
    executor: &ProcessPoolExecutor,
    crossing: &Crossing,
) -> Result<Future<u32>, Error> {
    let tried = executor.submit_options().try_submit(cross, crossing.places());
    tried.map_err(|refused| {
        assert_eq!(refused.arguments, crossing.places(), "they are given back");
        refused.reason
    })
}

pub(super) fn assert_full<S: 'static>(executor: &ProcessPoolExecutor<S>) {
    let refused = executor.submit_options().try_submit(pid, ()).expect_err("it is full");
    assert_eq!(refused.reason, Error::QueueFull);
}

/// Counts how often it is woken.
#[derive(Default)]
pub(super) struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Release);
    }
}

impl Wakes {
    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }
}

/// Polls once.
pub(super) fn poll<F: Rust + ?Sized>(future: Pin<&mut F>, wakes: &Arc<Wakes>) -> Option<F::Output> {
    let waker = Waker::from(Arc::clone(wakes));
    match future.poll(&mut Context::from_waker(&waker)) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

#[test]
fn a_full_queue_refuses_a_task_and_gives_its_arguments_back() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let (executor, running) = busy(&crossing, 2);
        let queued = [(); 2].map(|()| try_cross(&executor, &crossing).unwrap());
        assert_eq!(try_cross(&executor, &crossing).unwrap_err(), Error::QueueFull);
        assert_full(&executor);
        // The next one is sent to the worker.
        crossing.let_go(1);
        crossing.wait_for(1);
        let third = try_cross(&executor, &crossing).expect("there is room for one");
        assert_full(&executor);
        crossing.let_go(3);
        for future in [running].into_iter().chain(queued).chain([third]) {
            assert!(future.result().is_ok());
        }
    });
}

#[test]
fn a_capacity_of_0_is_refused() {
    let error = builder(1).queue_capacity(0).build().unwrap_err();
    assert_eq!(error, Error::InvalidArgument("queue_capacity must be greater than 0".into()));
}

#[test]
fn cancelled_tasks_make_room() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let (executor, running) = busy(&crossing, 2);
        for _ in 0..3 {
            let [cancelled, killed] = [(); 2].map(|()| try_cross(&executor, &crossing).unwrap());
            assert_full(&executor);
            assert!(cancelled.cancel() && cancelled.cancel(), "again makes no more room");
            assert_eq!(killed.kill(), KillOutcome::Cancelled);
        }
        let queued = [(); 2].map(|()| try_cross(&executor, &crossing).unwrap());
        assert_full(&executor);
        crossing.let_go(3);
        assert!(queued.iter().chain([&running]).all(|future| future.result().is_ok()));
    });
}

#[test]
fn a_map_neither_waits_for_room_nor_takes_any() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let (executor, _running) = busy(&crossing, 1);
        let queued = executor.submit(double, 1);
        assert_full(&executor);
        let doubled = executor.map(double, 0..1_000);
        // Cancelled chunks make no room either.
        drop(executor.map_options().chunksize(1).map(double, 0..1_000));
        assert_full(&executor);
        queued.cancel();
        let queued = executor.submit_options().try_submit(double, 2).expect("there is room");
        assert_full(&executor);
        crossing.let_go(1);
        assert!(doubled.map(Result::unwrap).eq((0..1_000).map(double)));
        assert_eq!(queued.result(), Ok(4));
    });
}

/// Submits in one of three ways. Returns the future, if it was accepted.
fn submit(executor: &ProcessPoolExecutor, random: &mut StdRng, x: u32) -> Option<Future<u32>> {
    let options = executor.submit_options();
    match random.random_range(0..4) {
        0 => options.try_submit(double, x).ok(),
        1 => Some(executor.submit(double, x)),
        2 => Some(wait_for(options.submit_async(double, x))),
        _ => {
            // Given up after the first poll, unless there was room.
            poll(pin!(options.submit_async(double, x)), &Arc::default())
        }
    }
}

/// Wakes the thread that polls.
struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn wait_for<T>(future: impl Rust<Output = T>) -> T {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

#[test]
fn many_threads_submit_cancel_and_kill_and_no_room_is_lost() {
    watch::within(watch::HANG, || {
        const CAPACITY: usize = 5;
        let crossing = Crossing::new();
        let executor = builder(2)
            .queue_capacity(CAPACITY)
            .death_policy(DeathPolicy::Replace { retries: 1 })
            .build()
            .unwrap();
        let mut seeds = random();
        thread::scope(|scope| {
            for thread in 0..8 {
                let executor = &executor;
                let mut random = StdRng::seed_from_u64(seeds.random());
                scope.spawn(move || {
                    for x in thread * 1_000..thread * 1_000 + 400 {
                        let Some(future) = submit(executor, &mut random, x) else { continue };
                        match random.random_range(0..8) {
                            0 => drop(future.cancel()),
                            1 if x % 16 == 0 => drop(future.kill()),
                            2..6 => match future.result() {
                                Ok(doubled) => assert_eq!(doubled, 2 * x),
                                Err(error) => panic!("{error}"),
                            },
                            _ => {}
                        }
                    }
                });
            }
        });
        // Everything ends; then both workers are busy, and what is accepted waits.
        let last: Vec<_> = (0..10).map(|x| executor.submit(double, x)).collect();
        assert!(last.iter().all(|future| future.result().is_ok()));
        until(|| executor.stats().queued + executor.stats().running == 0);
        let running = [(); 2].map(|()| executor.submit(cross, crossing.places()));
        crossing.wait_for(2);
        let accepted: Vec<_> =
            std::iter::from_fn(|| try_cross(&executor, &crossing).ok()).take(100).collect();
        assert!(
            accepted.len() >= CAPACITY,
            "room for {} of {CAPACITY} was lost",
            CAPACITY - accepted.len()
        );
        crossing.let_go(2 + accepted.len());
        assert!(accepted.iter().chain(&running).all(|future| future.result().is_ok()));
    });
}

#[test]
fn tasks_that_are_taken_back_are_counted_once() {
    watch::within(watch::HANG, || {
        const CAPACITY: usize = 50;
        let crossing = Crossing::new();
        let executor = builder(1)
            .queue_capacity(CAPACITY)
            .death_policy(DeathPolicy::Replace { retries: 0 })
            .initializer_with_args(stop_at, crossing.places())
            .build()
            .unwrap();
        crossing.let_go(1);
        // Chunks are not counted: neither those that are sent, nor those that are cancelled or taken back.
        for _ in 0..100 {
            let mut doubled = executor.map_options().chunksize(1).map(double, 0..100);
            assert_eq!(doubled.next(), Some(Ok(0)));
        }
        // Short tasks, so that those behind them are sent ahead.
        let short: Vec<_> = (0..2_000).map(|x| executor.submit(double, x)).collect();
        let running = executor.submit(cross, crossing.places());
        let mut behind: Vec<_> = (0..CAPACITY as u32).map(|x| executor.submit(double, x)).collect();
        assert!(short.iter().all(|future| future.result().is_ok()));
        // The initializer and the task.
        crossing.wait_for(2);
        while let Ok(future) = executor.submit_options().try_submit(double, 1) {
            behind.push(future);
        }
        // Its worker is replaced by one that waits in the initializer: nothing is sent any more.
        assert_eq!(running.kill(), KillOutcome::Killed);
        crossing.wait_for(1);
        assert_full(&executor);
        // That is no task.
        assert!(executor.start_workers(1).cancel());
        assert_full(&executor);
        behind.iter().for_each(|future| assert!(future.cancel()));
        for x in 0..CAPACITY as u32 {
            executor.submit_options().try_submit(double, x).expect("there is room");
        }
        assert_full(&executor);
        crossing.let_go(1);
        assert_eq!(executor.submit(double, 2).result(), Ok(4));
    });
}
