//! A queue with a limit, and those that wait for room in it.

use std::future::Future as Rust;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use nix::unistd::gettid;
use procpool::{
    BrokenCause, DeathPolicy, Error, Future, KillOutcome, ProcessPoolExecutor, ShutdownOptions,
};
use procpool_testkit::crossing::{Crossing, Places, cross};
use procpool_testkit::os::process;
use procpool_testkit::pool::cause_of;
use procpool_testkit::task::{double, pid};
use procpool_testkit::watch;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::behaviours::lives::{builder, count, note, random, stop_at, until};

/// A pool whose only worker runs a task that waits at the crossing, and which has room for `capacity`. Each
/// worker runs one task, so that none is sent ahead.
fn busy(crossing: &Crossing, capacity: usize) -> (ProcessPoolExecutor, Future<u32>) {
    let executor = builder(1).queue_capacity(capacity).max_tasks_per_child(1).build().unwrap();
    let running = executor.submit(cross, crossing.places());
    crossing.wait_for(1);
    (executor, running)
}

/// Submits a task that stops at the crossing, if there is room.
fn try_cross(executor: &ProcessPoolExecutor, crossing: &Crossing) -> Result<Future<u32>, Error> {
    let tried = executor.submit_options().try_submit(cross, crossing.places());
    tried.map_err(|refused| {
        assert_eq!(refused.arguments, crossing.places(), "they are given back");
        refused.reason
    })
}

fn assert_full<S: 'static>(executor: &ProcessPoolExecutor<S>) {
    let refused = executor.submit_options().try_submit(pid, ()).expect_err("it is full");
    assert_eq!(refused.reason, Error::QueueFull);
}

/// Counts how often it is woken.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Release);
    }
}

impl Wakes {
    fn count(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }
}

/// Polls once.
fn poll<F: Rust + ?Sized>(future: Pin<&mut F>, wakes: &Arc<Wakes>) -> Option<F::Output> {
    let waker = Waker::from(Arc::clone(wakes));
    match future.poll(&mut Context::from_waker(&waker)) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// Runs `case` with a thread that sends its number, is about to submit a task, and waits for room in the queue.
fn beside_a_waiting_thread(
    executor: &ProcessPoolExecutor,
    case: impl FnOnce(&Receiver<Future<u32>>),
) {
    let (sender, receiver) = channel();
    let (submitted, submissions) = channel();
    thread::scope(|scope| {
        scope.spawn(move || {
            sender.send(gettid()).expect("the test waits");
            submitted.send(executor.submit(double, 21)).expect("the test waits");
        });
        let thread = receiver.recv().expect("it starts").as_raw().cast_unsigned();
        // It does nothing else that sleeps.
        until(|| process(thread).is_none_or(|thread| thread.state == 'S'));
        case(&submissions);
    });
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

#[test]
fn a_submission_waits_for_room_and_continues() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let (executor, running) = busy(&crossing, 1);
        let queued = executor.submit(cross, crossing.places());
        beside_a_waiting_thread(&executor, |submissions| {
            submissions.try_recv().expect_err("it waits");
            crossing.let_go(1);
            crossing.wait_for(1);
            let future = submissions.recv().expect("there is room");
            assert_full(&executor);
            crossing.let_go(1);
            assert_eq!(future.result(), Ok(42));
        });
        assert!(queued.result().is_ok() && running.result().is_ok());
        // A task that is cancelled makes room as well.
        let running = executor.submit(cross, crossing.places());
        crossing.wait_for(1);
        let queued = executor.submit(cross, crossing.places());
        beside_a_waiting_thread(&executor, |submissions| {
            submissions.try_recv().expect_err("it waits");
            assert!(queued.cancel());
            let future = submissions.recv().expect("there is room");
            crossing.let_go(1);
            assert_eq!(future.result(), Ok(42));
        });
        assert!(running.result().is_ok());
    });
}

