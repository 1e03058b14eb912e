//! Tasks that exceed their time limit: asked to stop, terminated, killed; no other task is affected.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal, killpg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use procpool::{Error, EventKind, ExitReason, Future, should_stop};
use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::os::{is_gone, signal};
use procpool_testkit::pool::assert_works;
use procpool_testkit::task::pid;
use procpool_testkit::{os, program, start, watch};
use rand::RngExt;

use crate::behaviours::lives::{
    NEVER, SHORT, await_event, await_exit, builder, count, exits, note, notes, park, random,
    refuse_sigterm, until,
};

fn is_over_limit<T: std::fmt::Debug>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::TimeLimitExceeded { .. }))
}

// Behaviours: TMO-02.
#[test]
fn a_task_over_its_time_limit_fails_and_its_worker_is_replaced() {
    watch::within(watch::HANG, || {
        let executor = builder(1).task_time_limit(SHORT).grace(SHORT).build().unwrap();
        let mut events = executor.events();
        // The limit is for tasks that never end: a task that ends may be slow here.
        let before = executor.submit_options().time_limit(NEVER).submit(pid, ()).result().unwrap();
        let endless = executor.submit(|()| park(), ());
        let expected = Error::TimeLimitExceeded { work_item: 2, limit: SHORT };
        assert_eq!(endless.result(), Err(expected));
        let late = |kind| (kind == EventKind::TimeLimitExceeded(2)).then_some(());
        await_event(&mut events, late);
        assert_ne!(
            executor.submit_options().time_limit(NEVER).submit(pid, ()).result().unwrap(),
            before
        );
        let (worker, reason) = await_exit(&mut events);
        assert_eq!((worker.pid, reason), (before, ExitReason::TimeLimitExceeded));
        assert!(is_gone(before));
        assert_eq!(
            endless.error().unwrap().to_string(),
            "work item 2 ran for longer than 20ms and was ended"
        );
    });
}

// Behaviours: TMO-03.
#[test]
fn a_task_that_refuses_sigterm_is_killed() {
    watch::within(watch::HANG, || {
        let executor = builder(1).grace(SHORT).build().unwrap();
        let events = executor.events();
        let refuses = |()| {
            refuse_sigterm();
            park();
        };
        assert!(is_over_limit(
            &executor.submit_options().time_limit(SHORT).submit(refuses, ()).result()
        ));
        assert_works(&executor);
        drop(executor);
        assert_eq!(exits(events), [ExitReason::TimeLimitExceeded, ExitReason::Finished]);
    });
}

// Behaviours: TMO-03.
#[test]
fn sigterm_precedes_sigkill_and_the_worker_gets_no_more_tasks() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let path = crossing.file("notes");
        let executor = builder(1).grace(5 * SHORT).build().unwrap();
        let events = executor.events();
        // It treats SIGTERM as a request, and returns.
        let handles = |path: String| {
            let mut sigterm = SigSet::empty();
            sigterm.add(Signal::SIGTERM);
            sigterm.thread_block().expect("a signal can be blocked");
            note((path.clone(), "waits".to_owned()));
            sigterm.wait().expect("it can be waited for");
            note((path, "told".to_owned()))
        };
        let late = executor.submit_options().time_limit(SHORT).submit(handles, path.clone());
        assert!(is_over_limit(&late.result()));
        let next = executor.submit(note, (path.clone(), "next".to_owned())).result().unwrap();
        drop(executor);
        let notes = notes(&path);
        let whats: Vec<&str> = notes.iter().map(|(_, what)| &**what).collect();
        assert_eq!(whats, ["waits", "told", "next"]);
        assert!(notes[0].0 == notes[1].0 && notes[1].0 != next);
        assert_eq!(exits(events), [ExitReason::TimeLimitExceeded, ExitReason::Finished]);
    });
}

