//! Submissions that wait for room in a full queue, with a thread or without one.

use std::future::Future as Rust;
use std::pin::pin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::thread;

use nix::unistd::gettid;
use procpool::{BrokenCause, Error, Future, ProcessPoolExecutor, ShutdownOptions};
use procpool_testkit::crossing::{Crossing, Places, cross};
use procpool_testkit::os::process;
use procpool_testkit::pool::cause_of;
use procpool_testkit::task::{double, pid};
use procpool_testkit::watch;

use super::capacity::{assert_full, busy, poll};
use crate::behaviours::lives::{builder, count, note, until};

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
