//! What a pool does, with workers behind relays.

use std::collections::HashSet;
use std::time::Duration;

use libtest_mimic::Trial;
use procpool::{Error, Output, ProcessPoolExecutor};
use procpool_hosts::OnHosts;

use crate::{builder, descriptors, local, trial, until};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("a_submitted_task_returns_its_value", a_submitted_task_returns_its_value),
        trial("results_of_a_map_keep_the_order_of_items", results_of_a_map_keep_the_order_of_items),
        trial(
            "the_initializers_state_reaches_every_task",
            the_initializers_state_reaches_every_task,
        ),
        trial("every_relay_runs_a_worker", every_relay_runs_a_worker),
        trial(
            "arguments_longer_than_a_ring_arrive_whole",
            arguments_longer_than_a_ring_arrive_whole,
        ),
        trial("a_small_task_passes_a_long_argument", a_small_task_passes_a_long_argument),
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

fn arguments_longer_than_a_ring_arrive_whole() {
    let executor = builder(1).build().unwrap();
    let long: Vec<u8> = (0..6 << 20).map(|index| (index % 251) as u8).collect();
    assert!(executor.submit(|bytes: Vec<u8>| bytes, long.clone()).result() == Ok(long));
}

fn a_small_task_passes_a_long_argument() {
    let executor = builder(2).build().unwrap();
    executor.start_workers(2).result().unwrap();
    let long = executor.submit(|bytes: Vec<u8>| bytes.len(), vec![1; 64 << 20]);
    let small = executor.submit(|x: u32| x, 7);
    assert_eq!(small.result(), Ok(7));
    assert!(!long.done(), "the long argument cannot have arrived");
    assert_eq!(long.result(), Ok(64 << 20));
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
