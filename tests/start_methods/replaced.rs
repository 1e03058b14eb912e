//! A forkserver that dies in a pool that replaces dead workers: it is replaced too, and its workers' tasks
//! are retried or fail like those of workers that die.

use std::path::Path;
use std::time::Duration;

use nix::libc;
use nix::sys::signal::{Signal, raise};
use procpool::{
    Activity, BrokenCause, Builder, DeathPolicy, Error, Event, EventKind, ExitReason,
    ProcessPoolExecutor, StartMethod, WorkerExit,
};
use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::os::{self, Watched};
use procpool_testkit::pool::cause_reported_by;
use procpool_testkit::watch;

fn replacing(retries: u32) -> Builder {
    let builder = ProcessPoolExecutor::builder().start_method(StartMethod::Forkserver);
    builder.death_policy(DeathPolicy::Replace { retries })
}

/// The worker that runs it, and its forkserver.
fn who((): ()) -> (u32, u32) {
    (std::process::id(), std::os::unix::process::parent_id())
}

fn server_of(executor: &ProcessPoolExecutor) -> Watched {
    Watched::new(executor.submit(who, ()).result().unwrap().1)
}

fn end(server: &Watched, signal: Signal) {
    assert!(server.signal(signal));
    assert!(server.ended_within(watch::HANG));
}

#[test]
fn tasks_of_a_dead_forkservers_workers_are_retried_on_a_new_one() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        // Even one failed start would be one too many.
        let executor = replacing(1).max_workers(2).max_failed_starts(1).build().unwrap();
        let server = server_of(&executor);
        let events = executor.events();
        let tasks = [(); 2].map(|()| executor.submit(cross, crossing.places()));
        crossing.wait_for(2);
        let waiting = executor.submit(who, ());
        end(&server, Signal::SIGKILL);
        crossing.wait_for(2);
        crossing.let_go(2);
        assert!(tasks.iter().all(|task| task.result().is_ok()), "{tasks:?}");
        assert_ne!(waiting.result().unwrap().1, server.pid);
        drop(executor);
        let kinds: Vec<EventKind> = events.map(|event| event.kind).collect();
        let exit = |kind: &&EventKind| {
            let reason = ExitReason::Died(WorkerExit::WithForkserver);
            matches!(kind, EventKind::WorkerExited(_, found) if *found == reason)
        };
        assert_eq!(kinds.iter().filter(exit).count(), 2, "{kinds:?}");
        let retried = |kind: &&EventKind| matches!(kind, EventKind::TaskRetried(_));
        assert_eq!(kinds.iter().filter(retried).count(), 2, "{kinds:?}");
    });
}

#[test]
fn a_task_without_retries_fails_alone_and_names_the_forkserver() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = replacing(0).max_workers(1).max_failed_starts(1).build().unwrap();
        let server = server_of(&executor);
        let task = executor.submit(cross, crossing.places());
        crossing.wait_for(1);
        let later = executor.submit(who, ());
        end(&server, Signal::SIGKILL);
        let error = task.error();
        let Some(Error::WorkerDied(death)) = error else { panic!("{error:?}") };
        assert_eq!(death.exit, WorkerExit::WithForkserver);
        let text = death.to_string();
        assert!(text.contains("ended with the forkserver that forked it while running"), "{text}");
        assert_ne!(later.result().unwrap().1, server.pid);
    });
}

#[test]
fn an_idle_pool_starts_a_new_forkserver_for_new_tasks() {
    watch::within(watch::HANG, || {
        let executor = replacing(0).max_workers(1).max_failed_starts(1).build().unwrap();
        let mut events = executor.events();
        for _ in 0..3 {
            let server = server_of(&executor);
            end(&server, Signal::SIGKILL);
            // Until then its worker may be given a task.
            let is_exit = |event: &Event| matches!(event.kind, EventKind::WorkerExited(..));
            assert!(events.any(|event| is_exit(&event)));
        }
        assert_eq!(executor.submit(|x: u32| 2 * x, 21).result(), Ok(42));
    });
}

#[test]
fn a_forkserver_that_dies_without_workers_is_no_failed_start() {
    watch::within(watch::HANG, || {
        let builder = replacing(0).max_workers(1).idle_timeout(Duration::from_millis(1));
        let executor = builder.max_failed_starts(1).build().unwrap();
        let mut events = executor.events();
        let server = server_of(&executor);
        assert!(events.any(|event| matches!(event.kind, EventKind::WorkerExited(..))));
        assert!(server.signal(Signal::SIGKILL));
        // Until the pool has reaped it, it may be asked for a worker.
        while os::process(server.pid).is_some() {
            std::thread::yield_now();
        }
        assert_eq!(executor.submit(|x: u32| 2 * x, 21).result(), Ok(42));
    });
}

#[test]
fn a_start_that_its_forkserver_ends_is_no_failed_start() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let builder = replacing(0).max_workers(1).max_failed_starts(1);
        let file = crossing.file("server");
        let initializer = |(file, places): (String, _)| {
            std::fs::write(file, who(()).1.to_string()).expect("the folder exists");
            cross(places);
        };
        let args = (file.clone(), crossing.places());
        let builder = builder.initializer_with_args(initializer, args);
        let executor = builder.build().unwrap();
        let events = executor.events();
        let task = executor.submit(who, ());
        crossing.wait_for(1);
        let server = std::fs::read_to_string(file).unwrap().parse().unwrap();
        end(&Watched::new(server), Signal::SIGKILL);
        crossing.wait_for(1);
        crossing.let_go(1);
        assert!(task.result().is_ok(), "{task:?}");
        drop(executor);
        let exits = events.filter_map(|event| match event.kind {
            EventKind::WorkerExited(_, reason) => Some(reason),
            _ => None,
        });
        let expected = [ExitReason::Died(WorkerExit::WithForkserver), ExitReason::Finished];
        assert_eq!(exits.collect::<Vec<_>>(), expected);
    });
}

