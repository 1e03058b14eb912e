//! Tasks with a key: which worker runs them, and which of them wait for it.
//!
//! A task waits if the pool counts it as queued, and one submitted after it has run.

use std::collections::HashSet;
use std::future::Future as Rust;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;

use nix::sys::signal::Signal;
use procpool::{
    BrokenCause, Error, ExitReason, Future, KillOutcome, ProcessPoolExecutor, ShutdownOptions,
    SubmitOptions, retire_worker,
};
use procpool_testkit::crossing::{Crossing, Places, cross};
use procpool_testkit::os::signal;
use procpool_testkit::pool::cause_of;
use procpool_testkit::task::{double, kill_self, pid};
use procpool_testkit::watch;
use rand::RngExt;

use crate::behaviours::lives::{
    SHORT, await_exit, builder, note, notes, park, random, replacing, replacing_builder, stop_at,
    until,
};
use crate::behaviours::pools::pool;

/// A pool whose workers take tasks.
fn warm(workers: usize) -> ProcessPoolExecutor {
    let executor = pool(workers);
    executor.start_workers(workers).result().unwrap();
    executor
}

/// Options for tasks that wait for a worker that had `key`.
fn strict<'a, S: 'static>(executor: &'a ProcessPoolExecutor<S>, key: &str) -> SubmitOptions<'a, S> {
    executor.submit_options().key(key).wait_for_worker()
}

/// Runs a task with `key`, and returns its worker.
fn run<S: 'static>(executor: &ProcessPoolExecutor<S>, key: &str) -> u32 {
    executor.submit_options().key(key).submit(pid, ()).result().unwrap()
}

/// What `ready` returns when it is polled once.
fn at_once<T>(ready: impl Rust<Output = T>) -> T {
    match pin!(ready).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it is not ready"),
    }
}

/// Occupies the worker that had `key`, or another idle one, with a task that stops at the crossing.
fn occupy<S: 'static>(
    executor: &ProcessPoolExecutor<S>,
    key: &str,
    crossing: &Crossing,
) -> Future<u32> {
    let running = executor.submit_options().key(key).submit(cross, crossing.places());
    crossing.wait_for(1);
    running
}

/// Asserts that `count` tasks wait, and keep no later one from running on an idle worker.
fn assert_waiting<S: 'static>(executor: &ProcessPoolExecutor<S>, count: usize) {
    executor.submit(pid, ()).result().unwrap();
    let stats = executor.stats();
    assert_eq!((stats.queued, stats.running), (count, 1), "{stats:?}");
}

/// Of two workers, lets the first have the key "a" and stop in a task of it, which another task of the key
/// waits for. Returns the first worker's pid, its task and the one that waits.
fn waiting<S: 'static>(
    executor: &ProcessPoolExecutor<S>,
    task: fn(Places) -> u32,
    crossing: &Crossing,
) -> (u32, Future<u32>, Future<u32>) {
    executor.start_workers(2).result().unwrap();
    let first = run(executor, "a");
    let running = executor.submit_options().key("a").submit(task, crossing.places());
    crossing.wait_for(1);
    let waits = strict(executor, "a").submit(pid, ());
    assert_waiting(executor, 1);
    (first, running, waits)
}

#[test]
fn of_the_idle_workers_the_one_that_had_the_key_runs_the_task() {
    watch::within(watch::HANG, || {
        const KEYS: [&str; 4] = ["a", "b", "c", "d"];
        let executor = warm(4);
        let pids = KEYS.map(|key| run(&executor, key));
        assert_eq!(HashSet::from(pids).len(), 4, "new keys are spread: {pids:?}");
        let mut random = random();
        for _ in 0..100 {
            let chosen = random.random_range(0..4);
            assert_eq!(run(&executor, KEYS[chosen]), pids[chosen]);
        }
    });
}

#[test]
fn every_way_to_submit_takes_the_key() {
    watch::within(watch::HANG, || {
        let builder = builder(3).initializer(|| Ok::<u32, String>(std::process::id()));
        let executor = builder.queue_capacity(1).build().unwrap();
        executor.start_workers(3).result().unwrap();
        executor.submit_options().key("other").submit(pid, ()).result().unwrap();
        let options = executor.submit_options().key("a");
        let first = options.submit(pid, ()).result().unwrap();
        let with = |state: &mut u32, ()| *state;
        assert_eq!(options.submit_with(with, ()).result(), Ok(first));
        assert_eq!(options.try_submit(pid, ()).unwrap().result(), Ok(first));
        assert_eq!(options.try_submit_with(with, ()).unwrap().result(), Ok(first));
        assert_eq!(at_once(options.submit_async(pid, ())).result(), Ok(first));
        assert_eq!(at_once(options.submit_async_with(with, ())).result(), Ok(first));
        // The same key in another type.
        let owned = executor.submit_options().key("a".to_owned());
        assert_eq!(owned.submit(pid, ()).result(), Ok(first));
        assert_ne!(executor.submit_options().key("b").submit(pid, ()).result(), Ok(first));
    });
}

