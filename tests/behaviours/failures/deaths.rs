//! Workers that are killed or exit: the pool is broken, and every error reports how and during which
//! activity.

use std::process::Command;

use nix::libc;
use nix::sys::signal::Signal;
use procpool::{Activity, BrokenCause, Error, WorkerExit};
use procpool_testkit::gate::{self, Gate};
use procpool_testkit::os::{Watched, signal};
use procpool_testkit::pool::{assert_works, cause_of};
use procpool_testkit::task::kill_self;
use procpool_testkit::watch;

use crate::behaviours::errors::{PROMISE, exit, prompt_error};
use crate::behaviours::pools::{pool, pool_beside_another};

fn assert_died(cause: &BrokenCause, expected: WorkerExit, doing: Activity) {
    let BrokenCause::WorkerDied(death) = cause else { panic!("{cause}") };
    assert_eq!((death.exit, death.activity), (expected, doing), "{cause}");
}

/// Reports its pid, and waits for a permit.
fn stay((arrived, go_on): (String, String)) -> u32 {
    gate::give(&arrived);
    gate::take(&go_on);
    std::process::id()
}

// Behaviours: BRK-01, BRK-02.
#[test]
fn a_killed_task_breaks_the_pool() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let error = prompt_error(&executor.submit(|()| kill_self(), ()));
        assert_died(cause_of(&error), WorkerExit::Signal(libc::SIGKILL), Activity::Running(1));
        assert!(error.to_string().ends_with("was killed by SIGKILL while running work item 1"));
    });
}

// Behaviours: BRK-02, BRK-03.
#[test]
fn a_death_reports_the_workers_resource_usage() {
    use nix::sys::resource::{UsageWho, getrusage};
    const MEMORY: usize = 64 << 20;
    const MICROS: i64 = 30_000;
    /// Fills memory, works until it has used processor time, and dies.
    fn use_much((): ()) {
        std::hint::black_box(vec![1_u8; MEMORY]);
        let used = || getrusage(UsageWho::RUSAGE_SELF).expect("it is this process").user_time();
        while used().tv_sec() * 1_000_000 + used().tv_usec() < MICROS {}
        kill_self();
    }
    watch::within(watch::HANG, || {
        let error = pool(1).submit(use_much, ()).error().expect("it dies");
        let BrokenCause::WorkerDied(death) = cause_of(&error) else { panic!("{error}") };
        let usage = death.usage.expect("nobody else has reaped it");
        assert!(usage.max_rss >= MEMORY as u64, "{usage:?}");
        assert!(usage.user_time.as_micros() >= MICROS as u128, "{usage:?}");
    });
}

#[test]
fn a_task_that_crashes_breaks_the_pool() {
    fn crash((): ()) {
        // Without a core dump for every run of a test.
        nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_CORE, 0, 0).unwrap();
        nix::sys::signal::raise(Signal::SIGSEGV).unwrap();
    }
    watch::within(watch::HANG, || {
        let error = prompt_error(&pool(1).submit(crash, ()));
        assert_died(cause_of(&error), WorkerExit::Signal(libc::SIGSEGV), Activity::Running(1));
    });
}

// Behaviours: BRK-02, BRK-03.
#[test]
fn a_task_that_exits_with_any_code_breaks_the_pool() {
    watch::within(watch::HANG, || {
        for code in [0, 1, 99] {
            let error = prompt_error(&pool(1).submit(exit, code));
            assert_died(cause_of(&error), WorkerExit::Code(code), Activity::Running(1));
            assert!(error.to_string().contains(&format!("exited with code {code}")), "{error}");
        }
    });
}

// Behaviours: MAP-21.
#[test]
fn a_death_in_a_map_keeps_the_results_of_finished_chunks() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let results = executor.map_options().chunksize(2).map(
            |x: u32| {
                if x == 2 {
                    exit(7)
                }
            },
            0..6,
        );
        let results: Vec<_> = results.collect();
        assert_eq!(results[..2], [Ok(()), Ok(())], "finished chunks keep their results");
        for result in &results[2..] {
            let error = result.as_ref().unwrap_err();
            assert!(matches!(cause_of(error), BrokenCause::WorkerDied(_)), "{error}");
        }
    });
}

// Behaviours: BRK-16.
#[test]
fn an_idle_worker_that_is_killed_breaks_the_pool() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let pid = executor.submit(|()| std::process::id(), ()).result().unwrap();
        let worker = Watched::new(pid);
        signal(pid, Signal::SIGTERM);
        assert!(worker.ended_within(watch::HANG));
        // The pool may notice it a moment later than this test; the error is then the same.
        let error = loop {
            match executor.submit(|()| (), ()).result() {
                Ok(()) => {}
                Err(error) => break error,
            }
        };
        let BrokenCause::WorkerDied(death) = cause_of(&error) else { panic!("{error}") };
        assert_eq!((death.pid, death.exit), (pid, WorkerExit::Signal(libc::SIGTERM)));
    });
}

