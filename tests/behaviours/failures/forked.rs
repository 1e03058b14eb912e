//! A copy of the program, made by fork(2) while it has a pool: every call on the pool in the copy is an
//! error at once, and nothing of the original's is touched.

use std::future::IntoFuture;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_lite::{StreamExt, future};
use procpool::{
    DeathPolicy, Error, Future, KillOutcome, ProcessPoolExecutor, ReturnWhen, ShutdownOptions,
    Stats, as_completed, wait,
};
use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::forked::{report_of, split};
use procpool_testkit::pool::assert_works;
use procpool_testkit::task::pid;
use procpool_testkit::watch;

use crate::behaviours::pools::{pool, pool_beside_another};

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(3600);

/// The differences from the expectations of a copy.
#[derive(Default)]
struct Complaints(Vec<String>);

impl Complaints {
    fn expect(&mut self, call: &str, is_so: bool) {
        if !is_so {
            self.0.push(call.to_owned());
        }
    }

    fn report(self) -> String {
        self.0.join(", ")
    }
}

fn is_lost<T>(result: Result<T, Error>) -> bool {
    matches!(result, Err(Error::ForkedCopy))
}

/// Every call that makes a task.
fn submissions(executor: &ProcessPoolExecutor, found: &mut Complaints) {
    found.expect("submit", is_lost(executor.submit(pid, ()).result()));
    found.expect("submit_with", is_lost(executor.submit_with(|_, ()| 1, ()).result()));
    found.expect(
        "submit_options",
        is_lost(executor.submit_options().time_limit(LONG).submit(pid, ()).result()),
    );
    let refused = executor.submit_options().try_submit(pid, ()).expect_err("it is a copy");
    found.expect("try_submit", refused.reason == Error::ForkedCopy);
    let options = executor.submit_options();
    let submitting = pin!(options.submit_async(pid, ()));
    let submitted = match submitting.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(future) => is_lost(future.result()),
        Poll::Pending => false,
    };
    found.expect("submit_async", submitted);
    found.expect("start_workers", is_lost(executor.start_workers(1).result()));
    let double = |x: u32| 2 * x;
    let lost =
        |results: Vec<Result<u32, Error>>| !results.is_empty() && results.into_iter().all(is_lost);
    found.expect("map", lost(executor.map(double, 0..3).collect()));
    found.expect("map_with", lost(executor.map_with(|_, x: u32| x, 0..3).collect()));
    found
        .expect("chunksize", lost(executor.map_options().chunksize(2).map(double, 0..3).collect()));
    let buffered = executor.map_options().buffersize(2).map(double, 0..);
    found.expect("buffersize", lost(buffered.collect()));
    let stream = executor.map_options().buffersize(2).map(double, 0..).into_stream();
    found.expect("into_stream", lost(future::block_on(stream.collect())));
    let unordered = executor.map_options().unordered().timeout(LONG);
    found.expect("unordered", lost(unordered.map(double, 0..3).collect()));
}

/// Every call that reads a pool or ends it.
fn looks_and_ends(executor: &ProcessPoolExecutor, found: &mut Complaints) {
    found.expect("stats", executor.stats() == Stats::default());
    found.expect("events", executor.events().next().is_none());
    executor.terminate_workers();
    executor.kill_workers();
    executor.shutdown_with(ShutdownOptions::new().wait(false).cancel_futures(true));
    executor.shutdown_with(ShutdownOptions::new().cancel_futures(true));
}