/// Lets pools end while a thread and a poll wait for room, and returns the error of both.
fn error_when(end: impl Fn(&ProcessPoolExecutor)) -> Error {
    let crossing = Crossing::new();
    let (executor, _running) = busy(&crossing, 1);
    let _queued = executor.submit(cross, crossing.places());
    let options = executor.submit_options();
    let mut submitting = pin!(options.submit_async(double, 1));
    let wakes = Arc::default();
    assert!(poll(submitting.as_mut(), &wakes).is_none());
    let mut error = None;
    beside_a_waiting_thread(&executor, |submissions| {
        end(&executor);
        error = submissions.recv().expect("it goes on").error();
    });
    until(|| wakes.count() == 1);
    let polled = poll(submitting.as_mut(), &wakes).expect("it was woken");
    assert_eq!(polled.error(), error);
    let refused = options.try_submit(double, 7).expect_err("the pool has ended");
    assert_eq!((refused.arguments, Some(refused.reason)), (7, error.clone()));
    // Those that run or wait in the queue finish.
    crossing.let_go(2);
    error.expect("it was not submitted")
}

#[test]
fn a_pool_that_ends_wakes_those_that_wait_for_room() {
    watch::within(watch::HANG, || {
        let error = error_when(|executor| executor.kill_workers());
        assert_eq!(*cause_of(&error), BrokenCause::Killed);
        let error = error_when(|executor| executor.terminate_workers());
        assert_eq!(*cause_of(&error), BrokenCause::Terminated);
        let error =
            error_when(|executor| executor.shutdown_with(ShutdownOptions::new().wait(false)));
        assert_eq!(error, Error::Shutdown);
        for cancel in [ShutdownOptions::new(), ShutdownOptions::new().cancel_futures(true)] {
            let error = error_when(|executor| executor.shutdown_with(cancel.wait(false)));
            assert_eq!(error, Error::Shutdown);
        }
    });
}

#[test]
fn a_worker_that_dies_wakes_those_that_wait_for_room() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = builder(1).queue_capacity(1).build().unwrap();
        let dies = |places: Places| -> u32 {
            cross(places);
            std::process::exit(3)
        };
        executor.submit(dies, crossing.places());
        crossing.wait_for(1);
        executor.submit(double, 1);
        beside_a_waiting_thread(&executor, |submissions| {
            crossing.let_go(1);
            let error = submissions.recv().expect("it goes on").error().expect("it is broken");
            assert!(matches!(cause_of(&error), BrokenCause::WorkerDied(_)), "{error}");
        });
    });
}

#[test]
fn asynchronous_submissions_get_room_in_their_order() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let (executor, _running) = busy(&crossing, 1);
        let _queued = executor.submit(cross, crossing.places());
        let path = crossing.file("notes");
        let options = executor.submit_options();
        let submit = |name: &str| Box::pin(options.submit_async(note, (path.clone(), name.into())));
        let [mut first, mut given_up, mut second] = ["first", "given up", "second"].map(submit);
        let wakes = [(); 3].map(|()| Arc::default());
        for (submitting, wakes) in [&mut first, &mut given_up, &mut second].into_iter().zip(&wakes)
        {
            assert!(poll(submitting.as_mut(), wakes).is_none());
        }
        drop(given_up);
        drop(submit("never polled"));
        assert_eq!(wakes[0].count(), 0, "it had no room to return");
        crossing.let_go(1);
        crossing.wait_for(1);
        until(|| wakes[0].count() == 1);
        let first = poll(first.as_mut(), &wakes[0]).expect("there is room for one");
        assert_eq!([wakes[1].count(), wakes[2].count()], [0, 0], "and for no other");
        assert!(poll(second.as_mut(), &wakes[2]).is_none());
        assert!(first.cancel());
        assert_eq!(wakes[2].count(), 1, "that made room");
        let second = poll(second.as_mut(), &wakes[2]).expect("there is room");
        // Admitted, and given up before it was polled.
        let mut unseen = submit("unseen");
        assert!(poll(unseen.as_mut(), &wakes[1]).is_none());
        crossing.let_go(1);
        assert!(second.result().is_ok());
        until(|| wakes[1].count() == 1);
        drop(unseen);
        assert!(executor.submit(pid, ()).result().is_ok());
        assert_eq!(["first", "given up", "never polled"].map(|name| count(&path, name)), [0; 3]);
        assert_eq!(count(&path, "second"), 1);
    });
}

