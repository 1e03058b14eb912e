//! Reports of running tasks.

use std::collections::HashMap;
use std::os::unix::fs::FileExt;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, Once};
use std::thread;
use std::time::Duration;

use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};
use procpool::{
    Builder, CodecStep, Error, KillOutcome, Payload, ProcessPoolExecutor, Report, StartMethod,
    retire_worker,
};
use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::task::pid;
use procpool_testkit::{gate, os, watch};

use crate::behaviours::lives::{builder, replacing_builder};

/// A pool, and what its tasks report.
fn reporting<T: Payload + Send>(builder: Builder) -> (ProcessPoolExecutor, Receiver<Report<T>>) {
    let (sender, reports) = mpsc::channel();
    let sender = Mutex::new(sender);
    let hook = move |report| drop(sender.lock().expect("a send does not panic").send(report));
    (builder.on_report(hook).build().expect("a pool can be made"), reports)
}

fn values<T: Payload>(reports: Receiver<Report<T>>) -> Vec<T> {
    reports.into_iter().map(|report| report.value.expect("it can be decoded")).collect()
}

fn count_to(end: u32) {
    (0..end).for_each(|number| procpool::report(&number).expect("it can be sent"));
}

#[test]
fn reports_arrive_in_their_order_while_the_task_runs() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let (executor, reports) = reporting(builder(1));
        let task = |places| {
            count_to(100);
            cross(places)
        };
        let future = executor.submit(task, crossing.places());
        let found: Vec<Report<u32>> = reports.iter().take(100).collect();
        assert!(!future.done());
        crossing.wait_for(1);
        crossing.let_go(1);
        let pid = future.result().unwrap();
        for (report, number) in found.iter().zip(0..) {
            assert_eq!((report.worker.id, report.worker.pid), (0, pid));
            assert_eq!((report.work_item, &report.value), (Some(future.id()), &Ok(number)));
        }
    });
}

#[test]
fn reports_of_a_task_precede_the_callbacks_of_its_future() {
    watch::within(watch::HANG, || {
        let log = Arc::new(Mutex::new(Vec::new()));
        let theirs = Arc::clone(&log);
        let hook = move |report: Report<u32>| {
            theirs.lock().unwrap().push((report.work_item, Some(report.value.unwrap())));
        };
        let executor = builder(1).on_report(hook).build().unwrap();
        let crossing = Crossing::new();
        let busy = executor.submit(cross, crossing.places());
        let futures: Vec<_> = (0..500).map(|_| executor.submit(count_to, 3)).collect();
        for future in &futures {
            let (log, id) = (Arc::clone(&log), Some(future.id()));
            future.add_done_callback(move |_| log.lock().unwrap().push((id, None)));
        }
        crossing.let_go(1);
        // Watches the worker's link: this thread settles tasks, as the manager does.
        assert!(futures.iter().all(|future| future.result().is_ok()) && busy.done());
        drop(executor);
        let mut of_task = HashMap::<_, Vec<Option<u32>>>::new();
        for (id, what) in log.lock().unwrap().drain(..) {
            of_task.entry(id).or_default().push(what);
        }
        assert_eq!(of_task.len(), futures.len());
        for (id, found) in of_task {
            assert_eq!(found, [Some(0), Some(1), Some(2), None], "work item {id:?}");
        }
    });
}

#[test]
fn a_flush_waits_for_the_reports_of_tasks_that_are_over() {
    watch::within(watch::HANG, || {
        let handled = Arc::new(Mutex::new(0_u32));
        let count = Arc::clone(&handled);
        let executor = builder(2).on_report(move |_: Report<u32>| *count.lock().unwrap() += 1);
        let executor = executor.build().unwrap();
        let early = executor.flush();
        assert_eq!(early.result(), Ok(()));
        for round in 1..=200 {
            assert_eq!(executor.submit(count_to, 5).result(), Ok(()));
            assert_eq!(executor.flush().result(), Ok(()));
            assert_eq!(*handled.lock().unwrap(), 5 * round);
        }
        executor.shutdown();
        assert_eq!(executor.flush().result(), Ok(()));
    });
}

#[test]
fn a_flush_does_not_wait_for_tasks_and_a_cancelled_one_is_cancelled() {
    watch::within(watch::HANG, || {
        let (go, goes) = mpsc::channel::<()>();
        let goes = Mutex::new(goes);
        let hook = move |_: Report<u32>| goes.lock().unwrap().recv().expect("the test is there");
        let executor = builder(1).on_report(hook).build().unwrap();
        let crossing = Crossing::new();
        let busy = executor.submit(cross, crossing.places());
        crossing.wait_for(1);
        assert_eq!(executor.flush().result(), Ok(()));
        crossing.let_go(1);
        assert!(busy.result().is_ok());
        assert_eq!(executor.submit(count_to, 1).result(), Ok(()));
        let (flushed, cancelled) = (executor.flush(), executor.flush());
        assert!(cancelled.cancel() && !flushed.done());
        go.send(()).unwrap();
        assert_eq!(flushed.result(), Ok(()));
        drop(executor);
        assert_eq!(cancelled.result(), Err(Error::Cancelled));
    });
}