/// Every call on a task that had not settled.
fn questions(future: &Future<u32>, found: &mut Complaints) {
    found.expect("result", is_lost(future.result()));
    found.expect("result_timeout", is_lost(future.result_timeout(LONG)));
    found.expect("error", future.error() == Some(Error::ForkedCopy));
    found.expect("cancel", !future.cancel());
    found.expect("kill", future.kill() == KillOutcome::AlreadyDone);
    found.expect("state", !future.running() && !future.done() && !future.cancelled());
    let waited = wait([future], ReturnWhen::AllCompleted, None);
    found.expect("wait", waited.done.is_empty() && waited.not_done.len() == 1);
    found.expect("as_completed", as_completed([future]).count() == 1);
    found.expect("as_completed with a timeout", {
        let completed: Vec<_> = as_completed([future]).timeout(LONG).collect();
        completed.len() == 1 && completed[0].is_ok()
    });
    static TOLD: AtomicBool = AtomicBool::new(false);
    future.add_done_callback(|future| TOLD.store(is_lost(future.result()), Ordering::Relaxed));
    found.expect("add_done_callback", TOLD.load(Ordering::Relaxed));
}

fn poll<T>(future: impl std::future::Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

#[test]
fn every_call_in_a_copy_fails_at_once_and_disturbs_nothing() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(1);
        let done = executor.submit(pid, ());
        let worker = done.result().unwrap();
        let mut map = executor.map(|x: u32| 2 * x, 0..1000);
        assert_eq!(map.next(), Some(Ok(0)));
        let mut pulled = executor.map_options().buffersize(3).map(|x: u32| 3 * x, 0..);
        assert_eq!(pulled.next(), Some(Ok(0)));
        let running = executor.submit(cross, crossing.places());
        crossing.wait_for(1);
        let queued: Vec<_> = (0..3).map(|_| executor.submit(pid, ())).collect();
        let awaited = executor.submit(pid, ()).into_future();
        let mut awaited = pin!(awaited);
        assert!(poll(awaited.as_mut()).is_none());
        let mut map_stream = executor.map(|x: u32| x, 0..1000).into_stream();
        let mut pulled_stream =
            executor.map_options().buffersize(3).map(|x: u32| x, 0..).into_stream();
        let mut completed_stream = as_completed(&queued).into_stream();
        assert!(poll(map_stream.next()).is_none() && poll(pulled_stream.next()).is_none());
        assert!(poll(completed_stream.next()).is_none());
        let mut completed = as_completed(&queued);
        let mut early = as_completed(&queued).timeout(Duration::ZERO);
        assert!(early.next().is_some_and(|next| next.is_err()), "it listens");
        let mut events = executor.events();

        let mut executor = Some(executor);
        let report = report_of(|| {
            let mut found = Complaints::default();
            let pool = executor.as_ref().expect("it is there");
            found.expect("a result that was there", done.result() == Ok(worker));
            submissions(pool, &mut found);
            questions(&running, &mut found);
            questions(&queued[0], &mut found);
            found.expect("into_result", is_lost(poll(awaited.as_mut()).unwrap_or(Ok(0))));
            found.expect("as_completed of before", completed.by_ref().count() == 3);
            found
                .expect("events of before", events.next().is_none() && events.try_next().is_none());
            let ahead = map.by_ref().take(1001).filter(|result| result.is_ok()).count();
            found.expect("a map of before", ahead <= 999 && map.next().is_none());
            let last = pulled.by_ref().take(10).last();
            found.expect("a pulled map of before", last.is_some_and(is_lost));
            found.expect("which is over", pulled.next().is_none());
            let last = poll((&mut map_stream).take(1001).last()).flatten();
            found.expect("a stream of before", last.is_some_and(is_lost));
            let last = poll((&mut pulled_stream).take(10).last()).flatten();
            found.expect("a pulled stream of before", last.is_some_and(is_lost));
            let count = poll((&mut completed_stream).count());
            found.expect("a stream of futures of before", count == Some(3));
            looks_and_ends(pool, &mut found);
            drop((map, pulled, early, map_stream, pulled_stream, completed_stream));
            drop(executor.take());
            found.report()
        });
        assert_eq!(report, "");

        crossing.let_go(1);
        assert_eq!(running.result(), Ok(worker));
        assert!(completed.all(|future| future.result() == Ok(worker)));
        let executor = executor.expect("only the copy dropped it");
        assert_works(&executor);
        assert!(executor.stats().restarts == 0 && executor.stats().idle == 1);
    });
}