#[test]
fn a_submission_that_is_given_up_once_it_has_room_returns_it() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let (executor, running) = busy(&crossing, 1);
        let path = crossing.file("notes");
        for _ in 0..3 {
            let queued = executor.submit(cross, crossing.places());
            let options = executor.submit_options();
            let wakes = Arc::default();
            let mut submitting = Box::pin(options.submit_async(note, (path.clone(), "ran".into())));
            assert!(poll(submitting.as_mut(), &wakes).is_none());
            assert!(queued.cancel());
            assert_eq!(wakes.count(), 1);
            assert_full(&executor);
            drop(submitting);
        }
        let queued = executor.submit_options().try_submit(double, 1).expect("there is room");
        assert_full(&executor);
        crossing.let_go(1);
        assert!(running.result().is_ok());
        assert_eq!((queued.result(), count(&path, "ran")), (Ok(2), 0));
    });
}

#[test]
fn a_callback_may_wait_for_room() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let (executor, running) = busy(&crossing, 1);
        let executor = Arc::new(executor);
        let (sender, receiver) = channel();
        let theirs = Arc::clone(&executor);
        running.add_done_callback(move |_| {
            // More than the queue holds, in turn.
            let futures: Vec<_> = (0..20).map(|x| theirs.submit(double, x)).collect();
            drop(theirs);
            sender.send(futures).expect("the test waits");
        });
        let queued = executor.submit(cross, crossing.places());
        crossing.let_go(2);
        let futures: Vec<Future<u32>> = receiver.recv().expect("it goes on");
        assert!(futures.iter().map(|future| future.result().unwrap()).eq((0..20).map(double)));
        assert!(queued.result().is_ok());
    });
}

/// A waker that submits a task, and sends the name of its thread and the error.
struct Submits(Arc<ProcessPoolExecutor>, Mutex<Sender<(String, Option<Error>)>>);

impl Wake for Submits {
    fn wake(self: Arc<Self>) {
        let thread = thread::current().name().unwrap_or_default().to_owned();
        let future = self.0.submit(double, 1);
        let error = if future.done() { future.error() } else { None };
        self.1.lock().unwrap().send((thread, error)).expect("the test waits");
    }
}

#[test]
fn the_pools_own_thread_does_not_wait_for_room() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let (executor, running) = busy(&crossing, 1);
        let executor = Arc::new(executor);
        let (sender, receiver) = channel();
        let waker = Waker::from(Arc::new(Submits(Arc::clone(&executor), Mutex::new(sender))));
        let mut awaiting = running.into_future();
        assert!(pin!(&mut awaiting).poll(&mut Context::from_waker(&waker)).is_pending());
        drop(waker);
        let queued = executor.submit(cross, crossing.places());
        // Takes the room of the one in the queue before the waker is woken.
        let options = executor.submit_options();
        let mut submitting = pin!(options.submit_async(cross, crossing.places()));
        assert!(poll(submitting.as_mut(), &Arc::default()).is_none());
        crossing.let_go(1);
        let (thread, error) = receiver.recv().expect("it is woken");
        assert_eq!((thread.as_str(), error), ("procpool-manager", Some(Error::QueueFull)));
        crossing.wait_for(1);
        let submitted = poll(submitting.as_mut(), &Arc::default()).expect("it has room");
        crossing.let_go(2);
        assert!(queued.result().is_ok() && submitted.result().is_ok());
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
