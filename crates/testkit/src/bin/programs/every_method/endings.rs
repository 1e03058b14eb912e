//! The ends of workers and pools.

use std::time::{Duration, Instant};

use nix::libc;
use nix::sys::signal::{Signal, raise};
use procpool::{Activity, BrokenCause, DeathPolicy, Error, ShutdownOptions, WorkerExit};
use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::pool::{cause_of, cause_reported_by};
use procpool_testkit::task::pid;
use procpool_testkit::{gate, os};

use super::support::{builder, method, pool};

fn die((): ()) {
    raise(Signal::SIGKILL).expect("a process can signal itself");
}

/// Ends a worker by `end` while another one is busy, and checks the effect.
fn assert_is_the_cause<A>(end: fn(A), argument: A, expected: WorkerExit)
where
    A: serde::Serialize + serde::de::DeserializeOwned + 'static,
{
    let crossing = Crossing::new();
    let pool = pool(2);
    let done = pool.submit(pid, ());
    let first = done.result().unwrap();
    let busy = pool.submit(cross, crossing.places());
    crossing.wait_for(1);
    let cause = cause_reported_by(&pool.submit(end, argument));
    let BrokenCause::WorkerDied(death) = &cause else { panic!("{cause}") };
    assert_eq!((death.exit, death.activity), (expected, Activity::Running(3)));
    assert_eq!(cause_reported_by(&busy), cause);
    assert_eq!(cause_reported_by(&pool.submit(pid, ())), cause);
    assert_eq!(done.result(), Ok(first), "it had finished");
    drop(pool);
    assert_eq!(os::process(death.pid), None);
}

pub(crate) fn a_death_is_the_cause_of_the_broken_pool() {
    assert_is_the_cause(die, (), WorkerExit::Signal(libc::SIGKILL));
}

pub(crate) fn an_exit_is_the_cause_of_the_broken_pool() {
    assert_is_the_cause(|code: i32| std::process::exit(code), 3, WorkerExit::Code(3));
    assert_is_the_cause(|code: i32| std::process::exit(code), 0, WorkerExit::Code(0));
}

pub(crate) fn a_dead_worker_is_replaced() {
    let policy = DeathPolicy::Replace { retries: 0 };
    let pool = builder(1).death_policy(policy).build().unwrap();
    let first = pool.submit(pid, ()).result().unwrap();
    for _ in 0..5 {
        let error = pool.submit(die, ()).error();
        assert!(matches!(error, Some(Error::WorkerDied(_))), "{error:?}");
        assert_ne!(pool.submit(pid, ()).result().unwrap(), first);
    }
}

pub(crate) fn a_dead_forkserver_is_replaced_unless_it_is_a_copy_of_the_program() {
    let crossing = Crossing::new();
    let policy = DeathPolicy::Replace { retries: 1 };
    let pool = builder(1).death_policy(policy).build().unwrap();
    let task = pool.submit(cross, crossing.places());
    crossing.wait_for(1);
    for server in os::servers_of(std::process::id()) {
        assert!(os::Watched::new(server.pid).signal(Signal::SIGKILL));
    }
    if method() == "fork" {
        let error = task.error().expect("its forkserver is dead");
        let text = error.to_string();
        assert!(text.contains("as it was in build(), so there can be no other"), "{text}");
        assert!(matches!(cause_of(&error), BrokenCause::ForkserverDied { copy: true, .. }));
    } else {
        if method() == "forkserver" {
            // Retried. Before that, a dying worker could take the permit.
            crossing.wait_for(1);
        }
        crossing.let_go(1);
        assert!(task.result().is_ok(), "{task:?}");
    }
}

pub(crate) fn killing_ends_a_task_that_never_ends() {
    let crossing = Crossing::new();
    let pool = pool(2);
    let tasks: Vec<_> = (0..4).map(|_| pool.submit(cross, crossing.places())).collect();
    crossing.wait_for(2);
    pool.kill_workers();
    for task in tasks {
        assert_eq!(cause_reported_by(&task), BrokenCause::Killed);
    }
}

pub(crate) fn killing_at_any_moment_leaves_no_process() {
    let this = std::process::id();
    let crossing = Crossing::new();
    std::env::set_current_dir(crossing.folder()).expect("it is there");
    for moment in 0..60_u64 {
        let mut builder = builder(2);
        if method() != "spawn" {
            builder = builder.preload(|| gate::give("arrived"));
        }
        let pool = builder.build().expect("it can be built");
        let tasks = [(); 2].map(|()| pool.submit(pid, ()));
        if method() != "spawn" {
            crossing.wait_for(1);
        }
        // From before the first worker is requested until after it has begun.
        let later = Instant::now() + Duration::from_nanos(500 * moment * moment);
        while Instant::now() < later {
            std::hint::spin_loop();
        }
        pool.kill_workers();
        drop(pool);
        assert_eq!(os::alive_in_group(this).len(), 1, "orphans stay, killed at moment {moment}");
        assert!(tasks.iter().all(|task| task.done()));
    }
    std::env::set_current_dir("/").expect("it is there");
}

pub(crate) fn shutdown_finishes_accepted_tasks() {
    let crossing = Crossing::new();
    let pool = pool(2);
    let tasks: Vec<_> = (0..6).map(|_| pool.submit(cross, crossing.places())).collect();
    crossing.wait_for(2);
    pool.shutdown_with(ShutdownOptions::new().wait(false));
    assert!(pool.submit(pid, ()).error().is_some(), "nothing new is accepted");
    crossing.let_go(6);
    assert!(tasks.iter().all(|task| task.result().is_ok()));
    // Without an extra wait: the program's check for leftovers follows the pool's end.
    while !os::descendants_of(std::process::id()).is_empty() {
        std::thread::yield_now();
    }
    drop(pool);
    while os::threads_of(std::process::id()).len() > 1 {
        std::thread::yield_now();
    }
}

pub(crate) fn an_unused_pool_leaves_nothing_behind() {
    drop(pool(4));
    let killed = pool(4);
    killed.kill_workers();
    assert_eq!(cause_reported_by(&killed.submit(pid, ())), BrokenCause::Killed);
}

pub(crate) fn pools_one_after_another_leave_nothing_behind() {
    let this = std::process::id();
    let descriptors = os::descriptors_of(this);
    for _ in 0..10 {
        let pool = pool(2);
        assert_eq!(pool.map(|x: u32| x + 1, 0..8).filter(Result::is_ok).count(), 8);
        pool.submit(die, ());
        drop(pool);
        assert_eq!(os::descendants_of(this), []);
        assert_eq!(os::descriptors_of(this), descriptors);
    }
}