#[test]
fn a_copy_of_a_program_with_an_unused_pool_starts_no_worker() {
    watch::within(watch::HANG, || {
        let executor = pool(2);
        let report = report_of(|| {
            let mut found = Complaints::default();
            submissions(&executor, &mut found);
            looks_and_ends(&executor, &mut found);
            found.expect(
                "no children",
                procpool_testkit::os::children_of(std::process::id()).is_empty(),
            );
            found.report()
        });
        assert_eq!(report, "");
        assert_works(&executor);
    });
}

#[test]
fn every_call_in_a_copy_of_a_copy_fails_at_once() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        assert_works(&executor);
        let report = report_of(|| {
            report_of(|| {
                let mut found = Complaints::default();
                submissions(&executor, &mut found);
                found.report()
            })
        });
        assert_eq!(report, "");
        assert_works(&executor);
    });
}

#[test]
fn copies_made_while_the_pool_works_neither_hang_nor_change_results() {
    const COPIES: usize = 60;
    watch::within(watch::HANG, || {
        let executor = pool(2);
        assert_works(&executor);
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let workers = [0, 1].map(|offset| {
                let (executor, stop) = (&executor, &stop);
                scope.spawn(move || {
                    let mut right = true;
                    for base in (offset..).step_by(2) {
                        let futures: Vec<_> = (0..50)
                            .map(|x: u64| executor.submit(|x: u64| x + 1, base * 50 + x))
                            .collect();
                        let right_here = |(x, future): (u64, &Future<u64>)| {
                            future.result() == Ok(base * 50 + x + 1)
                        };
                        right &= (0..).zip(&futures).all(right_here);
                        if stop.load(Ordering::Relaxed) {
                            break;
                        }
                    }
                    right
                })
            });
            for _ in 0..COPIES {
                let report = report_of(|| {
                    let mut found = Complaints::default();
                    submissions(&executor, &mut found);
                    looks_and_ends(&executor, &mut found);
                    found.report()
                });
                assert_eq!(report, "");
            }
            stop.store(true, Ordering::Relaxed);
            for worker in workers {
                assert!(worker.join().unwrap(), "a result is not its task's");
            }
        });
    });
}

#[test]
fn a_copy_has_no_mapping_of_the_workers_memory() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        assert_works(&executor);
        let mapped =
            || std::fs::read_to_string("/proc/self/maps").unwrap().contains("memfd:procpool");
        assert!(mapped());
        assert_eq!(report_of(|| mapped().to_string()), "false");
        assert_works(&executor);
    });
}

#[test]
fn a_copy_may_have_a_pool_of_its_own() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        assert_works(&executor);
        let report = report_of(|| {
            let own = pool_beside_another(1);
            let result = own.submit(|x: u32| x + 1, 1).result();
            drop(own);
            format!("{result:?} {:?}", executor.submit(pid, ()).error())
        });
        assert_eq!(report, format!("Ok(2) Some({:?})", Error::ForkedCopy));
        assert_works(&executor);
    });
}

#[test]
fn a_copy_that_exits_or_becomes_another_program_disturbs_nothing() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        assert_works(&executor);
        let running = std::process::Command::new("/bin/true").status().expect("a program runs");
        assert!(running.success());
        for exec in [false, true] {
            let copy = split();
            if copy == 0 {
                if exec {
                    use std::os::unix::process::CommandExt;
                    let _never = std::process::Command::new("/bin/true").exec();
                }
                // The harness's exit handlers must not run in the copy.
                nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL).unwrap();
            }
            let copy = nix::unistd::Pid::from_raw(copy.cast_signed());
            nix::sys::wait::waitpid(copy, None).expect("it ends");
            assert_works(&executor);
        }
    });
}

// ---- copies of workers ----

/// Forks and returns in both processes, the copy's pid in the original, and 0 in the copy.
fn fork_and_return(_: u32) -> u32 {
    split()
}

