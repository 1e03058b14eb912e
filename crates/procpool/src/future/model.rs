//! A future's state under loom: the shipped word, marks and listeners, in every interleaving.
//!
//! Owns small scenes of threads that settle, cancel, send, sleep and listen. `procpool_os::model`
//! plays them (`just loom`). Only compiled under `--cfg loom`.

use std::sync::Arc;

use loom::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use loom::thread;
use procpool_os::model::Scene;

use super::listeners::Listener;
use super::shared::{CANCELLED, SENT, SharedFuture};
use crate::error::Error;

/// The bugs that can be planted in a future, by name.
const BUGS: [&str; 3] =
    ["settled without release", "slept without a mark", "marked without the lock"];

/// Counts how often it was notified, and looks at the outcome.
struct Counter(AtomicUsize);

impl Counter {
    fn new() -> Arc<Self> {
        Arc::new(Self(AtomicUsize::new(0)))
    }

    /// How often it was notified. Every thread that could notify it has been joined.
    fn told(&self) -> usize {
        self.0.load(Relaxed)
    }
}

impl Listener for Counter {
    fn settled(&self, future: &SharedFuture) {
        assert!(future.outcome().is_err(), "every outcome here is an error");
        self.0.fetch_add(1, Relaxed);
    }
}

fn finish(future: &SharedFuture) {
    if future.finish(Err(Box::new(Error::Shutdown))) {
        future.tell();
    }
}

/// Whether the future was cancelled.
fn cancel(future: &SharedFuture) -> bool {
    let cancelled = future.cancel();
    if cancelled == Ok(true) {
        future.tell();
    }
    matches!(cancelled, Ok(_) | Err(CANCELLED))
}

/// Listens; a refused listener counts as notified, because the caller then knows.
fn listen(future: &SharedFuture, counter: &Arc<Counter>) {
    let listener = Arc::clone(counter) as Arc<dyn Listener>;
    if future.listen(listener).is_none() {
        counter.settled(future);
    }
}

fn aside(future: &Arc<SharedFuture>, run: fn(&SharedFuture)) -> thread::JoinHandle<()> {
    let future = Arc::clone(future);
    thread::spawn(move || run(&future))
}

/// One thread sleeps until another finishes the future, and then sees the outcome.
fn a_sleeper_wakes_and_sees_the_outcome() {
    let future = SharedFuture::new();
    let pool = aside(&future, finish);
    assert!(future.wait(None));
    assert_eq!(future.outcome().err(), Some(Error::Shutdown));
    pool.join().expect("the pool's side panicked");
}

/// Two listeners are added while the future is finished: each is notified once.
fn every_listener_is_told_once() {
    let future = SharedFuture::new();
    let pool = aside(&future, finish);
    let counter = Counter::new();
    listen(&future, &counter);
    listen(&future, &counter);
    pool.join().expect("the pool's side panicked");
    assert_eq!(counter.told(), 2);
}

/// The future is cancelled and finished at once while a listener is added: one of the two settles
/// it.
fn a_cancellation_and_a_result_settle_it_once() {
    let future = SharedFuture::new();
    let pool = aside(&future, finish);
    let user = aside(&future, |future| {
        let _whether_it_won = cancel(future);
    });
    let counter = Counter::new();
    listen(&future, &counter);
    pool.join().expect("the pool's side panicked");
    user.join().expect("the user's side panicked");
    assert_eq!(counter.told(), 1);
    let outcome = future.outcome().err();
    assert!(matches!(outcome, Some(Error::Shutdown | Error::Cancelled)), "{outcome:?}");
}

/// A task is sent or cancelled, never both; a sleeper wakes in either case.
fn a_task_is_sent_or_cancelled() {
    let future = SharedFuture::new();
    let pool = thread::spawn({
        let future = Arc::clone(&future);
        move || {
            let sent = future.mark_sent().is_some();
            if sent {
                finish(&future);
            }
            sent
        }
    });
    let cancelled = cancel(&future);
    assert!(future.wait(None));
    let sent = pool.join().expect("the pool's side panicked");
    assert!(sent != cancelled, "sent: {sent}, cancelled: {cancelled}");
}

/// A listener is added while the task is sent: the sender sees it, or it sees that the task was
/// sent. If neither held, nobody would ask the worker to report the result at once.
fn who_sends_and_who_listens_see_each_other() {
    let future = SharedFuture::new();
    let pool = thread::spawn({
        let future = Arc::clone(&future);
        move || future.mark_sent()
    });
    let state = future.listen(Counter::new());
    let listened = pool.join().expect("the pool's side panicked");
    assert!(state == Some(SENT) || listened == Some(true), "{state:?}, {listened:?}");
    finish(&future);
}

/// A listener that is removed while the future is finished leaves nothing behind, and is notified
/// at most once.
fn a_listener_may_leave() {
    let future = SharedFuture::new();
    let counter = Counter::new();
    let listener = Arc::clone(&counter) as Arc<dyn Listener>;
    assert!(future.listen(Arc::clone(&listener)).is_some());
    let pool = aside(&future, finish);
    future.stop_listening(&listener);
    pool.join().expect("the pool's side panicked");
    assert!(counter.told() <= 1);
    drop(listener);
    assert_eq!(Arc::strong_count(&counter), 1, "the table still holds it");
}

const SCENES: [Scene; 6] = [
    ("a sleeper sees the outcome", a_sleeper_wakes_and_sees_the_outcome),
    ("every listener is told once", every_listener_is_told_once),
    ("cancelled and finished", a_cancellation_and_a_result_settle_it_once),
    ("sent or cancelled", a_task_is_sent_or_cancelled),
    ("sent and listened to", who_sends_and_who_listens_see_each_other),
    ("a listener leaves", a_listener_may_leave),
];

procpool_os::play_scenes!(SCENES, BUGS);
