//! Tasks in their callers' spans.

use std::time::Instant;

use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::watch;
use procpool_tracing::{Call, Caller};
use tracing::subscriber::set_default;
use tracing::{info, info_span};
use tracing_core::LevelFilter;

use crate::support::pools::{pool, recording, scope};
use crate::support::recording::{Kind, Recording, Seen};

/// Returns how long it ran at least, in microseconds.
fn record(number: u32) -> u64 {
    let started = Instant::now();
    info!("{number}");
    started.elapsed().as_micros() as u64
}

fn microseconds(field: &str) -> u64 {
    field.strip_prefix("u64 ").and_then(|number| number.parse().ok()).expect("it is a number")
}

fn closed_tasks(recording: &Recording) -> Vec<Seen> {
    recording.of(Kind::Closed).into_iter().filter(|seen| seen.name == "task").collect()
}

#[test]
fn a_call_is_in_its_callers_span_with_its_queue_time_and_its_run_time() {
    watch::within(watch::HANG, || {
        let (recording, _guard) = recording(LevelFilter::INFO);
        let executor = pool(1);
        let request = info_span!("request").entered();
        let caller = Caller::current(&executor);
        let crossing = Crossing::new();
        let busy = executor.submit(cross, crossing.places());
        crossing.wait_for(1);
        let future = executor.submit(|call: Call<u32>| call.run(record), caller.call(7));
        let queued = Instant::now();
        let in_call = future.id();
        drop(request);
        let at_least = queued.elapsed().as_micros() as u64;
        crossing.let_go(1);
        let pid = busy.result().unwrap();
        let ran = future.result().unwrap();
        drop(caller);
        drop(executor);
        let events = recording.events();
        let [seen] = &events[..] else { panic!("{events:?}") };
        assert_eq!(scope(seen), ["request", "task"]);
        let of_task = &seen.scope[1].1.0;
        assert_eq!(of_task["work_item"], format!("u64 {in_call}"));
        assert_eq!((of_task["worker"].as_str(), &of_task["pid"]), ("u64 0", &format!("u64 {pid}")));
        let closed = closed_tasks(&recording);
        assert_eq!(closed.len(), 1);
        assert!(microseconds(closed[0].field("queue_us")) >= at_least.max(1), "{closed:?}");
        assert!(microseconds(closed[0].field("run_us")) >= ran, "{closed:?}");
    });
}

#[test]
fn each_item_of_a_map_has_a_span_of_its_own() {
    watch::within(watch::HANG, || {
        let (recording, _guard) = recording(LevelFilter::INFO);
        let executor = pool(2);
        let request = info_span!("request").entered();
        let caller = Caller::current(&executor);
        let calls = (0..100).map(|number| caller.call(number));
        let options = executor.map_options().chunksize(10);
        let results = options.map(|call: Call<u32>| call.run(record), calls);
        assert!(results.into_iter().all(|result| result.is_ok()));
        drop((caller, request));
        drop(executor);
        assert!(recording.events().iter().all(|seen| scope(seen) == ["request", "task"]));
        assert_eq!((recording.events().len(), closed_tasks(&recording).len()), (100, 100));
    });
}

#[test]
fn a_call_that_panics_ends_its_span() {
    watch::within(watch::HANG, || {
        let (recording, _guard) = recording(LevelFilter::INFO);
        let executor = pool(1);
        let request = info_span!("request").entered();
        let caller = Caller::current(&executor);
        let panics = |call: Call<u32>| call.run(|_| -> u32 { panic!("on purpose") });
        assert!(executor.submit(panics, caller.call(0)).result().is_err());
        executor.submit(record, 1).result().unwrap();
        drop((request, caller));
        drop(executor);
        let events = recording.events();
        assert_eq!(scope(&events[0]), ["worker", "task"]);
        assert!(closed_tasks(&recording)[0].field("run_us").starts_with("u64 "));
    });
}

