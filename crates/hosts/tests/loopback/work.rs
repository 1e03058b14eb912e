//! The work of a pool, with workers behind relays.

use std::collections::HashSet;
use std::time::Duration;

use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use procpool::{Error, EventKind, HostName, Output, ProcessPoolExecutor, WorkerState};
use procpool_hosts::OnHosts;

use crate::{HANG, builder, descriptors, host, local, send, trial, until};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("a_submitted_task_returns_its_value", a_submitted_task_returns_its_value),
        trial("results_of_a_map_keep_the_order_of_items", results_of_a_map_keep_the_order_of_items),
        trial(
            "the_initializers_state_reaches_every_task",
            the_initializers_state_reaches_every_task,
        ),
        trial("every_relay_runs_a_worker", every_relay_runs_a_worker),
        trial("events_and_tasks_name_the_host", events_and_tasks_name_the_host),
        trial(
            "arguments_longer_than_a_ring_arrive_whole",
            arguments_longer_than_a_ring_arrive_whole,
        ),
        trial(
            "a_relay_that_reads_nothing_delays_no_other",
            a_relay_that_reads_nothing_delays_no_other,
        ),
        trial("output_goes_where_the_program_wants_it", output_goes_where_the_program_wants_it),
        trial(
            "variables_reach_workers_but_the_secret_does_not",
            variables_reach_workers_but_the_secret_does_not,
        ),
        trial("a_worker_is_replaced_after_its_tasks", a_worker_is_replaced_after_its_tasks),
        trial("reports_precede_the_result_of_their_task", reports_precede_the_result_of_their_task),
        trial("a_pool_leaves_no_descriptor_behind", a_pool_leaves_no_descriptor_behind),
    ]
}

fn a_submitted_task_returns_its_value() {
    let executor = builder(1).build().unwrap();
    assert_eq!(executor.submit(|x: u32| x + 1, 1).result(), Ok(2));
    assert_ne!(executor.submit(|()| std::process::id(), ()).result(), Ok(std::process::id()));
}

fn results_of_a_map_keep_the_order_of_items() {
    let executor = builder(2).build().unwrap();
    let squares: Result<Vec<u64>, Error> = executor.map(|x: u64| x * x, 0..2000).collect();
    assert_eq!(squares.unwrap(), (0..2000).map(|x| x * x).collect::<Vec<u64>>());
    let chunks = executor.map_options().chunksize(50).map(|x: u64| x + 1, 0..1000);
    assert_eq!(chunks.collect::<Result<Vec<u64>, Error>>().unwrap(), (1..1001).collect::<Vec<_>>());
}

fn the_initializers_state_reaches_every_task() {
    let builder = ProcessPoolExecutor::builder().launcher(local(2));
    let initializer = |start: u64| Ok::<u64, String>(start);
    let executor = builder.initializer_with_args(initializer, 40).build().unwrap();
    let futures: Vec<_> =
        (0..8).map(|x: u64| executor.submit_with(|state, x: u64| *state + x, x)).collect();
    let sums: Vec<u64> = futures.iter().map(|future| future.result().unwrap()).collect();
    assert_eq!(sums, (40..48).collect::<Vec<u64>>());
}

fn every_relay_runs_a_worker() {
    let executor = builder(3).build().unwrap();
    executor.start_workers(3).result().unwrap();
    let task = |()| (std::process::id(), std::os::unix::process::parent_id());
    let parents = executor.broadcast(task, ()).result().unwrap();
    let pairs: HashSet<(u32, u32)> =
        parents.into_iter().map(|worker| worker.result.unwrap()).collect();
    let relays: HashSet<u32> = pairs.iter().map(|(_, relay)| *relay).collect();
    assert_eq!((pairs.len(), relays.len()), (3, 3));
    assert!(!relays.contains(&std::process::id()));
}

fn events_and_tasks_name_the_host() {
    let executor = builder(1).build().unwrap();
    let mut events = executor.events();
    executor.start_workers(1).result().unwrap();
    let named = executor.broadcast(|()| host().to_string(), ()).result().unwrap().remove(0);
    let host: HostName = named.result.unwrap().into();
    let Some(EventKind::WorkerStarted(worker)) = events.next().map(|event| event.kind) else {
        panic!("nothing happens before that")
    };
    assert_eq!((worker.host, named.worker), (Some(host), worker));
    assert_eq!(executor.workers(), [(worker, WorkerState::Idle)]);
    assert_eq!(worker.to_string(), format!("worker 0 (pid {} on {host})", worker.pid));
}

