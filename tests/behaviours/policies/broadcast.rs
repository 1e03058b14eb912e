//! Functions that every worker runs, once: those that take tasks, and those that start later.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};

use nix::sys::signal::Signal;
use procpool::{
    BrokenCause, DeathPolicy, Error, ExitReason, Future, KillOutcome, ProcessPoolExecutor,
    ShutdownOptions, WorkerResult, retire_worker,
};
use procpool_testkit::crossing::{Crossing, Places, cross};
use procpool_testkit::os::signal;
use procpool_testkit::pool::{assert_works, cause_reported_by};
use procpool_testkit::task::{kill_self, pid};
use procpool_testkit::watch;
use rand::RngExt;

use crate::behaviours::lives::{
    SHORT, await_exit, builder, count, exits, note, notes, park, random, replacing,
    replacing_builder, stop_at, until,
};
use crate::behaviours::pools::{busy_pool, pool};

static LEVEL: AtomicU32 = AtomicU32::new(0);

/// Sets the worker's level; returns its pid.
fn set_level(level: u32) -> u32 {
    LEVEL.store(level, Ordering::Relaxed);
    pid(())
}

fn level((): ()) -> u32 {
    LEVEL.load(Ordering::Relaxed)
}

fn note_too(noted: (String, String)) -> u32 {
    note(noted)
}

fn started(workers: usize) -> ProcessPoolExecutor {
    let executor = pool(workers);
    executor.start_workers(workers).result().unwrap();
    executor
}

fn texts(file: &str) -> Vec<String> {
    notes(file).into_iter().map(|(_, text)| text).collect()
}

/// The result of the only worker.
fn only<R: procpool::Payload>(broadcast: &Future<Vec<WorkerResult<R>>>) -> Result<R, Error> {
    let [one] = <[_; 1]>::try_from(broadcast.result().unwrap()).ok().expect("one worker");
    one.result
}

fn die_in(victim: u32) -> u32 {
    (pid(()) == victim).then(kill_self);
    pid(())
}

#[test]
fn each_worker_that_takes_tasks_runs_it_once_and_is_named() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = started(3);
        let file = crossing.file("notes");
        let results = executor.broadcast(note, (file.clone(), "new".into())).result().unwrap();
        assert!(results.iter().all(|it| it.result == Ok(it.worker.pid)), "{results:?}");
        assert!(results.iter().map(|it| it.worker.id).eq(0..3), "{results:?}");
        assert_eq!(executor.map(pid, [(); 30]).filter(Result::is_ok).count(), 30);
        assert_eq!(count(&file, "new"), 3);
    });
}

#[test]
fn later_workers_run_it_once_before_their_first_task() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = builder(1).max_tasks_per_child(2).build().unwrap();
        let file = crossing.file("notes");
        for text in ["replaced", "last"] {
            let noted = executor.broadcast(note, (file.clone(), text.into()));
            assert_eq!(noted.result(), Ok(vec![]), "there are no workers yet");
        }
        assert_eq!(executor.broadcast(set_level, 7).result(), Ok(vec![]));
        let levels: Vec<_> = (0..6).map(|_| executor.submit(level, ()).result()).collect();
        assert_eq!(levels, vec![Ok(7); 6]);
        assert_eq!(texts(&file), ["last"; 3], "each of three workers ran two tasks");
        drop(executor);
        let idle = builder(1).idle_timeout(SHORT).build().unwrap();
        let mut events = idle.events();
        idle.start_workers(1).result().unwrap();
        idle.broadcast(set_level, 3).result().unwrap();
        await_exit(&mut events);
        assert_eq!(idle.submit(level, ()).result(), Ok(3));
    });
}

#[test]
fn a_worker_that_is_starting_runs_it_once_after_its_initializer() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let file = crossing.file("notes");
        let executor =
            builder(1).initializer_with_args(stop_at, crossing.places()).build().unwrap();
        let task = executor.submit(note, (file.clone(), "task".into()));
        crossing.wait_for(1);
        assert_eq!(executor.broadcast(note, (file.clone(), "one".into())).result(), Ok(vec![]));
        assert_eq!(executor.broadcast(note_too, (file.clone(), "two".into())).result(), Ok(vec![]));
        crossing.let_go(1);
        assert!(task.result().is_ok());
        assert_eq!(texts(&file), ["one", "two", "task"]);
    });
}

#[test]
fn a_busy_worker_runs_it_after_its_task_and_before_later_ones() {
    watch::within(watch::HANG, || {
        let (crossing, executor, running) = busy_pool();
        let file = crossing.file("notes");
        let what = |text: &str| (file.clone(), text.to_owned());
        let sets = ["one", "two"].map(|text| executor.broadcast(note, what(text)));
        let later = executor.submit(note, what("later"));
        let last = executor.broadcast(note_too, what("three"));
        assert!(sets.iter().all(|set| !set.done() && !set.cancel()), "they cannot be cancelled");
        crossing.let_go(1);
        let pid = running.result();
        assert!(sets.iter().chain([&last]).all(|set| only(set) == pid));
        assert_eq!(later.result(), pid);
        assert_eq!(texts(&file), ["one", "two", "three", "later"]);
    });
}

