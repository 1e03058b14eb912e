//! Callbacks of settled futures, and the calls that they may make.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use nix::sys::signal::{Signal, raise};
use procpool::{Error, Future, ProcessPoolExecutor, ShutdownOptions, as_completed};
use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::forked::report_of;
use procpool_testkit::task::pid;
use procpool_testkit::watch;

use crate::behaviours::pools::{busy_pool, pool};

/// The next message; the watchdog bounds the wait.
fn next<T>(receiver: &Receiver<T>) -> T {
    receiver.recv().expect("somebody still sends")
}

/// A callback that sends its future's outcome.
fn tell<T>(sender: &Sender<Result<T, Error>>) -> impl FnOnce(&Future<T>) + Send + 'static
where
    T: serde::de::DeserializeOwned + Send + 'static,
{
    let sender = sender.clone();
    move |future| {
        assert!(future.done());
        sender.send(future.result()).expect("the test waits");
    }
}

// Behaviours: FUT-05, CAN-06.
#[test]
fn a_callback_runs_once_with_its_future_for_any_outcome() {
    watch::within(watch::HANG, || {
        let (crossing, executor, value) = busy_pool();
        let error = executor.submit(|_: ()| -> u32 { panic!("no") }, ());
        let cancelled = executor.submit(pid, ());
        let (sender, receiver) = channel();
        for future in [&value, &error, &cancelled] {
            future.add_done_callback(tell(&sender));
        }
        drop(sender);
        assert!(receiver.try_recv().is_err(), "nothing has settled");
        assert!(cancelled.cancel());
        assert_eq!(next(&receiver), Err(Error::Cancelled));
        crossing.let_go(1);
        assert_eq!(next(&receiver), value.result());
        assert!(matches!(next(&receiver), Err(Error::Panicked(_))));
        drop(executor);
        // The senders were dropped with the callbacks: none will run again.
        assert!(receiver.recv().is_err());
    });
}

// Behaviours: FUT-06.
#[test]
fn a_callback_added_to_a_settled_future_runs_before_the_call_returns() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let value = executor.submit(|x: u32| x, 5);
        value.result().unwrap();
        executor.shutdown();
        let refused = executor.submit(|x: u32| x, 5);
        for (future, expected) in [(value, Ok(5)), (refused, Err(Error::Shutdown))] {
            let ran = Arc::new(Mutex::new(Vec::new()));
            let theirs = Arc::clone(&ran);
            future.add_done_callback(move |future| {
                theirs.lock().unwrap().push((future.result(), thread::current().id()));
            });
            assert_eq!(*ran.lock().unwrap(), [(expected, thread::current().id())]);
        }
    });
}

#[test]
fn a_callback_added_while_its_future_settles_runs_once() {
    watch::within(watch::HANG, || {
        let executor = pool(2);
        let (sender, receiver) = channel();
        for x in 0..2000_u32 {
            executor.submit(|x: u32| x, x).add_done_callback(tell(&sender));
        }
        drop((executor, sender));
        let mut seen: Vec<u32> = receiver.iter().map(Result::unwrap).collect();
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..2000));
    });
}

#[test]
fn callbacks_run_in_order_on_one_thread() {
    watch::within(watch::HANG, || {
        let (crossing, executor, future) = busy_pool();
        let behind = executor.submit(pid, ());
        let (sender, receiver) = channel();
        for (number, future) in [&future, &behind, &future, &behind, &future].iter().enumerate() {
            let sender = sender.clone();
            future.add_done_callback(move |_| {
                let name = thread::current().name().map(str::to_owned);
                sender.send((number, thread::current().id(), name)).expect("the test waits");
            });
        }
        crossing.let_go(1);
        let order: Vec<_> = (0..5).map(|_| next(&receiver)).collect();
        assert!(order.iter().map(|(number, ..)| *number).eq([0, 2, 4, 1, 3]), "{order:?}");
        assert!(order.iter().all(|(_, thread, _)| *thread == order[0].1), "{order:?}");
        assert_eq!(order[0].2.as_deref(), Some("procpool-callbacks"));
    });
}

/// The log.
static LOGGED: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Logger;

impl log::Log for Logger {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        if record.level() == log::Level::Error {
            LOGGED.lock().unwrap().push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}

// Behaviours: FUT-07, FUT-08.
#[test]
fn a_callback_that_panics_is_logged_and_affects_nothing_else() {
    watch::within(watch::HANG, || {
        // A copy of this program: a logger is global to its process.
        let logged = report_of(|| {
            log::set_logger(&Logger).expect("nobody else wants the log");
            log::set_max_level(log::LevelFilter::Error);
            callbacks_that_panic();
            LOGGED.lock().unwrap().join("\n")
        });
        for text in ["the first callback has had enough", "the late callback has had enough"] {
            let said: Vec<_> = logged.lines().filter(|line| line.contains(text)).collect();
            assert_eq!(said, [format!("a callback panicked: {text}")]);
        }
    });
}

/// Makes callbacks panic, and asserts that nothing else is affected.
fn callbacks_that_panic() {
    let (crossing, executor, future) = busy_pool();
    let (sender, receiver) = channel();
    future.add_done_callback(|_| panic!("the first callback has had enough"));
    future.add_done_callback(tell(&sender));
    // A payload that panics itself when it is dropped.
    future.add_done_callback(|_| std::panic::panic_any(Bomb));
    future.add_done_callback(tell(&sender));
    crossing.let_go(1);
    let worker = future.result();
    assert_eq!([next(&receiver), next(&receiver)], [worker.clone(), worker.clone()]);
    future.add_done_callback(|_| panic!("the late callback has had enough"));
    assert_eq!(executor.submit(pid, ()).result(), worker, "the pool works on");
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a payload that panics");
    }
}

