//! `on_worker_start` and `on_worker_exit`: called in the parent, in order, and always.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use nix::sys::signal::Signal;
use procpool::{
    Builder, DeathPolicy, Error, ExitReason, ProcessPoolExecutor, ShutdownOptions, WorkerExit,
    WorkerInfo,
};
use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::os::{is_gone, signal};
use procpool_testkit::pool::assert_works;
use procpool_testkit::task::{kill_self, pid};
use procpool_testkit::watch;

use crate::behaviours::lives::{SHORT, builder, park, refuse_sigterm};

/// The settings of a pool, and the operations that make its worker exit in some way.
type Policy = fn(Builder) -> Builder;
type Act = fn(&ProcessPoolExecutor);

/// The calls of hooks: the worker, and how it exited if it has.
type Told = (WorkerInfo, Option<ExitReason>);

fn with_hooks(builder: Builder) -> (Builder, Receiver<Told>) {
    let (told, hears) = channel();
    let also_told = told.clone();
    let builder = builder
        .on_worker_start(move |worker| told.send((worker, None)).expect("the test listens"))
        .on_worker_exit(move |worker, reason| {
            assert!(is_gone(worker.pid), "it is reaped");
            also_told.send((worker, Some(reason))).expect("the test listens");
        });
    (builder, hears)
}

/// Asserts that the one worker of a pool was reported at its start and exit; returns how it exited.
fn end_of_one(hears: &Receiver<Told>) -> ExitReason {
    let (began, ended) = (hears.recv().unwrap(), hears.recv().unwrap());
    assert_eq!((began.0, began.1), (ended.0, None));
    ended.1.expect("it has ended")
}

#[test]
fn hooks_report_every_way_a_worker_exits() {
    watch::within(watch::HANG, || {
        let ways: [(Policy, Act, ExitReason); 8] = [
            (|b| b, assert_works, ExitReason::Finished),
            (|b| b.idle_timeout(SHORT), assert_works, ExitReason::Idle),
            (|b| b.max_tasks_per_child(1), assert_works, ExitReason::Recycled),
            (
                |b| b.grace(Duration::ZERO),
                |pool| {
                    drop(pool.submit_options().time_limit(SHORT).submit(|()| park(), ()).result())
                },
                ExitReason::TimeLimitExceeded,
            ),
            (
                |b| b.grace(SHORT),
                |pool| {
                    let deaf = |()| {
                        refuse_sigterm();
                        std::process::id()
                    };
                    pool.submit(deaf, ()).result().unwrap();
                    pool.terminate_workers();
                },
                ExitReason::Killed,
            ),
            (
                |b| b,
                |pool| {
                    assert_works(pool);
                    pool.kill_workers();
                },
                ExitReason::Killed,
            ),
            (
                |b| b,
                |pool| drop(pool.submit(|()| kill_self(), ()).result()),
                ExitReason::Died(WorkerExit::Signal(9)),
            ),
            (
                |b| b.death_policy(DeathPolicy::Replace { retries: 0 }),
                |pool| drop(pool.submit(|code| -> () { std::process::exit(code) }, 5).result()),
                ExitReason::Died(WorkerExit::Code(5)),
            ),
        ];
        for (policy, act, expected) in ways {
            let (builder, hears) = with_hooks(policy(builder(1)));
            let executor = builder.build().unwrap();
            act(&executor);
            if matches!(expected, ExitReason::Finished) {
                drop(executor);
                assert_eq!(end_of_one(&hears), expected);
            } else {
                // Without any shutdown.
                assert_eq!(end_of_one(&hears), expected);
            }
        }
    });
}

#[test]
fn a_worker_that_was_never_ready_only_has_an_exit_hook() {
    watch::within(watch::HANG, || {
        let (builder, hears) = with_hooks(builder(1));
        let fails = || -> Result<(), String> { Err("no".to_owned()) };
        let executor = builder.initializer(fails).build().unwrap();
        assert!(matches!(executor.submit(pid, ()).result(), Err(Error::BrokenProcessPool(_))));
        drop(executor);
        let told: Vec<Told> = hears.into_iter().collect();
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].1, Some(ExitReason::InitializerFailed));
    });
}

#[test]
fn every_start_hook_of_many_workers_has_an_exit_hook() {
    watch::within(watch::HANG, || {
        let policy = DeathPolicy::Replace { retries: 0 };
        let (builder, hears) = with_hooks(builder(3).death_policy(policy).max_tasks_per_child(3));
        let executor = builder.build().unwrap();
        let dies_at = |number: u32| {
            if number.is_multiple_of(7) {
                kill_self();
            }
        };
        let futures: Vec<_> = (0..60).map(|number| executor.submit(dies_at, number)).collect();
        let failed = futures.iter().filter(|future| future.result().is_err()).count();
        drop(executor);
        let mut alive = Vec::new();
        let mut deaths = 0;
        for (worker, end) in hears {
            match end {
                None => alive.push(worker),
                Some(reason) => {
                    deaths += usize::from(matches!(reason, ExitReason::Died(_)));
                    // A worker that waited for its slot, and was not needed, had not begun.
                    alive.retain(|other| *other != worker);
                }
            }
        }
        assert!(alive.is_empty(), "{alive:?}");
        assert_eq!((failed, deaths), (9, 9));
    });
}

