//! `Future::kill`: ends one task in any state, and nothing else.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use futures_lite::future;
use procpool::{
    Activity, BrokenCause, DeathPolicy, Error, EventKind, ExitReason, Future, KillOutcome,
    ProcessPoolExecutor,
};
use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::os::is_gone;
use procpool_testkit::pool::assert_works;
use procpool_testkit::task::pid;
use procpool_testkit::watch;
use rand::RngExt;

use crate::behaviours::lives::{
    await_event, await_exit, builder, count, note, random, stop_at, until,
};
use crate::behaviours::pools::busy_pool;

// Behaviours: CAN-05.
#[test]
fn a_running_task_can_be_killed_but_not_cancelled() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = builder(1).build().unwrap();
        let mut events = executor.events();
        let before = executor.submit(pid, ()).result().unwrap();
        let running = executor.submit(cross, crossing.places());
        crossing.wait_for(1);
        assert!(!running.cancel());
        assert_eq!(running.kill(), KillOutcome::Killed);
        assert_eq!(running.result(), Err(Error::TaskKilled { work_item: 2 }));
        assert_eq!(running.kill(), KillOutcome::AlreadyDone);
        assert!(running.done() && !running.cancelled() && !running.running());
        let killed = |kind| (kind == EventKind::TaskKilled(2)).then_some(());
        await_event(&mut events, killed);
        assert_ne!(executor.submit(pid, ()).result().unwrap(), before);
        let (worker, reason) = await_exit(&mut events);
        assert_eq!((worker.pid, reason), (before, ExitReason::Killed));
        assert!(is_gone(before));
        assert_eq!(running.error().unwrap().to_string(), "work item 2 was killed");
    });
}

#[test]
fn a_clone_of_a_future_kills_a_task_that_another_thread_waits_for() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = builder(1).build().unwrap();
        let running = executor.submit(cross, crossing.places());
        let handle = running.clone();
        let waiting = thread::spawn(move || running.into_result());
        crossing.wait_for(1);
        assert_eq!(handle.kill(), KillOutcome::Killed);
        assert_eq!(waiting.join().unwrap(), Err(Error::TaskKilled { work_item: handle.id() }));
        assert_eq!(handle.error(), Some(Error::TaskKilled { work_item: 1 }));
        assert_works(&executor);
    });
}

#[test]
fn an_awaiting_that_kills_on_drop_ends_a_running_task() {
    watch::within(watch::HANG, || {
        // Awaited for a moment, or never.
        for is_awaited in [true, false] {
            let (_crossing, executor, running) = busy_pool();
            let awaiting = running.clone().kill_on_drop();
            if is_awaited {
                assert!(future::block_on(future::poll_once(awaiting)).is_none());
            } else {
                drop(awaiting);
            }
            assert_eq!(running.result(), Err(Error::TaskKilled { work_item: running.id() }));
            assert_works(&executor);
        }
    });
}

#[test]
fn an_awaiting_that_kills_on_drop_cancels_a_pending_task() {
    watch::within(watch::HANG, || {
        let (crossing, executor, running) = busy_pool();
        let path = crossing.file("notes");
        let pending = executor.submit(note, (path.clone(), "ran".to_owned()));
        let unwound: thread::Result<()> = catch_unwind(AssertUnwindSafe(|| {
            let _guard = pending.clone().kill_on_drop();
            panic!("this unwinds over the guard");
        }));
        assert!(unwound.is_err() && pending.cancelled());
        crossing.let_go(1);
        assert!(running.result().is_ok(), "the worker is not the pending task's");
        drop(executor);
        assert_eq!(count(&path, "ran"), 0);
    });
}

#[test]
fn an_awaiting_that_kills_on_drop_does_nothing_to_a_task_that_is_over() {
    watch::within(watch::HANG, || {
        let executor = builder(1).build().unwrap();
        let worker = executor.submit(pid, ()).result().unwrap();
        let future = executor.submit(pid, ());
        let guard = future.clone().kill_on_drop();
        assert_eq!(future.result(), Ok(worker));
        drop(guard);
        let awaited = executor.submit(pid, ()).kill_on_drop();
        assert_eq!(future::block_on(awaited), Ok(worker));
        assert_eq!(executor.submit(pid, ()).result(), Ok(worker), "the worker lives on");
    });
}