#[test]
fn a_broadcast_shares_the_state_and_its_values_arrive_whole() {
    watch::within(watch::HANG, || {
        let initializer = || Ok::<Vec<u8>, String>(vec![1]);
        let executor = builder(1).initializer(initializer).max_tasks_per_child(1).build().unwrap();
        let push = |state: &mut Vec<u8>, byte| {
            state.push(byte);
            state.clone()
        };
        assert_eq!(executor.broadcast_with(push, 2).result(), Ok(vec![]));
        assert_eq!(executor.submit_with(|state, ()| state.clone(), ()).result(), Ok(vec![1, 2]));
        executor.start_workers(1).result().unwrap();
        assert_eq!(only(&executor.broadcast_with(push, 3)), Ok(vec![1, 2, 3]));
        let long: Vec<u8> = (0..100_000_u32).map(|byte| byte as u8).collect();
        assert_eq!(only(&executor.broadcast(|bytes: Vec<u8>| bytes, long.clone())), Ok(long));
        assert_eq!(
            only(&executor.broadcast(|byte| char::from(byte).to_string(), 97)),
            Ok("a".into())
        );
    });
}

#[test]
fn a_panic_fails_one_worker_which_continues() {
    watch::within(watch::HANG, || {
        let executor = started(2);
        let pids = executor.broadcast(pid, ()).result().unwrap();
        let set = executor.broadcast(|picky| assert_ne!(pid(()), picky), pids[1].worker.pid);
        let results = set.result().unwrap();
        assert!(results[0].result.is_ok());
        assert!(matches!(results[1].result, Err(Error::Panicked(_))), "{results:?}");
        assert_eq!(executor.broadcast(pid, ()).result().unwrap(), pids);
    });
}

#[test]
fn a_death_fails_one_worker_where_dead_ones_are_replaced() {
    watch::within(watch::HANG, || {
        let executor = replacing(2, 3);
        for is_stopped in [false, true] {
            executor.start_workers(2).result().unwrap();
            let victim = executor.broadcast(pid, ()).result().unwrap()[0].worker.pid;
            // A stopped worker is sent the function, and never starts it.
            is_stopped.then(|| signal(victim, Signal::SIGSTOP));
            let set = executor.broadcast(die_in, victim);
            is_stopped.then(|| signal(victim, Signal::SIGKILL));
            let [dead, other] = <[_; 2]>::try_from(set.result().unwrap()).unwrap();
            assert!(dead.worker.pid == victim && matches!(dead.result, Err(Error::WorkerDied(_))));
            assert_eq!(other.result, Ok(other.worker.pid));
        }
        assert_works(&executor);
        drop(executor);
        let breaks = started(1);
        let victim = breaks.submit(pid, ()).result().unwrap();
        let dies = breaks.broadcast(die_in, victim);
        assert!(matches!(cause_reported_by(&dies), BrokenCause::WorkerDied(_)));
        assert!(matches!(
            cause_reported_by(&breaks.broadcast(pid, ())),
            BrokenCause::WorkerDied(_)
        ));
    });
}

#[test]
fn a_worker_that_ends_before_it_starts_it_is_named_and_replaced() {
    let end = |(places, way): (Places, u8)| {
        (way == 3).then(retire_worker);
        cross(places);
        match way {
            0 => kill_self(),
            1 => retire_worker(),
            2 => park(),
            _ => {}
        }
    };
    watch::within(watch::HANG, move || {
        for way in 0..4 {
            let crossing = Crossing::new();
            let executor = replacing(1, 0);
            let running = executor.submit(end, (crossing.places(), way));
            crossing.wait_for(1);
            let set = executor.broadcast(set_level, 5);
            crossing.let_go(1);
            assert!(way != 2 || running.kill() == KillOutcome::Killed);
            match way {
                0 => assert!(matches!(only(&set), Err(Error::WorkerDied(_)))),
                3 => assert_eq!(set.result(), Ok(vec![]), "it starts nothing more"),
                _ => assert_eq!(only(&set), Err(Error::Cancelled)),
            }
            assert_eq!(executor.submit(level, ()).result(), Ok(5));
        }
    });
}

#[test]
fn a_later_worker_in_which_it_fails_takes_no_tasks() {
    watch::within(watch::HANG, || {
        let fail = |text: String| assert!(text.is_empty(), "{text}");
        let breaks = pool(1);
        assert_eq!(breaks.broadcast(fail, "no".to_owned()).result(), Ok(vec![]));
        let cause = cause_reported_by(&breaks.submit(pid, ()));
        assert!(matches!(cause, BrokenCause::InitializerPanicked { .. }), "{cause}");
        drop(breaks);
        let crossing = Crossing::new();
        let replaces = replacing(1, 0);
        let events = replaces.events();
        let fail_once = |file| assert!(std::fs::File::create_new::<String>(file).is_err());
        replaces.broadcast(fail_once, crossing.file("trap")).result().unwrap();
        assert_works(&replaces);
        drop(replaces);
        assert_eq!(exits(events), [ExitReason::InitializerFailed, ExitReason::Finished]);
    });
}