#[test]
fn a_caller_keeps_its_span_open_and_a_later_task_has_no_parent() {
    watch::within(watch::HANG, || {
        let (recording, _guard) = recording(LevelFilter::INFO);
        let executor = pool(1);
        let request = info_span!("request").entered();
        let caller = Caller::current(&executor);
        drop(request);
        executor.flush().result().unwrap();
        assert!(recording.of(Kind::Closed).is_empty());
        let call = caller.call(1);
        drop(caller);
        executor.flush().result().unwrap();
        executor.flush().result().unwrap();
        assert_eq!(recording.of(Kind::Closed).len(), 1);
        executor.submit(|call: Call<u32>| call.run(record), call).result().unwrap();
        drop(executor);
        let events = recording.events();
        assert_eq!(scope(&events[0]), ["worker", "task"]);
        assert!(events[0].scope[1].1.0.contains_key("queue_us"));
    });
}

#[test]
fn a_call_is_recorded_by_the_subscriber_of_its_caller() {
    watch::within(watch::HANG, || {
        let (of_pool, _guard) = recording(LevelFilter::INFO);
        let executor = pool(1);
        let of_caller = Recording::default();
        let subscriber = set_default(of_caller.subscriber(LevelFilter::INFO));
        let request = info_span!("request").entered();
        let caller = Caller::current(&executor);
        let task =
            |call: Call<u32>| call.run(|number| info_span!("step").in_scope(|| record(number)));
        executor.submit(task, caller.call(1)).result().unwrap();
        executor.submit(record, 2).result().unwrap();
        drop((caller, request, subscriber));
        drop(executor);
        assert_eq!(
            (of_caller.messages(), of_pool.messages()),
            (vec!["1".into()], vec!["2".into()])
        );
        assert_eq!(scope(&of_caller.events()[0]), ["request", "task", "step"]);
    });
}

fn call_in_a_pool_of_its_own(number: u32) {
    let executor = pool(1);
    let _span = info_span!("inside").entered();
    let caller = Caller::current(&executor);
    executor.submit(|call: Call<u32>| call.run(record), caller.call(number)).result().unwrap();
    executor.submit(record, number + 1).result().unwrap();
}

#[test]
fn records_of_a_pool_in_a_worker_arrive_in_the_spans_of_both() {
    watch::within(watch::HANG, || {
        let (recording, _guard) = recording(LevelFilter::INFO);
        let executor = pool(1);
        let future = executor.submit(call_in_a_pool_of_its_own, 1);
        future.result().unwrap();
        drop(executor);
        let events = recording.events();
        let scopes: Vec<_> = events.iter().map(|seen| (seen.message(), scope(seen))).collect();
        let expected = [
            ("1", vec!["worker", "task", "inside", "task"]),
            ("2", vec!["worker", "task", "worker", "task"]),
        ];
        assert_eq!(scopes, expected);
        let (outer, inner) = (&events[0].scope[1].1.0, &events[0].scope[3].1.0);
        assert_eq!(outer["work_item"], format!("u64 {}", future.id()));
        assert!(inner.contains_key("queue_us") && inner.contains_key("pid"), "{inner:?}");
        assert!(events[1].scope[2].1.0.contains_key("pid"), "{events:?}");
    });
}

#[test]
fn calls_may_contain_calls_and_spans() {
    watch::within(watch::HANG, || {
        let (recording, _guard) = recording(LevelFilter::INFO);
        let executor = pool(1);
        let request = info_span!("request").entered();
        let caller = Caller::current(&executor);
        let task = |(outer, inner): (Call<u32>, Call<u32>)| {
            outer.run(|number| {
                let _span = info_span!("step").entered();
                record(number);
                inner.run(record);
            });
            record(3);
        };
        executor.submit(task, (caller.call(1), caller.call(2))).result().unwrap();
        drop((request, caller));
        drop(executor);
        let events = recording.events();
        let scopes: Vec<_> = events.iter().map(|seen| (seen.message(), scope(seen))).collect();
        let expected = [
            ("1", vec!["request", "task", "step"]),
            // A call is in its caller's span, wherever it runs.
            ("2", vec!["request", "task"]),
            ("3", vec!["worker", "task"]),
        ];
        assert_eq!(scopes, expected);
    });
}

#[test]
fn a_call_outside_workers_runs_in_a_span_of_the_program() {
    watch::within(watch::HANG, || {
        let (recording, _guard) = recording(LevelFilter::INFO);
        let executor = pool(1);
        Caller::current(&executor).call(20).run(record);
        drop(executor);
        let events = recording.events();
        assert_eq!((events.len(), events[0].message()), (1, "20"));
    });
}