mod on_the_way {
    //! Values that fork when they are encoded or decoded. They hold the copy's pid afterwards.
    use procpool_testkit::forked::split;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) struct ForksWhenDecoded(pub(super) u32);

    impl Serialize for ForksWhenDecoded {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_u32(self.0)
        }
    }

    impl<'de> Deserialize<'de> for ForksWhenDecoded {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            u32::deserialize(deserializer).map(|_| Self(split()))
        }
    }

    pub(super) struct ForksWhenEncoded(pub(super) u32);

    impl Serialize for ForksWhenEncoded {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_u32(split())
        }
    }

    impl<'de> Deserialize<'de> for ForksWhenEncoded {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            u32::deserialize(deserializer).map(Self)
        }
    }
}

use on_the_way::{ForksWhenDecoded, ForksWhenEncoded};

/// The copy exits, and the pool has noticed nothing.
fn assert_copy_ends<S: 'static>(executor: &ProcessPoolExecutor<S>, copy: u32) {
    assert_ne!(copy, 0, "the copy's result is nobody's");
    assert!(
        procpool_testkit::os::Watched::new(copy).ended_within(watch::HANG),
        "the copy continues"
    );
    assert_works(executor);
    assert_eq!(executor.stats().restarts, 0);
}

#[test]
fn a_task_that_forks_and_returns_twice_yields_one_result() {
    watch::within(watch::HANG, || {
        for policy in [DeathPolicy::Break, DeathPolicy::Replace { retries: 1 }] {
            let executor = crate::builder().max_workers(1).death_policy(policy).build().unwrap();
            let copy = executor.submit(fork_and_return, 0).result().unwrap();
            assert_copy_ends(&executor, copy);
            let copy =
                executor.submit(|arguments: ForksWhenDecoded| arguments.0, ForksWhenDecoded(0));
            assert_copy_ends(&executor, copy.result().unwrap());
            let copy = executor.submit(|()| ForksWhenEncoded(0), ()).result().unwrap().0;
            assert_copy_ends(&executor, copy);
            let copy = executor.submit(
                |_: u32| {
                    let copy = split();
                    assert_ne!(copy, 0, "a panic of the copy alone");
                    copy
                },
                0,
            );
            assert_copy_ends(&executor, copy.result().unwrap());
            let in_thread = |_: u32| std::thread::spawn(split).join().unwrap();
            let copy = executor.submit(in_thread, 0).result().unwrap();
            assert_copy_ends(&executor, copy);
        }
    });
}

#[test]
fn each_task_has_its_own_result_if_some_fork() {
    watch::within(watch::HANG, || {
        let forks_at_times = |x: u32| {
            if x % 100 == 50 {
                split();
            }
            x
        };
        let executor = pool(2);
        let futures: Vec<_> = (0..2000).map(|x| executor.submit(forks_at_times, x)).collect();
        assert!((0..2000).zip(&futures).all(|(x, future)| future.result() == Ok(x)));
        let results: Vec<_> = executor.map(forks_at_times, 0..2000).map(Result::unwrap).collect();
        assert!(results.into_iter().eq(0..2000));
        assert_eq!(executor.stats().restarts, 0);
    });
}

#[test]
fn a_copy_does_not_run_the_rest_of_its_chunk() {
    watch::within(watch::HANG, || {
        fn note(file: String) -> u32 {
            let copy = if file.ends_with("fork") { split() } else { 1 };
            let file = file.trim_end_matches("fork");
            procpool_testkit::trace::append(file, "ran".to_owned());
            copy
        }
        let crossing = Crossing::new();
        let notes = crossing.file("notes");
        let executor = pool(1);
        let items = (0..10).map(|x| if x == 3 { format!("{notes}fork") } else { notes.clone() });
        let copies: Vec<_> =
            executor.map_options().chunksize(10).map(note, items).map(Result::unwrap).collect();
        assert_copy_ends(&executor, copies[3]);
        let ran: Vec<procpool_testkit::trace::Record<String>> =
            procpool_testkit::trace::read(std::path::Path::new(&notes));
        assert_eq!(ran.len(), 11, "ten items, and the one in the copy, which was within it");
    });
}