#[test]
fn a_futures_id_is_the_number_in_errors_and_events() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let replace = DeathPolicy::Replace { retries: 0 };
        let executor = builder(1).death_policy(replace).grace(Duration::ZERO).build().unwrap();
        let mut events = executor.events();
        let killed = executor.submit(cross, crossing.places());
        crossing.wait_for(1);
        killed.kill();
        let limit = Duration::from_millis(1);
        let late = executor.submit_options().time_limit(limit).submit(cross, crossing.places());
        assert_eq!(late.error(), Some(Error::TimeLimitExceeded { work_item: late.id(), limit }));
        executor.map(|x: u32| x, 0..3).for_each(|item| assert!(item.is_ok()));
        let dies = executor.submit(|code: i32| -> () { std::process::exit(code) }, 3);
        let Some(Error::WorkerDied(death)) = dies.error() else { panic!("its worker exits") };
        assert_eq!(death.activity, Activity::Running(dies.id()));
        assert!(killed.id() == 1 && late.id() == 2 && dies.id() > 3, "chunks have numbers, too");
        let number = |kind| match kind {
            EventKind::TaskKilled(id) => Some((id, 0)),
            EventKind::TimeLimitExceeded(id) => Some((0, id)),
            _ => None,
        };
        assert_eq!(await_event(&mut events, number), (killed.id(), 0));
        assert_eq!(await_event(&mut events, number), (0, late.id()));
        let ready = executor.start_workers(1);
        executor.shutdown();
        assert_eq!((ready.id(), executor.submit(pid, ()).id()), (0, 0), "no worker runs these");
    });
}

/// A pool whose only worker is stopped in a task; behind that, 20 tasks that take notes in the file.
fn busy_with_notes_behind() -> (Crossing, String, ProcessPoolExecutor, Future<u32>, Vec<Future<u32>>)
{
    let crossing = Crossing::new();
    let path = crossing.file("notes");
    let executor = builder(1).build().unwrap();
    // Short ones first, so that some of the others are sent ahead.
    (0..50).for_each(|_| drop(executor.submit(|()| (), ())));
    let running = executor.submit(cross, crossing.places());
    let behind =
        (0..20).map(|number| executor.submit(note, (path.clone(), number.to_string()))).collect();
    crossing.wait_for(1);
    (crossing, path, executor, running, behind)
}

#[test]
fn a_task_killed_before_its_start_never_runs() {
    watch::within(watch::HANG, || {
        let (crossing, path, _executor, running, behind) = busy_with_notes_behind();
        for future in behind.iter().step_by(2) {
            assert_eq!(future.kill(), KillOutcome::Cancelled);
            assert_eq!(future.kill(), KillOutcome::Cancelled);
            assert!(future.cancelled());
        }
        crossing.let_go(1);
        let worker = running.result().unwrap();
        for (number, future) in behind.iter().enumerate() {
            let expected = if number % 2 == 0 { Err(Error::Cancelled) } else { Ok(worker) };
            assert_eq!(future.result(), expected);
            assert_eq!(count(&path, &number.to_string()), number % 2);
        }
    });
}

#[test]
fn killing_a_finished_task_keeps_its_result() {
    watch::within(watch::HANG, || {
        let executor = builder(1).build().unwrap();
        let done = executor.submit(pid, ());
        let worker = done.result().unwrap();
        let failed = executor.submit(|()| panic!("no"), ());
        let failed: Future<()> = failed;
        assert!(matches!(failed.result(), Err(Error::Panicked(_))));
        assert_eq!(
            (done.kill(), failed.kill()),
            (KillOutcome::AlreadyDone, KillOutcome::AlreadyDone)
        );
        assert_eq!(executor.submit(pid, ()).result(), Ok(worker), "its worker lives");
        drop(executor);
        assert_eq!(done.kill(), KillOutcome::AlreadyDone);
        assert_eq!(done.result(), Ok(worker));
    });
}