// Behaviours: SUB-05, BRK-04, BRK-05.
#[test]
fn a_death_fails_unfinished_tasks_and_keeps_results() {
    watch::within(watch::HANG, || {
        let folder = tempfile::tempdir().unwrap();
        let (arrived, never) =
            (Gate::new(folder.path(), "arrived"), Gate::new(folder.path(), "never"));
        let executor = pool(2);
        let finished = executor.submit(|x: u32| x + 1, 1);
        assert_eq!(finished.result(), Ok(2));
        let sibling = executor.submit(stay, (arrived.path(), never.path()));
        arrived.take(1, watch::HANG).unwrap();
        let queued: Vec<_> = (0..1_000).map(|_| executor.submit(|()| kill_self(), ())).collect();
        let error = prompt_error(&queued[0]);
        let BrokenCause::WorkerDied(death) = cause_of(&error) else { panic!("{error}") };
        assert_eq!(death.activity, Activity::Running(3));
        assert_eq!(prompt_error(&sibling), error);
        for future in &queued {
            assert_eq!(prompt_error(future), error);
        }
        assert_eq!(prompt_error(&executor.submit(|()| (), ())), error);
        assert_eq!(finished.result(), Ok(2));
    });
}

// Behaviours: BRK-06, BRK-07.
#[test]
fn siblings_of_a_dead_worker_are_killed_even_if_they_ignore_sigterm() {
    fn ignore_and_stay((place, arrived, never): (String, String, String)) -> u32 {
        use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, sigaction};
        let ignore = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
        // SAFETY: ignoring a signal runs no code.
        unsafe { sigaction(Signal::SIGTERM, &ignore) }.unwrap();
        std::fs::write(place, std::process::id().to_string()).unwrap();
        stay((arrived, never))
    }
    watch::within(watch::HANG, || {
        let folder = tempfile::tempdir().unwrap();
        let (arrived, never) =
            (Gate::new(folder.path(), "arrived"), Gate::new(folder.path(), "never"));
        let place = folder.path().join("sibling");
        let path = place.to_str().expect("a plain name").to_owned();
        let executor = pool(2);
        let sibling = executor.submit(ignore_and_stay, (path, arrived.path(), never.path()));
        arrived.take(1, watch::HANG).unwrap();
        let pid = std::fs::read_to_string(place).unwrap().parse().unwrap();
        let worker = Watched::new(pid);
        prompt_error(&executor.submit(|()| kill_self(), ()));
        assert!(worker.ended_within(PROMISE), "the sibling lives on");
        prompt_error(&sibling);
    });
}

// Behaviours: BRK-18, BRK-19.
#[test]
fn a_death_does_not_affect_another_pool() {
    watch::within(watch::HANG, || {
        let (doomed, other) = (pool(1), pool_beside_another(1));
        assert_works(&doomed);
        assert_works(&other);
        prompt_error(&doomed.submit(|()| kill_self(), ()));
        assert_works(&other);
        assert_works(&pool_beside_another(1));
    });
}

// Behaviours: BRK-10.
#[test]
fn a_worker_killed_while_it_sends_a_long_result_breaks_the_pool() {
    /// Makes another process kill it, soon; most of the result is still to be sent then.
    fn doomed((): ()) -> Vec<u8> {
        let script = format!("kill -9 {}", std::process::id());
        let mut killer = Command::new("/bin/sh").args(["-c", &script]).spawn().expect("a shell");
        std::thread::spawn(move || killer.wait());
        vec![1; 256 << 20]
    }
    watch::within(watch::HANG, || {
        let error = pool(1).submit(doomed, ()).error().expect("256 MiB take longer than a shell");
        assert_died(cause_of(&error), WorkerExit::Signal(libc::SIGKILL), Activity::Running(1));
    });
}

// Behaviours: BRK-15.
#[test]
fn a_death_right_after_the_result_keeps_the_result() {
    /// Its state ends the process when the worker drops it, after the last task.
    fn last_result((): ()) -> u32 {
        42
    }
    watch::within(watch::HANG, || {
        let executor = crate::builder()
            .max_workers(1)
            .initializer(|| Ok::<_, String>(ExitsWhenDropped))
            .build()
            .unwrap();
        let future = executor.submit(last_result, ());
        drop(executor);
        assert_eq!(future.result(), Ok(42));
    });
}

struct ExitsWhenDropped;

impl Drop for ExitsWhenDropped {
    fn drop(&mut self) {
        exit(9);
    }
}

// Behaviours: FUT-15.
#[test]
fn each_future_has_an_error_of_its_own() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let futures = [executor.submit(|()| kill_self(), ()), executor.submit(|()| (), ())];
        let [first, second] = futures.map(|future| future.error());
        let (Some(Error::BrokenProcessPool(first)), Some(Error::BrokenProcessPool(second))) =
            (first, second)
        else {
            panic!("both fail with the pool")
        };
        assert_eq!(first, second);
        assert!(!std::ptr::eq(&raw const first, &raw const second));
    });
}