#[test]
fn a_fork_in_an_initializer_or_finalizer_affects_no_other_process() {
    watch::within(watch::HANG, || {
        let builder = crate::builder().max_workers(1);
        let executor = builder.initializer(|| Ok::<u32, String>(split())).build().unwrap();
        let copy = executor.submit_with(|copy: &mut u32, ()| *copy, ()).result().unwrap();
        assert_copy_ends(&executor, copy);
        drop(executor);

        let builder = crate::builder().max_workers(1);
        let initializer = |arguments: ForksWhenDecoded| Ok::<u32, String>(arguments.0);
        let executor =
            builder.initializer_with_args(initializer, ForksWhenDecoded(0)).build().unwrap();
        let copy = executor.submit_with(|copy: &mut u32, ()| *copy, ()).result().unwrap();
        assert_copy_ends(&executor, copy);
        drop(executor);

        struct ForksWhenDropped;
        impl Drop for ForksWhenDropped {
            fn drop(&mut self) {
                split();
            }
        }
        let builder = crate::builder().max_workers(1);
        let executor = builder
            .initializer(|| Ok::<ForksWhenDropped, String>(ForksWhenDropped))
            .finalizer(|state| {
                split();
                drop(state);
            })
            .build()
            .unwrap();
        let mut events = executor.events();
        assert_works(&executor);
        drop(executor);
        let exits = events.by_ref().filter(|event| {
            matches!(
                event.kind,
                procpool::EventKind::WorkerExited(_, procpool::ExitReason::Finished)
            )
        });
        assert_eq!(exits.count(), 1);
    });
}

#[test]
fn a_callback_that_forks_and_returns_twice_runs_once() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let (sender, copies) = std::sync::mpsc::channel();
        let crossing = Crossing::new();
        let future = executor.submit(cross, crossing.places());
        let tell = sender.clone();
        future.add_done_callback(move |_| tell.send(split()).expect("the test waits"));
        future.add_done_callback(move |_| sender.send(1).expect("the test waits"));
        crossing.let_go(1);
        let copy = copies.recv_timeout(watch::HANG).unwrap();
        assert_ne!(copy, 0);
        assert_eq!(copies.recv_timeout(watch::HANG), Ok(1));
        assert!(procpool_testkit::os::Watched::new(copy).ended_within(watch::HANG));
        let copy = nix::unistd::Pid::from_raw(copy.cast_signed());
        nix::sys::wait::waitpid(copy, None).expect("only this waits for it");
        assert_works(&executor);
    });
}

#[test]
fn a_map_whose_input_forks_continues_only_in_the_original() {
    watch::within(watch::HANG, || {
        let executor = pool(2);
        for round in 0..20 {
            let mut copy = 1;
            let items = (0..100_u32).inspect(|x| {
                if *x == 40 {
                    copy = split();
                }
            });
            let map = executor.map_options().chunksize(1 + round % 3).map(|x: u32| x, items);
            let mut results: Vec<_> = map.collect();
            let forked = executor.map_options().buffersize(7).map(|x: u32| x, 0..100);
            if copy == 0 {
                // The harness continues in the original: the copy reports by its exit code.
                let last = results.pop().and_then(Result::err);
                let code = i32::from(last != Some(Error::ForkedCopy));
                std::mem::forget(forked);
                // SAFETY: it does not return, and touches no memory.
                unsafe { nix::libc::_exit(code) }
            }
            assert!(results.into_iter().eq((0..100).map(Ok)));
            assert_eq!(forked.count(), 100);
            let copy = nix::unistd::Pid::from_raw(copy.cast_signed());
            let ended = nix::sys::wait::waitpid(copy, None).expect("only this waits for it");
            assert_eq!(ended, nix::sys::wait::WaitStatus::Exited(copy, 0));
        }
    });
}