#[test]
fn a_map_continues_with_a_new_forkserver() {
    watch::within(watch::HANG, || {
        let executor = replacing(5).max_workers(2).build().unwrap();
        let server = server_of(&executor);
        let mut results = executor.map(|x: u64| x + 1, 0..100_000);
        assert_eq!(results.next(), Some(Ok(1)));
        end(&server, Signal::SIGKILL);
        assert!(results.zip(2..=100_000).all(|(found, expected)| found == Ok(expected)));
    });
}

#[test]
fn a_forkserver_that_never_gets_ready_breaks_the_pool_at_the_limit() {
    watch::within(watch::HANG, || {
        let builder = replacing(0).preload(|| std::process::exit(7)).max_failed_starts(3);
        let executor = builder.max_workers(2).build().unwrap();
        let cause = cause_reported_by(&executor.submit(|()| (), ()));
        let BrokenCause::ForkserverDied { exit, activity, .. } = cause else { panic!("{cause}") };
        assert_eq!((exit, activity), (WorkerExit::Code(7), Activity::Preloading));
    });
}

/// Ends the first forkserver that runs it, and creates the file `DIED` for that.
fn die_once() {
    let path = std::env::var("DIED").expect("the test sets it");
    if !Path::new(&path).exists() {
        std::fs::write(path, "").expect("the folder is there");
        raise(Signal::SIGKILL).expect("a process can be signalled");
    }
}

#[test]
fn a_forkserver_that_dies_in_preload_once_is_replaced() {
    watch::within(watch::HANG, || {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("died");
        let builder = replacing(0).env("DIED", &path).preload(die_once).max_failed_starts(2);
        let executor = builder.max_workers(1).build().unwrap();
        assert_eq!(executor.submit(|x: u32| 2 * x, 21).result(), Ok(42));
        assert!(path.exists());
    });
}

/// Ends the forkserver unless the file `SERVICE` exists.
fn need_service() {
    let path = std::env::var("SERVICE").expect("the test sets it");
    if !Path::new(&path).exists() {
        std::process::exit(7);
    }
}

#[test]
fn a_forkserver_that_fails_delays_the_next_one() {
    watch::within(watch::HANG, || {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("service");
        let never = Duration::from_secs(3600);
        let builder = replacing(0).env("SERVICE", &path).preload(need_service);
        let executor = builder.max_workers(1).start_backoff(never, never).build().unwrap();
        let mut events = executor.events();
        let task = executor.submit(|x: u32| 2 * x, 21);
        let first = events.next_timeout(watch::HANG).map(|event| event.kind);
        let Some(EventKind::StartFailed(BrokenCause::ForkserverDied { exit, .. })) = first else {
            panic!("{first:?}")
        };
        assert_eq!((exit, executor.stats().failed_starts), (WorkerExit::Code(7), 1));
        assert_eq!(events.next_timeout(Duration::from_millis(100)), None);
        assert_eq!(executor.stats().failed_starts, 1);
        std::fs::write(path, "").expect("the folder is there");
        executor.shutdown();
        assert_eq!(task.result(), Ok(42));
    });
}

#[test]
fn a_forkserver_that_does_not_answer_is_replaced() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let builder = replacing(1).max_workers(2).start_timeout(Duration::from_secs(2));
        let executor = builder.build().unwrap();
        let server = server_of(&executor);
        assert!(server.signal(Signal::SIGSTOP));
        // One of them needs a worker that this forkserver does not start.
        let tasks = [(); 2].map(|()| executor.submit(cross, crossing.places()));
        assert!(server.ended_within(watch::HANG), "it is given up");
        crossing.let_go(3);
        assert!(tasks.iter().all(|task| task.result().is_ok()), "{tasks:?}");
    });
}

#[test]
fn a_forkserver_that_never_answers_is_the_cause_in_the_end() {
    watch::within(watch::HANG, || {
        let hang = || loop {
            nix::unistd::pause();
        };
        let limit = Duration::from_millis(300);
        let builder = replacing(0).preload(hang).start_timeout(limit).max_failed_starts(2);
        let cause = cause_reported_by(&builder.build().unwrap().submit(|()| (), ()));
        let BrokenCause::ForkserverTimeout { activity, .. } = cause else { panic!("{cause}") };
        assert_eq!(activity, Activity::Preloading);
    });
}

#[test]
fn a_pool_can_be_ended_while_its_forkserver_is_replaced() {
    watch::within(watch::HANG, || {
        for kills in [false, true] {
            let executor = replacing(0).max_workers(2).build().unwrap();
            let server = server_of(&executor);
            let crossing = Crossing::new();
            let task = executor.submit(cross, crossing.places());
            crossing.wait_for(1);
            assert!(server.signal(Signal::SIGKILL));
            if kills {
                executor.kill_workers();
            }
            drop(executor);
            assert!(task.error().is_some());
            assert_eq!(os::process(server.pid), None, "it is reaped");
        }
    });
}

#[test]
fn a_worker_that_survives_its_forkserver_is_killed() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let forget = |places| {
            // SAFETY: prctl(2) takes integers here.
            unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, 0) };
            cross(places)
        };
        let executor = replacing(0).max_workers(1).build().unwrap();
        let (worker, server) = executor.submit(who, ()).result().unwrap();
        let (worker, server) = (Watched::new(worker), Watched::new(server));
        let task = executor.submit(forget, crossing.places());
        crossing.wait_for(1);
        end(&server, Signal::SIGKILL);
        assert!(worker.ended_within(watch::HANG));
        assert!(matches!(task.error(), Some(Error::WorkerDied(_))));
    });
}