#[test]
fn hooks_may_panic_block_and_use_the_pool() {
    watch::within(watch::HANG, || {
        let executor: Arc<OnceLock<ProcessPoolExecutor>> = Arc::new(OnceLock::new());
        let (told, hears) = channel();
        let (go, goes) = channel::<()>();
        let goes = Mutex::new(goes);
        // The pool owns the hook, which would keep its own pool alive.
        let inside = Arc::downgrade(&executor);
        let built = builder(1)
            .on_worker_start(move |worker| {
                // Blocks until the test has seen that the pool continues.
                goes.lock().unwrap().recv().expect("the test is there");
                let executor = inside.upgrade().expect("the test has it");
                let pool = executor.get().expect("it was built");
                let result = pool.submit(pid, ()).result();
                told.send(result == Ok(worker.pid)).expect("the test listens");
                pool.shutdown();
                panic!("a hook panics");
            })
            .build()
            .unwrap();
        let executor = executor.get_or_init(|| built);
        for _ in 0..10 {
            assert_works(executor);
        }
        assert!(hears.try_recv().is_err(), "the hook still blocks");
        go.send(()).unwrap();
        assert_eq!(hears.recv(), Ok(true));
        executor.shutdown();
        assert_eq!(executor.submit(pid, ()).result(), Err(Error::Shutdown));
    });
}

#[test]
fn only_a_shutdown_that_waits_also_waits_for_hooks() {
    watch::within(watch::HANG, || {
        for wait in [true, false] {
            let (go, goes) = channel::<()>();
            let goes = Mutex::new(goes);
            let (told, hears) = channel();
            let executor = builder(1)
                .on_worker_exit(move |_, _| {
                    let _ = goes.lock().unwrap().recv();
                    told.send(()).expect("the test listens");
                })
                .build()
                .unwrap();
            assert_works(&executor);
            let ending = std::thread::spawn(move || {
                executor.shutdown_with(ShutdownOptions::new().wait(wait));
                drop(executor);
            });
            if wait {
                assert!(hears.recv_timeout(SHORT).is_err() && !ending.is_finished());
                go.send(()).unwrap();
                ending.join().unwrap();
                assert_eq!(hears.try_recv(), Ok(()));
            } else {
                ending.join().unwrap();
                go.send(()).unwrap();
                assert_eq!(hears.recv(), Ok(()));
            }
        }
    });
}

#[test]
fn a_panic_in_a_hook_does_not_skip_the_next_one() {
    watch::within(watch::HANG, || {
        let (told, hears) = channel();
        let executor = builder(1)
            .max_tasks_per_child(1)
            .on_worker_start(|_| panic!("a hook panics"))
            .on_worker_exit(move |worker, _| {
                told.send(worker.pid).expect("the test listens");
                panic!("another one panics");
            })
            .build()
            .unwrap();
        let pids: Vec<u32> = (0..5).map(|_| executor.submit(pid, ()).result().unwrap()).collect();
        drop(executor);
        assert_eq!(hears.into_iter().collect::<Vec<_>>(), pids);
    });
}

#[test]
fn several_hooks_of_a_kind_are_called_in_order_whichever_panics() {
    watch::within(watch::HANG, || {
        let (told, hears) = channel();
        let mut builder = builder(1);
        for number in 0..3 {
            let (starts, ends) = (told.clone(), told.clone());
            builder = builder
                .on_worker_start(move |worker| {
                    starts.send((worker, None, number)).expect("the test listens");
                    panic!("hook {number} panics");
                })
                .on_worker_exit(move |worker, reason| {
                    ends.send((worker, Some(reason), number)).expect("the test listens");
                    panic!("hook {number} panics");
                });
        }
        drop(told);
        let executor = builder.build().unwrap();
        assert_works(&executor);
        drop(executor);
        let calls: Vec<_> = hears.into_iter().map(|(_, end, number)| (end, number)).collect();
        let end = Some(ExitReason::Finished);
        assert_eq!(calls, [(None, 0), (None, 1), (None, 2), (end, 0), (end, 1), (end, 2)]);
    });
}

#[test]
fn a_worker_killed_from_outside_is_reported_at_every_stage() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let policy = DeathPolicy::Replace { retries: 0 };
        let (builder, hears) = with_hooks(builder(1).death_policy(policy));
        let executor = builder.build().unwrap();
        let running = executor.submit(cross, crossing.places());
        crossing.wait_for(1);
        let began = hears.recv().unwrap();
        signal(began.0.pid, Signal::SIGKILL);
        assert!(matches!(running.result(), Err(Error::WorkerDied(_))));
        assert_eq!(hears.recv().unwrap(), (began.0, Some(ExitReason::Died(WorkerExit::Signal(9)))));
    });
}