#[test]
fn a_worker_that_dies_loses_no_report_that_it_has_sent() {
    watch::within(watch::HANG, || {
        let (executor, reports) = reporting(replacing_builder(1, 0));
        let task = |code| {
            count_to(200);
            std::process::exit(code)
        };
        let future = executor.submit::<_, ()>(task, 3);
        assert!(matches!(future.error(), Some(Error::WorkerDied(_))), "{future:?}");
        drop(executor);
        assert!(values::<u32>(reports).into_iter().eq(0..200));
    });
}

#[test]
fn a_killed_task_loses_no_report_that_it_has_sent() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let (executor, reports) = reporting(replacing_builder(1, 0));
        let task = |path: String| -> () {
            let file = std::fs::File::create(path).expect("the folder exists");
            for number in 0.. {
                file.write_at(&u32::to_le_bytes(number), 0).expect("a file can be written");
                procpool::report(&number).expect("it can be sent");
            }
        };
        for round in 0..50 {
            let path = crossing.file(&round.to_string());
            let future = executor.submit(task, path.clone());
            let mut handled = vec![reports.recv().unwrap()];
            assert_eq!(future.kill(), KillOutcome::Killed);
            // Its worker has ended when another one runs a task.
            let next = executor.submit(count_to, 1);
            assert_eq!(next.result(), Ok(()));
            let of_task = |report: &Report<u32>| report.work_item == Some(future.id());
            handled.extend(reports.iter().take_while(of_task));
            let sent = std::fs::read(path).unwrap();
            let sent = u32::from_le_bytes(sent[..].try_into().unwrap());
            assert!(handled.len() >= sent as usize, "{} of {sent}", handled.len());
            assert!(
                handled.into_iter().zip(0..).all(|(report, number)| report.value == Ok(number))
            );
        }
    });
}

#[test]
fn a_task_waits_while_a_thousand_of_its_reports_are_not_handled() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let past = crossing.file("past");
        let (arrived, _) = crossing.places();
        let task = |(arrived, past): (String, String)| {
            count_to(1000);
            gate::give(&arrived);
            count_to(1);
            std::fs::write(past, "").expect("the folder exists");
            count_to(2000);
        };
        let (sender, go) = mpsc::channel::<()>();
        let (go, (done, reports)) = (Mutex::new(go), mpsc::channel());
        let hook = move |report: Report<u32>| {
            let _ = done.send(report.worker.pid);
            let _ = go.lock().unwrap().recv();
        };
        let executor = builder(1).on_report(hook).build().unwrap();
        let future = executor.submit(task, (arrived, past.clone()));
        let pid = reports.recv().unwrap();
        crossing.wait_for(1);
        let sleeps = |state| state == 'S';
        while !os::process(pid).is_some_and(|worker| sleeps(worker.state)) {
            std::thread::yield_now();
        }
        assert!(!std::path::Path::new(&past).exists(), "it has sent one more");
        drop(sender);
        assert_eq!(future.result(), Ok(()));
        drop(executor);
        assert_eq!(reports.into_iter().count(), 3000);
    });
}

#[test]
fn a_hook_that_panics_handles_its_report() {
    watch::within(watch::HANG, || {
        let hook = |_: Report<u32>| panic!("the hook's own");
        let executor = builder(1).on_report(hook).build().unwrap();
        assert_eq!(executor.submit(count_to, 1100).result(), Ok(()));
    });
}

#[test]
fn reports_that_nobody_reads_hold_nothing_up() {
    watch::within(watch::HANG, || {
        let executor = builder(1).build().unwrap();
        assert_eq!(executor.submit(count_to, 5000).result(), Ok(()));
    });
}

#[test]
fn reports_of_several_threads_arrive_whole() {
    watch::within(watch::HANG, || {
        const EACH: u32 = 80;
        let (executor, reports) = reporting(builder(1));
        let task = |(): ()| {
            std::thread::scope(|scope| {
                for thread in 0..4_usize {
                    scope.spawn(move || {
                        for number in 0..EACH {
                            // Longer than the socket takes at once.
                            let value =
                                (thread, number, "x".repeat(300_000 * (number % 2) as usize));
                            procpool::report(&value).expect("it can be sent");
                        }
                    });
                }
            });
        };
        assert_eq!(executor.submit(task, ()).result(), Ok(()));
        drop(executor);
        let mut next = [0; 4];
        for (thread, number, text) in values::<(usize, u32, String)>(reports) {
            assert_eq!((number, text.len()), (next[thread], 300_000 * (number % 2) as usize));
            next[thread] += 1;
        }
        assert_eq!(next, [EACH; 4]);
    });
}