#[test]
fn a_task_that_stops_when_it_is_asked_to_keeps_its_worker() {
    watch::within(watch::HANG, || {
        for grace in [NEVER, Duration::MAX] {
            let executor = builder(1).grace(grace).build().unwrap();
            let events = executor.events();
            let worker = executor.submit(pid, ()).result().unwrap();
            for _ in 0..3 {
                let stops =
                    executor.submit_options().time_limit(SHORT).submit(|()| until(should_stop), ());
                assert!(is_over_limit(&stops.result()));
                // The request does not apply to the next task.
                let next = executor.submit(|()| (should_stop(), std::process::id()), ());
                assert_eq!(next.result(), Ok((false, worker)));
            }
            drop(executor);
            assert_eq!(exits(events), [ExitReason::Finished], "{grace:?}");
        }
        assert!(!should_stop(), "this is no task");
    });
}

#[test]
fn the_longest_duration_is_no_limit() {
    watch::within(watch::HANG, || {
        let executor = builder(1)
            .task_time_limit(Duration::MAX)
            .idle_timeout(Duration::MAX)
            .finalizer_time_limit(Duration::MAX)
            .start_timeout(Duration::MAX)
            .build()
            .unwrap();
        let events = executor.events();
        assert_works(&executor);
        assert_eq!(
            executor
                .map_options()
                .chunksize(9)
                .map(|x: u32| x, [1, 2])
                .filter(Result::is_ok)
                .count(),
            2
        );
        drop(executor);
        assert_eq!(exits(events), [ExitReason::Finished]);
    });
}

#[test]
fn a_stopped_worker_is_killed_at_the_time_limit() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = builder(1).grace(SHORT).build().unwrap();
        let events = executor.events();
        let worker = executor.submit(pid, ()).result().unwrap();
        let stopped =
            executor.submit_options().time_limit(10 * SHORT).submit(cross, crossing.places());
        crossing.wait_for(1);
        signal(worker, Signal::SIGSTOP);
        assert!(is_over_limit(&stopped.result()));
        assert_works(&executor);
        drop(executor);
        assert_eq!(exits(events), [ExitReason::TimeLimitExceeded, ExitReason::Finished]);
    });
}

#[test]
fn time_in_the_queue_does_not_count() {
    watch::within(watch::HANG, || {
        const LIMIT: Duration = Duration::from_millis(1500);
        let executor = builder(1).task_time_limit(LIMIT).build().unwrap();
        // Short ones first, so that others are sent ahead. Together they take longer than the limit.
        let short: Vec<_> = (0..50).map(|_| executor.submit(|()| (), ())).collect();
        let sleep = |()| thread::sleep(LIMIT / 5);
        let long: Vec<_> = (0..6).map(|_| executor.submit(sleep, ())).collect();
        assert!(short.iter().chain(&long).all(|future| future.result() == Ok(())));
    });
}

#[test]
fn a_task_that_no_worker_has_started_is_not_late() {
    watch::within(watch::HANG, || {
        const LIMIT: Duration = Duration::from_secs(1);
        let executor = builder(1).build().unwrap();
        let worker = executor.submit(pid, ()).result().unwrap();
        signal(worker, Signal::SIGSTOP);
        until(|| os::process(worker).is_some_and(|worker| worker.state == 'T'));
        let sent = executor.submit_options().time_limit(LIMIT).submit(pid, ());
        assert_eq!(sent.result_timeout(LIMIT * 5 / 4), Err(Error::TimedOut(LIMIT * 5 / 4)));
        signal(worker, Signal::SIGCONT);
        assert_eq!(sent.result(), Ok(worker));
    });
}

/// How often the manager thread of the only pool in this process has slept.
fn sleeps_of_the_manager() -> u64 {
    let threads = std::fs::read_dir("/proc/self/task").expect("it is there");
    let read = |folder: &Path, file| std::fs::read_to_string(folder.join(file)).unwrap_or_default();
    let status = threads
        .filter_map(|thread| Some(thread.ok()?.path()))
        .find(|thread| read(thread, "comm").starts_with("procpool-manage"))
        .map(|thread| read(&thread, "status"))
        .expect("there is a manager");
    let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    count.and_then(|count| count.trim().parse().ok()).expect("it is counted")
}