#[test]
fn a_broadcast_counts_neither_for_max_tasks_nor_for_the_queue() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = builder(1).max_tasks_per_child(2).queue_capacity(1).build().unwrap();
        let first = executor.submit(pid, ()).result().unwrap();
        (0..5).for_each(|_| assert_eq!(only(&executor.broadcast(pid, ())), Ok(first)));
        let running = executor.submit(cross, crossing.places());
        crossing.wait_for(1);
        let queued = executor.try_submit(pid, ()).expect("there is room for one");
        assert!(executor.try_submit(pid, ()).is_err(), "there is room for one only");
        let set = executor.broadcast(pid, ());
        crossing.let_go(1);
        assert_eq!((running.result(), only(&set)), (Ok(first), Ok(first)), "before it exits");
        assert_ne!(queued.result(), Ok(first));
    });
}

#[test]
fn a_broadcast_has_the_pools_time_limit() {
    watch::within(watch::HANG, || {
        let executor = replacing_builder(1, 0).grace(SHORT).task_time_limit(SHORT).build().unwrap();
        executor.start_workers(1).result().unwrap();
        let victim = only(&executor.broadcast(pid, ())).unwrap();
        let hang = |victim| (pid(()) == victim).then(park).unwrap_or_default();
        let hangs = only(&executor.broadcast(hang, victim)).unwrap_err();
        assert!(matches!(hangs, Error::TimeLimitExceeded { .. }), "{hangs}");
        assert_works(&executor);
    });
}

#[test]
fn a_shutdown_runs_it_unless_it_cancels_and_a_kill_fails_it() {
    watch::within(watch::HANG, || {
        let (_crossing, executor, _running) = busy_pool();
        let set = executor.broadcast(pid, ());
        executor.kill_workers();
        assert_eq!(cause_reported_by(&set), BrokenCause::Killed);
    });
    for cancels in [false, true] {
        watch::within(watch::HANG, move || {
            let (crossing, executor, _running) = busy_pool();
            let set = executor.broadcast(set_level, 1);
            executor.shutdown_with(ShutdownOptions::new().wait(false).cancel_futures(cancels));
            assert_eq!(executor.broadcast(pid, ()).error(), Some(Error::Shutdown));
            crossing.let_go(1);
            executor.shutdown();
            assert_eq!(only(&set).err(), cancels.then_some(Error::Cancelled));
        });
    }
}

#[test]
fn callbacks_and_pools_inside_tasks_may_call_it() {
    watch::within(watch::HANG, || {
        let executor = Arc::new(pool(1));
        let (sender, receiver) = mpsc::channel();
        let theirs = Arc::clone(&executor);
        executor.submit(pid, ()).add_done_callback(move |done| {
            sender.send((done.result(), theirs.broadcast(pid, ()))).unwrap();
        });
        let (worker, set) = receiver.recv_timeout(watch::HANG).unwrap();
        assert_eq!(only(&set), worker);
        let inside = |()| {
            let inner = started(1);
            only(&inner.broadcast(set_level, 2)).is_ok_and(|worker| worker != pid(()))
        };
        assert_eq!(executor.submit(inside, ()).result(), Ok(true));
        until(|| Arc::strong_count(&executor) == 1);
    });
}

/// While workers come and go, no task ever sees a level older than its submission.
#[test]
fn no_task_runs_in_a_worker_that_has_not_run_it() {
    watch::within(watch::HANG, || {
        let mut random = random();
        let builder = builder(3).death_policy(DeathPolicy::Replace { retries: 0 });
        let executor = builder.max_tasks_per_child(40).build().unwrap();
        let (mut tasks, mut sets) = (Vec::new(), Vec::new());
        for round in 1..=60_u32 {
            sets.push(executor.broadcast(set_level, round));
            if round % 9 == 0 {
                drop(executor.submit(|()| kill_self(), ()));
            }
            let first = tasks.len();
            for _ in 0..random.random_range(1..60) {
                tasks.push((round, executor.submit(level, ())));
            }
            if random.random_bool(0.5) {
                let _ = tasks[first..].iter().step_by(7).filter(|(_, task)| task.cancel()).count();
                let _ = tasks[random.random_range(first..tasks.len())].1.result();
            }
        }
        for (round, task) in tasks {
            let seen = task.result();
            assert!(!matches!(seen, Ok(level) if level < round), "round {round} saw {seen:?}");
        }
        for WorkerResult { worker, result } in sets.iter().flat_map(|set| set.result().unwrap()) {
            assert!(result.is_err() || result == Ok(worker.pid), "{worker}: {result:?}");
        }
    });
}