#[test]
fn items_of_a_map_report() {
    watch::within(watch::HANG, || {
        let (executor, reports) = reporting(builder(2));
        let task = |x: u32| procpool::report(&x).is_ok();
        assert!(executor.map(task, 0..5000).all(|sent| sent == Ok(true)));
        drop(executor);
        let mut found = values::<u32>(reports);
        found.sort_unstable();
        assert!(found.into_iter().eq(0..5000));
    });
}

#[test]
fn a_report_of_another_type_is_an_error_that_names_both() {
    watch::within(watch::HANG, || {
        let (executor, reports) = reporting::<String>(builder(1));
        assert_eq!(executor.submit(count_to, 1).result(), Ok(()));
        drop(executor);
        let values: Vec<_> = reports.into_iter().map(|report| report.value).collect();
        let [Err(Error::Codec(error))] = &values[..] else { panic!("{values:?}") };
        assert_eq!(error.step, CodecStep::DecodeReport);
        assert!(error.type_name.contains("String") && error.message.contains("`u32`"), "{error}");
    });
}

#[test]
fn each_type_of_report_has_its_own_hook() {
    watch::within(watch::HANG, || {
        let task = |(): ()| {
            procpool::report(&1_u32).expect("it can be sent");
            procpool::report(&"two".to_owned()).expect("it can be sent");
            procpool::report(&3_u64).expect("it can be sent");
        };
        let (sender, numbers) = mpsc::channel();
        let numbered = builder(1).on_report::<u32>(move |report| drop(sender.send(report.value)));
        // Of two for one type, the last counts.
        let numbered = numbered.on_report::<String>(|_| panic!("another hook replaces it"));
        let (executor, texts) = reporting::<String>(numbered);
        assert_eq!(executor.submit(task, ()).result(), Ok(()));
        drop(executor);
        assert_eq!(values(texts), ["two"]);
        let found: Vec<_> = numbers.into_iter().collect();
        let [Ok(1), Err(Error::Codec(error))] = &found[..] else { panic!("{found:?}") };
        assert!(error.message.contains("`u64`"), "{error}");
    });
}

#[test]
fn a_report_that_cannot_be_encoded_is_an_error_in_the_task() {
    watch::within(watch::HANG, || {
        let (executor, reports) = reporting::<Unsendable>(builder(1));
        let task = |(): ()| match procpool::report(&Unsendable) {
            Err(Error::Codec(error)) => error.to_string(),
            other => format!("{other:?}"),
        };
        let text = executor.submit(task, ()).result().unwrap();
        assert!(
            text.contains("the report could not be encoded") && text.contains("never"),
            "{text}"
        );
        drop(executor);
        assert_eq!(reports.into_iter().count(), 0);
    });
}

#[derive(Debug, serde::Deserialize)]
struct Unsendable;

impl serde::Serialize for Unsendable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("never"))
    }
}

#[test]
fn the_initializer_and_the_finalizer_report_too() {
    watch::within(watch::HANG, || {
        let initializer = || procpool::report(&1_u32).expect("it can be sent");
        let finalizer = |()| procpool::report(&3_u32).expect("it can be sent");
        let builder = builder(1).initializer(initializer).finalizer(finalizer);
        let (sender, reports) = mpsc::channel();
        let started = sender.clone();
        let hook = move |report: Report<u32>| {
            let value = report.value.expect("it can be decoded");
            sender.send((report.work_item, value)).expect("it is received");
        };
        let builder =
            builder.on_worker_start(move |_| started.send((None, 2)).expect("it is received"));
        let executor = builder.on_report(hook).build().unwrap();
        let task = executor.submit(count_to, 1);
        assert_eq!(task.result(), Ok(()));
        drop(executor);
        let found: Vec<_> = reports.into_iter().collect();
        assert_eq!(found, [(None, 1), (None, 2), (Some(task.id()), 0), (None, 3)]);
    });
}