fn arguments_longer_than_a_ring_arrive_whole() {
    let executor = builder(1).build().unwrap();
    let long: Vec<u8> = (0..6 << 20).map(|index| (index % 251) as u8).collect();
    assert!(executor.submit(|bytes: Vec<u8>| bytes, long.clone()).result() == Ok(long));
}

/// One is stopped, and has more to read than sockets hold: they grow to some 32 MiB.
fn a_relay_that_reads_nothing_delays_no_other() {
    const LONG: usize = 64 << 20;
    let (sender, arrivals) = std::sync::mpsc::channel();
    let builder = ProcessPoolExecutor::builder().launcher(local(2).silence(HANG));
    let note = move |report: procpool::Report<usize>| drop(sender.send(report.value));
    let executor = builder.on_report(note).build().unwrap();
    executor.start_workers(2).result().unwrap();
    let relays = executor.broadcast(|()| std::os::unix::process::parent_id(), ());
    let stopped = relays.result().unwrap()[0].result.clone().unwrap();
    send(Signal::SIGSTOP, stopped);
    let task = |bytes: Vec<u8>| procpool::report(&bytes.len()).map(|()| bytes.len()).unwrap();
    // When one has got this much three times, the other one has been sent as much as it takes.
    let mut long = Vec::new();
    for _ in 0..3 {
        long.push(executor.broadcast(task, vec![1; LONG]));
        assert_eq!(arrivals.recv_timeout(HANG).unwrap(), Ok(LONG));
    }
    for x in 0..100 {
        assert_eq!(executor.submit(|x: u32| x, x).result(), Ok(x));
    }
    assert!(!long.iter().any(|long| long.done()), "nothing can have arrived");
    send(Signal::SIGCONT, stopped);
    let lengths = long.iter().flat_map(|long| long.result().unwrap());
    assert!(lengths.map(|worker| worker.result).all(|length| length == Ok(LONG)));
}

fn output_goes_where_the_program_wants_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out-{worker}");
    let executor = builder(1).stdout(Output::File(path)).capture_stderr(3).build().unwrap();
    let task = |()| -> () {
        println!("printed");
        eprintln!("last words");
        std::process::abort()
    };
    let error = executor.submit(task, ()).error().unwrap().to_string();
    assert!(error.contains("SIGABRT") && error.contains("last words"), "{error}");
    let written = std::fs::read_to_string(folder.path().join("out-0")).unwrap();
    assert_eq!(written, "printed\n");
}

fn variables_reach_workers_but_the_secret_does_not() {
    let executor = builder(1).env("ANSWER", "42").build().unwrap();
    let names = |()| -> Vec<String> {
        let variables = std::env::vars().map(|(name, value)| format!("{name}={value}"));
        variables
            .filter(|text| text.contains("PROCPOOL_HOSTS") || text.contains("ANSWER"))
            .collect()
    };
    assert_eq!(executor.submit(names, ()).result(), Ok(vec!["ANSWER=42".to_owned()]));
}

fn a_worker_is_replaced_after_its_tasks() {
    let executor = builder(1).max_tasks_per_child(2).build().unwrap();
    let pids: Vec<u32> =
        (0..6).map(|_| executor.submit(|()| std::process::id(), ()).result().unwrap()).collect();
    let workers: HashSet<u32> = pids.iter().copied().collect();
    assert_eq!(workers.len(), 3, "{pids:?}");
    let stale = |()| {
        procpool::retire_worker();
        std::process::id()
    };
    let first = executor.submit(stale, ()).result().unwrap();
    assert_ne!(executor.submit(|()| std::process::id(), ()).result().unwrap(), first);
}

fn reports_precede_the_result_of_their_task() {
    use std::sync::{Arc, Mutex};
    let seen = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&seen);
    let executor = builder(1)
        .on_report(move |report: procpool::Report<u32>| {
            keep.lock().unwrap().push(report.value.unwrap())
        })
        .build()
        .unwrap();
    let task = |count: u32| (0..count).for_each(|number| drop(procpool::report(&number)));
    // More than may wait to be handled.
    executor.submit(task, 3000).result().unwrap();
    until("every report was handled", || seen.lock().unwrap().len() == 3000);
    assert_eq!(*seen.lock().unwrap(), (0..3000).collect::<Vec<u32>>());
}

fn a_pool_leaves_no_descriptor_behind() {
    let before = descriptors();
    for _ in 0..2 {
        let executor = builder(2).build().unwrap();
        assert_eq!(executor.submit(|x: u32| x, 3).result_timeout(Duration::from_secs(60)), Ok(3));
        drop(executor);
        assert_eq!(descriptors(), before);
    }
}