#[test]
fn a_task_whose_worker_is_busy_runs_on_an_idle_one_which_has_the_key_then() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = warm(3);
        let first = run(&executor, "a");
        let busy = occupy(&executor, "a", &crossing);
        let second = run(&executor, "a");
        assert_ne!(second, first, "it does not wait");
        crossing.let_go(1);
        assert_eq!(busy.result(), Ok(first));
        // Not the third, which had no key at all.
        let busy = occupy(&executor, "a", &crossing);
        let other = run(&executor, "a");
        crossing.let_go(1);
        assert_eq!(HashSet::from([other, busy.result().unwrap()]), HashSet::from([first, second]));
    });
}

#[test]
fn a_task_whose_worker_is_busy_starts_another_one() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(2);
        let busy = occupy(&executor, "a", &crossing);
        let second = run(&executor, "a");
        crossing.let_go(1);
        assert_ne!(busy.result(), Ok(second));
    });
}

#[test]
fn the_first_worker_that_is_free_runs_the_first_task_of_the_queue() {
    watch::within(watch::HANG, || {
        let (crossing, other) = (Crossing::new(), Crossing::new());
        let executor = warm(2);
        let path = crossing.file("notes");
        let busy = [occupy(&executor, "a", &crossing), occupy(&executor, "b", &other)];
        let submit = |options: SubmitOptions<'_, ()>, name: &str| {
            options.submit(note, (path.clone(), name.to_owned()))
        };
        let keyed = ["a", "b", "c", "a"];
        let keyed = keyed.map(|key| submit(executor.submit_options().key(key), key));
        let before = submit(executor.submit_options(), "-");
        let waits = submit(strict(&executor, "a"), "waits");
        let behind = submit(executor.submit_options(), "+");
        let queued: Vec<_> = keyed.into_iter().chain([before, behind]).collect();
        other.let_go(1);
        let second = busy[1].result().unwrap();
        assert!(queued.iter().all(|future| future.result() == Ok(second)), "only it is free");
        let order: String = notes(&path).into_iter().map(|(_, key)| key).collect();
        assert_eq!(order, "abca-+");
        crossing.let_go(1);
        let first = busy[0].result().unwrap();
        assert_ne!(first, second);
        assert_eq!(waits.result(), Ok(first));
    });
}

#[test]
fn a_worker_remembers_its_last_64_keys() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = warm(2);
        let first = run(&executor, "a");
        for (others, is_remembered) in [(63, true), (64, false)] {
            // So that the first runs all the others.
            let busy = occupy(&executor, "", &crossing);
            // A key that it has already counts once.
            for other in (0..others).chain(0..others) {
                assert_eq!(run(&executor, &other.to_string()), first);
            }
            crossing.let_go(1);
            busy.result().unwrap();
            assert_eq!(run(&executor, "a") == first, is_remembered, "after {others} others");
        }
    });
}

#[test]
fn a_strict_task_waits_for_its_worker_and_keeps_no_other_task_waiting() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(2);
        let (first, running, waits) = waiting(&executor, cross, &crossing);
        let second = strict(&executor, "a").submit(pid, ());
        assert_waiting(&executor, 2);
        assert!(!waits.done() && !waits.running() && !second.done());
        crossing.let_go(1);
        for future in [running, waits, second] {
            assert_eq!(future.result(), Ok(first));
        }
    });
}

#[test]
fn a_strict_task_waits_for_no_worker_if_an_idle_one_had_the_key() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = warm(3);
        // No worker had it.
        let first = strict(&executor, "a").submit(pid, ()).result().unwrap();
        let busy = occupy(&executor, "a", &crossing);
        let second = run(&executor, "a");
        assert_eq!(strict(&executor, "a").submit(pid, ()).result(), Ok(second));
        // Both are busy: one waits for each.
        let other = occupy(&executor, "a", &crossing);
        let waits = [(); 2].map(|()| strict(&executor, "a").submit(pid, ()));
        executor.submit(pid, ()).result().unwrap();
        assert_eq!(executor.stats().queued, 2);
        crossing.let_go(2);
        assert_eq!((busy.result(), other.result()), (Ok(first), Ok(second)));
        let pids = waits.map(|future| future.result().unwrap());
        assert_eq!(HashSet::from(pids), HashSet::from([first, second]));
    });
}