// Behaviours: FUT-14.
#[test]
fn callbacks_run_when_a_worker_dies() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let (sender, receiver) = channel();
        let die = |_: ()| raise(Signal::SIGKILL).expect("a process can signal itself");
        executor.submit(die, ()).add_done_callback(tell(&sender));
        executor.submit(die, ()).add_done_callback(tell(&sender));
        for _ in 0..2 {
            assert!(matches!(next(&receiver), Err(Error::BrokenProcessPool(_))));
        }
    });
}

/// Submits `left` more tasks, each from the callback of the one before it.
fn chain(executor: &Arc<ProcessPoolExecutor>, name: u32, left: u32, seen: Sender<(u32, u32)>) {
    let next = Arc::downgrade(executor);
    executor.submit(|x: u32| x, left).add_done_callback(move |future| {
        let left = future.result().expect("it only returns");
        seen.send((name, left)).expect("the test waits");
        if let (Some(executor), true) = (next.upgrade(), left > 0) {
            chain(&executor, name, left - 1, seen);
        }
    });
}

// Behaviours: SUB-16.
#[test]
fn callbacks_may_submit() {
    watch::within(watch::HANG, || {
        let executor = Arc::new(pool(2));
        let (sender, receiver) = channel();
        for (name, length) in [(0, 100), (1, 50), (2, 60)] {
            chain(&executor, name, length, sender.clone());
        }
        drop(sender);
        let seen: Vec<(u32, u32)> = receiver.iter().collect();
        for (name, length) in [(0, 100), (1, 50), (2, 60)] {
            let theirs = seen.iter().filter(|(chain, _)| *chain == name);
            assert!(theirs.map(|(_, left)| *left).eq((0..=length).rev()));
        }
    });
}

// Behaviours: SUB-21.
#[test]
fn a_callback_that_blocks_delays_only_callbacks() {
    watch::within(watch::HANG, || {
        let executor = pool(2);
        let (entered, enters) = channel();
        let (go, stops) = channel::<()>();
        executor.submit(pid, ()).add_done_callback(move |_| {
            entered.send(()).expect("the test waits");
            // Until the other end is dropped.
            let _ = stops.recv();
        });
        next(&enters);
        let (sender, receiver) = channel();
        let futures: Vec<_> = (0..20_000_u32).map(|x| executor.submit(|x| x, x)).collect();
        futures[0].add_done_callback(tell(&sender));
        // A thread that waits in this way leaves all reading to the pool's manager.
        assert_eq!(as_completed(&futures).count(), 20_000);
        assert!(futures.iter().map(|future| future.result().unwrap()).eq(0..20_000));
        executor.shutdown_with(ShutdownOptions::new().wait(false));
        drop(go);
        drop(executor);
        // It ran behind the one that blocked, or at once if the future had settled before.
        assert_eq!(next(&receiver), Ok(0));
    });
}

#[test]
fn a_shutdown_that_waits_returns_after_every_callback() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let (entered, enters) = channel();
        let (go, stops) = channel::<()>();
        let (sender, receiver) = channel();
        let crossing = Crossing::new();
        let future = executor.submit(cross, crossing.places());
        crossing.wait_for(1);
        future.add_done_callback(move |_| {
            entered.send(()).expect("the test waits");
            let _ = stops.recv();
        });
        future.add_done_callback(tell(&sender));
        crossing.let_go(1);
        next(&enters);
        thread::scope(|scope| {
            let ending = [
                scope.spawn(|| executor.shutdown()),
                scope.spawn(|| executor.shutdown_with(ShutdownOptions::new().cancel_futures(true))),
            ];
            // The workers have exited; only the callback is still waited for.
            while !procpool_testkit::os::children_of(std::process::id())
                .iter()
                .all(|child| Ok(child.pid) != future.result())
            {
                thread::yield_now();
            }
            assert!(ending.iter().all(|ending| !ending.is_finished()));
            drop(go);
        });
        assert!(receiver.try_recv().is_ok(), "the second one has run too");
    });
}

#[test]
fn a_callback_may_shut_its_pool_down() {
    watch::within(watch::HANG, || {
        for (wait, cancel_futures) in [(true, true), (true, false), (false, true), (false, false)] {
            let crossing = Crossing::new();
            let executor = Arc::new(pool(1));
            let future = executor.submit(cross, crossing.places());
            crossing.wait_for(1);
            let behind = executor.submit(pid, ());
            let (sender, receiver) = channel();
            let theirs = Arc::clone(&executor);
            let returned = sender.clone();
            future.add_done_callback(move |future| {
                theirs.shutdown_with(
                    ShutdownOptions::new().wait(wait).cancel_futures(cancel_futures),
                );
                returned.send(future.result()).expect("the test waits");
            });
            behind.add_done_callback(tell(&sender));
            crossing.let_go(1);
            // A concurrent shutdown on another thread waits for both callbacks.
            executor.shutdown();
            let both = [next(&receiver), next(&receiver)];
            assert!(both.contains(&future.result()) && both.contains(&behind.result()));
        }
    });
}

#[test]
fn a_callback_may_drop_the_last_executor() {
    watch::within(watch::HANG, || {
        let (crossing, executor, future) = busy_pool();
        let behind = executor.submit(pid, ());
        let (sender, receiver) = channel();
        let dropped = sender.clone();
        future.add_done_callback(move |future| {
            drop(executor);
            dropped.send(future.result()).expect("the test waits");
        });
        behind.add_done_callback(tell(&sender));
        drop(sender);
        crossing.let_go(1);
        assert_eq!(next(&receiver), future.result());
        assert_eq!(next(&receiver), behind.result());
        assert!(receiver.recv().is_err(), "all callbacks are gone");
    });
}