#[test]
fn outside_workers_and_in_their_copies_a_report_does_nothing() {
    watch::within(watch::HANG, || {
        assert_eq!(procpool::report(&1), Ok(()));
        let (executor, reports) = reporting(builder(1));
        let task = |(): ()| {
            // SAFETY: the copy calls nothing that another thread may have locked.
            match unsafe { fork() }.expect("a process can be forked") {
                ForkResult::Child => {
                    let _ = procpool::report(&7_u32);
                    // SAFETY: _exit(2) takes an integer.
                    unsafe { nix::libc::_exit(0) }
                }
                ForkResult::Parent { child } => {
                    waitpid(child, None) == Ok(WaitStatus::Exited(child, 0))
                }
            }
        };
        assert_eq!(executor.submit(task, ()).result(), Ok(true));
        drop(executor);
        assert!(values::<u32>(reports).is_empty());
    });
}

#[test]
fn a_task_that_waits_with_reports_can_be_limited() {
    watch::within(watch::HANG, || {
        let (sender, go) = mpsc::channel::<()>();
        let go = Mutex::new(go);
        let hook = move |_: Report<u32>| {
            let _ = go.lock().unwrap().recv();
        };
        let executor = replacing_builder(1, 0).on_report(hook).build().unwrap();
        let limited = executor.submit_options().time_limit(Duration::from_millis(200));
        let future = limited.submit(count_to, 5000);
        assert!(matches!(future.error(), Some(Error::TimeLimitExceeded { .. })), "{future:?}");
        drop(sender);
    });
}

/// From now on a thread of this worker reports all the time, so that results are often found with reports
/// before them.
fn report_beside_tasks() {
    static REPORTS: Once = Once::new();
    REPORTS.call_once(|| drop(thread::spawn(|| while procpool::report(&0_u32).is_ok() {})));
}

#[test]
fn items_that_report_have_their_own_results() {
    watch::within(watch::HANG, || {
        let task = |x: u32| {
            report_beside_tasks();
            (0..x % 3).for_each(|number| procpool::report(&number).expect("it can be sent"));
            x
        };
        let executor = builder(1).on_report(|_: Report<u32>| {}).build().unwrap();
        for _ in 0..2 {
            let results = executor.map_options().chunksize(50).map(task, 0..5_000);
            assert!(results.zip(0..).all(|(result, x)| result == Ok(x)));
        }
    });
}

#[test]
fn a_task_that_has_returned_before_its_worker_dies_has_its_result() {
    watch::within(watch::HANG, || {
        let task = |x: u32| {
            report_beside_tasks();
            if x % 50 == 49 {
                std::process::exit(3);
            }
            x
        };
        let executor = replacing_builder(1, 0).build().unwrap();
        let futures: Vec<_> = (0..5000).map(|x| executor.submit(task, x)).collect();
        for (future, x) in futures.iter().zip(0..) {
            match future.result() {
                Err(Error::WorkerDied(_)) if x % 50 == 49 => {}
                result => assert_eq!(result, Ok(x)),
            }
        }
    });
}

#[test]
fn no_thread_that_reports_sleeps_for_ever() {
    watch::within(watch::HANG, || {
        let executor = builder(1).build().unwrap();
        let task = |(): ()| {
            thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| procpool::report(&1_u32).expect("it can be sent"));
                }
            });
        };
        // One after the other, so that the pool has time for each report.
        assert!((0..800).all(|_| executor.submit(task, ()).result() == Ok(())));
    });
}

#[test]
fn a_hook_may_fork_and_return_in_the_copy() {
    watch::within(watch::HANG, || {
        let (sender, statuses) = mpsc::channel();
        let hook = move |_: Report<u32>| {
            // SAFETY: the copy returns from here, and exits.
            if let ForkResult::Parent { child } = unsafe { fork() }.expect("a process is forked") {
                sender.send(waitpid(child, None)).expect("it is received");
            }
        };
        let executor = builder(1).on_report(hook).build().unwrap();
        assert_eq!(executor.submit(count_to, 3).result(), Ok(()));
        drop(executor);
        let statuses: Vec<_> = statuses.into_iter().collect();
        assert_eq!(statuses.len(), 3);
        for status in statuses {
            assert!(matches!(status, Ok(WaitStatus::Exited(_, 0))), "{status:?}");
        }
    });
}

#[test]
fn a_worker_that_a_task_forks_runs_no_task_yet() {
    watch::within(watch::HANG, || {
        let task = |(): ()| {
            let builder = ProcessPoolExecutor::builder().max_workers(1);
            // Retiring has no effect outside tasks.
            let builder = builder.start_method(StartMethod::Fork).initializer(retire_worker);
            let nested = builder.build()?;
            Ok((nested.submit(pid, ()).result()?, nested.submit(pid, ()).result()?))
        };
        let pids: Result<(u32, u32), Error> =
            builder(1).build().unwrap().submit(task, ()).result().unwrap();
        let (first, second) = pids.unwrap();
        assert_eq!(first, second);
    });
}