#[test]
fn strict_tasks_keep_their_place_in_the_queue() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(1);
        let path = crossing.file("notes");
        let running = occupy(&executor, "a", &crossing);
        let plain = || executor.submit_options();
        let waits = || strict(&executor, "a");
        let options = [waits(), waits(), plain(), waits(), plain().key("b"), waits()];
        let futures: Vec<_> = (0..)
            .zip(&options)
            .map(|(place, options)| options.submit(note, (path.clone(), place.to_string())))
            .collect();
        crossing.let_go(1);
        assert!(futures.iter().chain([&running]).all(|future| future.result().is_ok()));
        let order: String = notes(&path).into_iter().map(|(_, place)| place).collect();
        assert_eq!(order, "012345");
    });
}

/// Returns how many such tasks its worker has run before.
fn count_up(_: ()) -> usize {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    COUNT.fetch_add(1, Ordering::Relaxed)
}

#[test]
fn a_worker_that_a_task_waits_for_is_sent_nothing_ahead() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(1);
        let running = occupy(&executor, "a", &crossing);
        // Short ones: once that is known, many are sent ahead.
        let futures: Vec<_> = (0..6_000)
            .map(|number| {
                let options = match number % 1_000 {
                    999 => strict(&executor, "a"),
                    500 => executor.submit_options().key("a"),
                    _ => executor.submit_options(),
                };
                options.submit(count_up, ())
            })
            .collect();
        crossing.let_go(1);
        running.result().unwrap();
        let order: Vec<_> = futures.iter().map(|future| future.result().unwrap()).collect();
        assert!(order.iter().copied().eq(0..order.len()), "{order:?}");
    });
}

/// Stops at a crossing, and dies.
fn cross_and_die(places: Places) -> u32 {
    cross(places);
    kill_self();
    0
}

/// Stops at a crossing, and retires its worker.
fn cross_and_retire(places: Places) -> u32 {
    retire_worker();
    cross(places)
}

/// A task at a crossing, and what ends its worker, which has this pid.
type End = (fn(Places) -> u32, fn(u32, &Crossing, &Future<u32>));

#[test]
fn a_strict_task_whose_worker_ends_runs_on_another() {
    watch::within(watch::HANG, || {
        let ends: [End; 4] = [
            (cross_and_die, |_, crossing, _| crossing.let_go(1)),
            (cross_and_retire, |_, crossing, _| crossing.let_go(1)),
            (cross, |first, _, _| signal(first, Signal::SIGKILL)),
            (cross, |_, _, running| assert_eq!(running.kill(), KillOutcome::Killed)),
        ];
        for (task, end) in ends {
            let crossing = Crossing::new();
            let executor = replacing(2, 0);
            let (first, running, waits) = waiting(&executor, task, &crossing);
            let behind = strict(&executor, "a").submit(pid, ());
            end(first, &crossing, &running);
            let second = waits.result().unwrap();
            assert_ne!(second, first);
            // That one has the key now.
            assert_eq!((behind.result(), run(&executor, "a")), (Ok(second), second));
        }
    });
}

#[test]
fn a_strict_task_whose_worker_exceeds_a_time_limit_runs_on_another() {
    watch::within(watch::HANG, || {
        let executor = builder(2).grace(SHORT).build().unwrap();
        executor.start_workers(2).result().unwrap();
        let first = run(&executor, "a");
        let limited = executor.submit_options().key("a").time_limit(SHORT);
        let endless = limited.submit(|()| park(), ());
        let waits = strict(&executor, "a").submit(pid, ());
        assert!(matches!(endless.error(), Some(Error::TimeLimitExceeded { .. })));
        assert_ne!(waits.result().unwrap(), first);
    });
}

/// The initializer: its state is the input of the finalizer.
fn keep(places: Places) -> Result<Places, String> {
    Ok(places)
}

#[test]
fn no_task_waits_for_a_worker_that_exits() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = builder(2)
            .initializer_with_args(keep, crossing.places())
            .finalizer(stop_at)
            .build()
            .unwrap();
        let (first, running, waits) = waiting(&executor, cross_and_retire, &crossing);
        crossing.let_go(1);
        assert_eq!(running.result(), Ok(first));
        // Its finalizer.
        crossing.wait_for(1);
        let second = waits.result().unwrap();
        assert_ne!(second, first);
        assert_eq!(strict(&executor, "a").submit(pid, ()).result(), Ok(second));
        crossing.let_go(2);
    });
}