#[test]
fn killing_a_task_spares_those_sent_behind_it() {
    watch::within(watch::HANG, || {
        let (_crossing, path, _executor, running, behind) = busy_with_notes_behind();
        assert_eq!(running.kill(), KillOutcome::Killed);
        assert!(behind.iter().all(|future| future.result().is_ok()));
        assert!((0..20).all(|number: u32| count(&path, &number.to_string()) == 1));
    });
}

#[test]
fn a_thread_that_waits_for_a_killed_task_wakes() {
    watch::within(watch::HANG, || {
        let (_crossing, _executor, running) = busy_pool();
        thread::scope(|scope| {
            let waiting: Vec<_> = (0..3).map(|_| scope.spawn(|| running.result())).collect();
            assert_eq!(running.kill(), KillOutcome::Killed);
            let killed = Err(Error::TaskKilled { work_item: 1 });
            assert!(waiting.into_iter().all(|waiting| waiting.join().unwrap() == killed));
        });
    });
}

#[test]
fn a_kill_that_races_the_result_reports_the_winner() {
    watch::within(watch::HANG, || {
        let mut random = random();
        let crossing = Crossing::new();
        let executor = builder(2).build().unwrap();
        for round in 0..60 {
            let path = crossing.file(&format!("notes {round}"));
            (0..20).for_each(|_| drop(executor.submit(|()| (), ())));
            let name = |number: u32| number.to_string();
            let futures: Vec<_> =
                (0..20).map(|number| executor.submit(note, (path.clone(), name(number)))).collect();
            let victim = random.random_range(0..20_u32);
            thread::sleep(Duration::from_micros(random.random_range(0..400)));
            // Two at once: one of them may find it already killed by the other.
            let victim_future = &futures[victim as usize];
            let outcomes = thread::scope(|scope| {
                let other = scope.spawn(|| victim_future.kill());
                [victim_future.kill(), other.join().unwrap()]
            });
            for (number, future) in (0..).zip(&futures) {
                let (result, ran) = (future.result(), count(&path, &name(number)));
                match result {
                    Ok(_) => assert_eq!(ran, 1),
                    Err(Error::Cancelled) => assert_eq!((number, ran), (victim, 0)),
                    Err(Error::TaskKilled { .. }) => assert!(number == victim && ran <= 1),
                    Err(other) => panic!("{other}"),
                }
            }
            let result = victim_future.result();
            let killed = outcomes.iter().filter(|outcome| **outcome == KillOutcome::Killed).count();
            match result {
                Ok(_) => assert_eq!(outcomes, [KillOutcome::AlreadyDone; 2]),
                Err(Error::Cancelled) => assert_eq!(outcomes, [KillOutcome::Cancelled; 2]),
                _ => assert_eq!(killed, 1, "{outcomes:?}"),
            }
        }
    });
}

// Behaviours: INIT-10.
#[test]
fn tasks_behind_a_hanging_initializer_wait_until_they_are_killed() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor =
            builder(1).initializer_with_args(stop_at, crossing.places()).build().unwrap();
        let futures =
            [executor.submit(pid, ()), executor.submit(pid, ()), executor.submit(pid, ())];
        crossing.wait_for(1);
        let limit = Duration::from_millis(10);
        assert_eq!(futures[0].result_timeout(limit), Err(Error::TimedOut(limit)));
        assert!(futures[0].cancel(), "no worker has it");
        assert_eq!(futures[1].kill(), KillOutcome::Cancelled);
        thread::scope(|scope| {
            let ending = scope.spawn(|| executor.shutdown());
            until(|| executor.submit(pid, ()).done());
            assert!(!ending.is_finished(), "a task waits");
            executor.kill_workers();
            ending.join().unwrap();
        });
        let Err(Error::BrokenProcessPool(broken)) = futures[2].result() else { panic!("it ran") };
        assert_eq!(*broken.cause(), BrokenCause::Killed);
    });
}

#[test]
fn a_task_killed_on_a_retiring_worker_makes_room_for_the_next() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = builder(1).max_tasks_per_child(1).build().unwrap();
        let running = executor.submit(cross, crossing.places());
        crossing.wait_for(1);
        let next = executor.submit(pid, ());
        assert_eq!(running.kill(), KillOutcome::Killed);
        assert!(next.result().is_ok());
        assert_works(&executor);
    });
}