#[test]
fn the_manager_does_not_tick_without_limited_tasks() {
    watch::within(watch::HANG, || {
        // In a process with only one pool.
        let inside = |()| {
            let executor = builder(1).build().expect("a pool can be made in a worker");
            let limited = executor.submit_options().time_limit(Duration::from_millis(1));
            let _late_or_not = limited.submit(|()| (), ()).result();
            executor.submit(|()| (), ()).result().expect("it has no limit");
            // It has seen the result, and sleeps.
            thread::sleep(SHORT);
            let before = sleeps_of_the_manager();
            thread::sleep(10 * SHORT);
            sleeps_of_the_manager() - before
        };
        let slept = builder(1).build().unwrap().submit(inside, ()).result().unwrap();
        assert!(slept < 20, "it woke {slept} times in 200 ms");
    });
}

#[test]
fn an_exceeded_limit_spares_tasks_behind_it_for_any_waiter() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let path = crossing.file("notes");
        let executor = builder(1).grace(SHORT).build().unwrap();
        for round in 0..3 {
            let short: Vec<_> = (0..50).map(|_| executor.submit(|()| (), ())).collect();
            let endless = executor.submit_options().time_limit(SHORT).submit(|()| park(), ());
            let name = |number: u32| (path.clone(), format!("{round} {number}"));
            let behind: Vec<_> = (0..8).map(|number| executor.submit(note, name(number))).collect();
            thread::scope(|scope| {
                let waiting = scope.spawn(|| endless.result());
                let others: Vec<_> =
                    behind.iter().map(|future| scope.spawn(|| future.result())).collect();
                assert!(is_over_limit(&waiting.join().unwrap()));
                assert!(others.into_iter().all(|other| other.join().unwrap().is_ok()));
            });
            assert!(short.iter().all(Future::done));
            assert!((0..8).all(|number| count(&path, &format!("{round} {number}")) == 1));
        }
    });
}

#[test]
fn a_chunk_over_its_time_limit_keeps_its_finished_results() {
    watch::within(watch::HANG, || {
        let executor = builder(1).task_time_limit(5 * SHORT).grace(SHORT).build().unwrap();
        let one_parks = |item: u32| {
            if item == 1 {
                park();
            }
            item
        };
        let results: Vec<_> = executor.map_options().chunksize(3).map(one_parks, 0..6).collect();
        let limit = 15 * SHORT;
        let failed = |result: &Result<u32, Error>| matches!(result, Err(Error::TimeLimitExceeded { limit: of, .. }) if *of == limit);
        assert_eq!(results[0], Ok(0));
        assert!(failed(&results[1]) && failed(&results[2]), "{results:?}");
        // On a machine that stands still these may take too long as well.
        assert!(results[3..].iter().all(|result| result.is_ok() || failed(result)), "{results:?}");
    });
}

#[test]
fn a_limit_that_races_the_result_yields_one_of_the_two() {
    watch::within(watch::HANG, || {
        let mut random = random();
        let crossing = Crossing::new();
        let path = crossing.file("notes");
        let (mut results, mut late) = (0, 0);
        // SIGTERM arrives as the task returns, or it never arrives.
        for grace in [Duration::ZERO, Duration::from_millis(1), NEVER] {
            let executor = builder(2).grace(grace).build().unwrap();
            for round in 0..40 {
                let what = format!("{grace:?} {round}");
                let nap = random.random_range(1_000..3_000);
                let task = |(micros, path, what): (u64, String, String)| {
                    thread::sleep(Duration::from_micros(micros));
                    note((path, what));
                    micros
                };
                let limited = executor.submit_options().time_limit(Duration::from_millis(2));
                let future = limited.submit(task, (nap, path.clone(), what.clone()));
                let behind = executor.submit(pid, ());
                match future.result() {
                    Ok(value) => assert_eq!((value, count(&path, &what)), (nap, 1)),
                    Err(error) => {
                        assert!(matches!(error, Error::TimeLimitExceeded { .. }), "{error}")
                    }
                }
                results += u32::from(future.result().is_ok());
                late += u32::from(future.result().is_err());
                assert!(behind.result().is_ok());
                assert!(count(&path, &what) <= 1, "it ran twice");
            }
        }
        println!("{results} results, {late} late");
    });
}