#[test]
fn no_task_waits_for_a_worker_that_runs_its_last_task() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = builder(2).max_tasks_per_child(3).build().unwrap();
        executor.start_workers(2).result().unwrap();
        let first = run(&executor, "a");
        let running = occupy(&executor, "a", &crossing);
        let last = strict(&executor, "a").submit(cross, crossing.places());
        // One more would be too many.
        assert_ne!(strict(&executor, "a").submit(pid, ()).result().unwrap(), first);
        crossing.let_go(1);
        crossing.wait_for(1);
        assert_ne!(strict(&executor, "a").submit(pid, ()).result().unwrap(), first);
        crossing.let_go(1);
        assert_eq!((running.result(), last.result()), (Ok(first), Ok(first)));
    });
}

#[test]
fn a_strict_task_whose_worker_was_idle_for_too_long_runs_on_another() {
    watch::within(watch::HANG, || {
        let executor = builder(2).idle_timeout(SHORT).build().unwrap();
        let mut events = executor.events();
        let first = run(&executor, "a");
        let (worker, reason) = await_exit(&mut events);
        assert_eq!((worker.pid, reason), (first, ExitReason::Idle));
        assert_ne!(strict(&executor, "a").submit(pid, ()).result().unwrap(), first);
    });
}

#[test]
fn a_strict_task_is_retried_on_another_worker() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = replacing(2, 1);
        let first = run(&executor, "a");
        let dies_once = |path: String| {
            if notes(&path).is_empty() {
                note((path, "dies".to_owned()));
                kill_self();
            }
            std::process::id()
        };
        std::fs::write(crossing.file("notes"), "").unwrap();
        let retried = strict(&executor, "a").submit(dies_once, crossing.file("notes"));
        assert_ne!(retried.result().unwrap(), first);
        assert_eq!(notes(&crossing.file("notes")), [(first, "dies".to_owned())]);
    });
}

#[test]
fn a_pool_that_breaks_fails_a_task_that_waits_for_its_worker() {
    watch::within(watch::HANG, || {
        let ends: [fn(&ProcessPoolExecutor, u32); 3] = [
            |_, first| signal(first, Signal::SIGKILL),
            |executor, _| executor.kill_workers(),
            |executor, _| executor.terminate_workers(),
        ];
        for end in ends {
            let crossing = Crossing::new();
            let executor = pool(2);
            let (first, running, waits) = waiting(&executor, cross, &crossing);
            end(&executor, first);
            let error = waits.error().expect("the pool is broken");
            assert!(!matches!(cause_of(&error), BrokenCause::Internal(_)), "{error}");
            assert_eq!(running.error(), Some(error));
        }
    });
}

#[test]
fn a_shutdown_runs_or_cancels_a_task_that_waits_for_its_worker() {
    watch::within(watch::HANG, || {
        for cancels in [false, true] {
            let crossing = Crossing::new();
            let executor = pool(2);
            let (first, running, waits) = waiting(&executor, cross, &crossing);
            let options = ShutdownOptions::new().wait(false).cancel_futures(cancels);
            executor.shutdown_with(options);
            if cancels {
                assert_eq!(waits.error(), Some(Error::Cancelled));
            }
            crossing.let_go(1);
            assert_eq!(running.result(), Ok(first));
            assert_eq!(waits.result(), if cancels { Err(Error::Cancelled) } else { Ok(first) });
        }
    });
}

#[test]
fn a_task_that_waits_for_its_worker_can_be_cancelled() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(2);
        let (first, running, waits) = waiting(&executor, cross, &crossing);
        let [killed, dropped, runs] = [(); 3].map(|()| strict(&executor, "a").submit(pid, ()));
        assert_waiting(&executor, 4);
        assert!(waits.cancel());
        assert_eq!(killed.kill(), KillOutcome::Cancelled);
        drop(dropped.into_future());
        assert_waiting(&executor, 1);
        crossing.let_go(1);
        assert_eq!((running.result(), runs.result()), (Ok(first), Ok(first)));
        assert_eq!([waits.error(), killed.error()], [(); 2].map(|()| Some(Error::Cancelled)));
    });
}