#[test]
fn a_limit_reached_while_a_long_result_is_sent_yields_one_of_the_two() {
    watch::within(watch::HANG, || {
        let executor = builder(1).grace(NEVER).build().unwrap();
        for millis in [1, 2, 4, 8, 16] {
            let limited = executor.submit_options().time_limit(Duration::from_millis(millis));
            let future = limited.submit(|length: usize| vec![7_u8; length], 8 << 20);
            match future.result() {
                Ok(bytes) => assert_eq!(bytes.len(), 8 << 20),
                Err(error) => assert!(matches!(error, Error::TimeLimitExceeded { .. }), "{error}"),
            }
            assert_works(&executor);
        }
    });
}

// Behaviours: TMO-01, TMO-08.
#[test]
fn a_wait_that_times_out_does_not_stop_the_task() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = builder(1).build().unwrap();
        let future = executor.submit(cross, crossing.places());
        crossing.wait_for(1);
        for limit in [Duration::ZERO, SHORT] {
            let asked = std::time::Instant::now();
            assert_eq!(future.result_timeout(limit), Err(Error::TimedOut(limit)));
            assert!(asked.elapsed() >= limit);
        }
        crossing.let_go(1);
        let worker = future.result().unwrap();
        assert_eq!(executor.submit(pid, ()).result(), Ok(worker));
        assert_eq!(future.result_timeout(Duration::ZERO), Ok(worker));
    });
}

fn park_for_ever(_: u32) {
    park();
}

// Behaviours: MAP-22.
#[test]
fn a_chunks_time_limit_is_the_sum_of_its_items_limits() {
    watch::within(watch::HANG, || {
        let executor = builder(2).task_time_limit(NEVER).build().unwrap();
        let doubled = executor.map_options().chunksize(5).map(|x: u32| 2 * x, 0..20);
        assert!(doubled.map(Result::unwrap).eq((0..20).map(|x| 2 * x)));
        drop(executor);
        let executor = builder(2).task_time_limit(SHORT).grace(SHORT).build().unwrap();
        let endless: Vec<_> =
            executor.map_options().chunksize(2).map(park_for_ever, 0..6).collect();
        assert_eq!(endless.len(), 6);
        assert!(endless.iter().all(is_over_limit), "{endless:?}");
        let Some(Err(Error::TimeLimitExceeded { limit, .. })) = endless.first() else {
            unreachable!()
        };
        assert_eq!(*limit, 2 * SHORT);
    });
}

#[test]
fn a_result_whose_transfer_exceeds_the_limit_arrives() {
    watch::within(watch::HANG, || {
        const LENGTH: usize = 512 << 20;
        // Made instantly: the system fills the pages when they are read.
        let large = |()| vec![0_u8; LENGTH];
        let executor = builder(1).build().unwrap();
        // A part of its time on this machine, as busy as that is; most of it is the transfer.
        let begin = Instant::now();
        assert_eq!(executor.submit(large, ()).into_result().map(|bytes| bytes.len()), Ok(LENGTH));
        let limited = executor.submit_options().time_limit(begin.elapsed() / 2);
        assert_eq!(limited.submit(large, ()).into_result().map(|bytes| bytes.len()), Ok(LENGTH));
    });
}

#[test]
fn time_while_the_whole_program_is_stopped_does_not_count() {
    watch::within(watch::HANG, || {
        let mut program = program::command("policies_stopped");
        let program = program.env(start::VARIABLE, crate::start_method());
        let program = program.process_group(0).stdout(Stdio::piped()).spawn().unwrap();
        let pid = Pid::from_raw(program.id().cast_signed());
        // Its task stops them all, as soon as it runs: the pool may or may not know of it.
        let stopped = waitpid(pid, Some(WaitPidFlag::WUNTRACED)).unwrap();
        assert_eq!(stopped, WaitStatus::Stopped(pid, Signal::SIGSTOP));
        // Longer than the limit of three seconds: this test is about time.
        thread::sleep(Duration::from_secs(4));
        killpg(pid, Signal::SIGCONT).unwrap();
        let output = program.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "in time\n");
    });
}