#[test]
fn a_cancelled_task_leaves_its_place_in_the_worker_that_it_waited_for() {
    watch::within(watch::HANG, || {
        let executor = builder(2).max_tasks_per_child(3).build().unwrap();
        executor.start_workers(2).result().unwrap();
        let (worker, crossing) = (run(&executor, "a"), Crossing::new());
        let second = occupy(&executor, "a", &crossing);
        let cancelled = strict(&executor, "a").submit(pid, ());
        assert!(cancelled.cancel());
        let third = strict(&executor, "a").submit(pid, ());
        crossing.let_go(1);
        assert_eq!((second.result(), third.result()), (Ok(worker), Ok(worker)));
    });
}

#[test]
fn a_task_that_waits_for_its_worker_takes_room_in_the_queue() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = builder(2).queue_capacity(1).build().unwrap();
        executor.start_workers(2).result().unwrap();
        let running = occupy(&executor, "a", &crossing);
        let waits = strict(&executor, "a").submit(pid, ());
        let refused = executor.try_submit(pid, ()).expect_err("it takes the room");
        assert_eq!(refused.reason, Error::QueueFull);
        assert!(waits.cancel());
        executor.try_submit(pid, ()).expect("that made room").result().unwrap();
        let waits = strict(&executor, "a").submit(pid, ());
        assert_eq!(executor.try_submit(pid, ()).unwrap_err().reason, Error::QueueFull);
        crossing.let_go(1);
        assert_eq!(waits.result(), running.result());
        executor.try_submit(pid, ()).expect("it was sent").result().unwrap();
    });
}

#[test]
fn waiting_for_a_worker_does_not_count_for_the_time_limit() {
    watch::within(watch::HANG, || {
        // Longer than the machine keeps a short task from running.
        let limit = SHORT * 25;
        let crossing = Crossing::new();
        let executor = builder(2).grace(SHORT).build().unwrap();
        executor.start_workers(2).result().unwrap();
        let running = occupy(&executor, "a", &crossing);
        let waits = strict(&executor, "a").time_limit(limit).submit(pid, ());
        let endless = executor.submit_options().time_limit(limit).submit(|()| park(), ());
        assert!(matches!(endless.error(), Some(Error::TimeLimitExceeded { .. })));
        assert!(!waits.done());
        crossing.let_go(1);
        assert_eq!(waits.result(), running.result());
    });
}

#[test]
fn a_map_without_an_item_keeps_no_task_with_a_key_waiting() {
    watch::within(watch::HANG, || {
        let executor = warm(2);
        let first = run(&executor, "a");
        let mut results = executor.map_options().buffersize(1).map(double, 0..10);
        // The next item is pulled when this result is read.
        until(|| executor.stats().done == 2);
        assert_eq!(run(&executor, "a"), first);
        assert_eq!(strict(&executor, "a").submit(pid, ()).result(), Ok(first));
        assert!(results.by_ref().map(Result::unwrap).eq((0..10).map(double)));
    });
}

#[test]
fn tasks_with_and_without_keys_all_settle_while_workers_end() {
    watch::within(watch::HANG, || {
        let mut random = random();
        let builder = replacing_builder(3, 1).max_tasks_per_child(50).max_tasks_jitter(50);
        let executor = builder.idle_timeout(SHORT).queue_capacity(50).build().unwrap();
        let tasks: [fn(u32) -> u32; 4] = [
            double,
            |_| {
                kill_self();
                0
            },
            |_| {
                retire_worker();
                0
            },
            |micros| {
                thread::sleep(std::time::Duration::from_micros(u64::from(micros)));
                0
            },
        ];
        let mut futures = Vec::new();
        for number in 0..600 {
            let task = if random.random_ratio(1, 50) { random.random_range(1..4) } else { 0 };
            let options = executor.submit_options();
            let options = match random.random_range(0..3) {
                0 => options,
                1 => options.key(random.random_range(0..4)),
                _ => options.key(random.random_range(0..4)).wait_for_worker(),
            };
            let future = options.submit(tasks[task], random.random_range(0..2_000));
            if random.random_ratio(1, 20) {
                future.cancel();
            }
            if number % 200 == 199 {
                assert!(executor.map(double, 0..100).all(|result| result.is_ok()));
            }
            futures.push(future);
        }
        for future in futures {
            let settled = future.result();
            let is_expected =
                matches!(settled, Ok(_) | Err(Error::Cancelled | Error::WorkerDied(_)));
            assert!(is_expected, "{settled:?}");
        }
        let stats = executor.stats();
        assert_eq!((stats.queued, stats.running, stats.busy), (0, 0, 0), "{stats:?}");
    });
}
