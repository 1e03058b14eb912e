//! Recorded runs: every task is there once with its outcome, whatever happens to its workers.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use procpool::{DeathPolicy, Error, KillOutcome};
use procpool_testkit::task::{double, kill_self};
use procpool_testkit::{start, watch};
use procpool_timeline::Record;
use roxmltree::Document;
use serde_json::{Value, json};

use super::format::Trace;

/// Short enough to be waited for.
const SHORT: Duration = Duration::from_millis(20);

/// Makes a file, and never returns.
fn park(path: String) {
    fs::write(path, "").expect("the folder is the test's");
    loop {
        std::thread::park();
    }
}

fn refuse(number: u32) {
    panic!("{number} is refused");
}

fn leave(code: i32) {
    std::process::exit(code);
}

/// Kills its worker unless it did so before.
fn die_once(path: String) {
    if fs::File::create_new(path).is_ok() {
        kill_self();
    }
}

/// Kills its worker if the number is 7.
fn die_of_seven(number: u32) -> u32 {
    if number == 7 {
        kill_self();
    }
    number
}

/// The outcome and the number of attempts of each task, by its function and, of a map, its item.
fn outcomes(trace: &Trace) -> BTreeMap<String, Vec<(String, u64)>> {
    let mut outcomes: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for task in trace.of("b") {
        let args = &task["args"];
        let item = args["item"].as_u64().map(|item| format!(" {item}")).unwrap_or_default();
        let name = format!("{}{item}", task["name"].as_str().expect("it is checked"));
        let outcome = args["outcome"].as_str().expect("a task has an outcome").to_owned();
        let attempts = args["attempts"].as_u64().expect("a task has attempts");
        outcomes.entry(name).or_default().push((outcome, attempts));
        let slices = trace.of("X").filter(|slice| slice["args"]["task"] == args["task"]);
        assert_eq!(slices.count() as u64, attempts, "each attempt is a slice: {task}");
    }
    outcomes
}

fn count(trace: &Trace, name: &str) -> usize {
    trace.of("i").filter(|instant| instant["name"] == name).count()
}

/// The titles of an SVG's shapes, which has to be well-formed.
fn titles(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).expect("the picture is written");
    let document = Document::parse(&text).expect("the picture is well-formed");
    let titles = document.descendants().filter(|node| node.has_tag_name("title"));
    titles.filter_map(|node| node.text().map(str::to_owned)).collect()
}

/// A pool in which tasks fail in every way, and workers are replaced after two.
fn run_and_fail(method: &'static str) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("new/run");
    let executor = start::builder(method)
        .max_workers(2)
        .death_policy(DeathPolicy::Replace { retries: 1 })
        .max_tasks_per_child(2)
        .grace(SHORT)
        .initializer(|| ())
        .record(&path)
        .expect("a pool can be made");
    let mut futures = vec![executor.submit(refuse, 1), executor.submit(leave, 3)];
    let once = folder.path().join("died").display().to_string();
    executor.submit(die_once, once).result().expect("it is retried");
    let parked = ["a", "b", "c"].map(|name| folder.path().join(name).display().to_string());
    let limited = executor.submit_options().time_limit(15 * SHORT);
    let limit = |task, path| limited.submit(task, path);
    futures.push(executor.submit_by(park, parked[0].clone(), limit));
    let chunks = executor.map_options().chunksize(4);
    let map = executor.map_by(die_of_seven, 0..20, |task, items| chunks.map(task, items));
    assert_eq!(map.filter(Result::is_err).count(), 1);
    futures.iter().for_each(|future| drop(future.error().expect("it fails")));
    // While both workers are busy, no task starts.
    let busy = [1, 2].map(|number: usize| executor.submit(park, parked[number].clone()));
    while !parked.iter().all(|path| Path::new(path).exists()) {
        std::thread::yield_now();
    }
    let cancelled = executor.submit(double, 0);
    assert!(cancelled.cancel());
    assert!(busy.iter().all(|future| future.kill() == KillOutcome::Killed));
    for number in 1..7 {
        assert_eq!(executor.submit(double, number).result(), Ok(2 * number));
    }
    drop(executor);

    let trace = Trace::read(&path.with_extension("json"));
    let mut expected = BTreeMap::new();
    let mut expect = |name: &str, outcome: &str, attempts: u64| {
        let of_name: &mut Vec<_> = expected.entry(name.to_owned()).or_default();
        of_name.push((outcome.to_owned(), attempts));
    };
    expect("refuse", "panicked", 1);
    expect("leave", "failed", 2);
    expect("die_once", "returned", 2);
    (0..3).for_each(|_| expect("park", "failed", 1));
    expect("double", "cancelled", 0);
    (1..7).for_each(|_| expect("double", "returned", 1));
    for item in 0..20 {
        let (outcome, attempts) = if item == 7 { ("failed", 2) } else { ("returned", 1) };
        expect(&format!("die_of_seven {item}"), outcome, attempts);
    }
    assert_eq!(outcomes(&trace), expected);
    // `leave` and the seventh item twice each, and `die_once`.
    assert_eq!((count(&trace, "death"), count(&trace, "retry")), (5, 3));
    assert_eq!((count(&trace, "time limit"), count(&trace, "shut down")), (1, 1));
    assert!(count(&trace, "recycling") >= 1, "six tasks in a row, two for a worker");
    // A worker that is never needed exits before its initializer.
    let tracks = |name: &str| -> Vec<u64> {
        let slices = trace.of("X").filter(|slice| slice["name"] == name);
        slices.map(|slice| slice["tid"].as_u64().expect("it is checked")).collect()
    };
    let workers = trace.of("M").filter(|event| event["name"] == "thread_name").count() - 1;
    assert_eq!(tracks("start").len(), workers, "each worker is started once");
    let initialized = tracks("initializer");
    for worker in tracks("double") {
        assert_eq!(initialized.iter().filter(|other| **other == worker).count(), 1);
    }
    let last: Value =
        trace.of("C").filter(|counter| counter["name"] == "tasks").last().cloned().into();
    assert_eq!(last["args"], json!({"queued": 0, "running": 0}));

    let titles = titles(&path.with_extension("svg"));
    for text in ["Timeline of run", "start: ", "initializer: ", "(double), returned: "] {
        assert!(titles.iter().any(|title| title.contains(text)), "{text}: {titles:?}");
    }
    assert!(!path.with_extension("marks").exists(), "only the two files are left");
}

#[test]
fn every_task_has_its_outcome_once_with_spawned_workers() {
    watch::within(watch::HANG, || run_and_fail("spawn"));
}

#[test]
fn every_task_has_its_outcome_once_with_workers_of_a_forkserver() {
    watch::within(watch::HANG, || run_and_fail("forkserver"));
}

#[test]
fn every_task_has_its_outcome_once_with_forked_workers() {
    watch::within(watch::HANG, || run_and_fail("fork"));
}

#[test]
fn a_long_map_is_recorded_up_to_the_limit_and_the_rest_is_counted() {
    watch::within(watch::HANG, || {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("run");
        let builder = start::builder("spawn").max_workers(2);
        let executor = builder.record_at_most(2000, &path).expect("a pool can be made");
        let map = executor.map(double, 0..2100);
        assert!(map.enumerate().all(|(index, result)| result == Ok(2 * index as u32)));
        let text = executor.finish().expect("it is written").text();
        let summary = "2000 tasks, 2000 returned, 100 tasks are left out";
        assert!(text.contains(summary), "{text}");
        let trace = Trace::read(&path.with_extension("json"));
        assert_eq!(trace.of("b").count(), 2000);
    });
}

#[test]
fn a_task_with_state_is_recorded_and_gets_its_state() {
    watch::within(watch::HANG, || {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("run");
        let builder =
            start::builder("spawn").max_workers(1).initializer(|| Ok::<_, String>(Vec::new()));
        let executor = builder.finalizer(|_: Vec<u32>| ()).record(&path).expect("a pool");
        let push = |seen: &mut Vec<u32>, number: u32| {
            seen.push(number);
            seen.len()
        };
        assert_eq!(executor.submit_with(push, 1).result(), Ok(1));
        let lengths: Vec<_> = executor.map_with(push, [2, 3]).collect();
        assert_eq!(lengths, [Ok(2), Ok(3)]);
        drop(executor);
        let trace = Trace::read(&path.with_extension("json"));
        let names: Vec<_> =
            trace.of("X").map(|slice| slice["name"].as_str().unwrap_or("")).collect();
        let task = "a_task_with_state_is_recorded_and_gets_its_state::{{closure}}";
        assert_eq!(names, ["start", "initializer", task, task, task, "finalizer and exit"]);
    });
}

#[test]
fn failed_starts_and_the_cause_that_broke_the_pool_are_recorded() {
    watch::within(watch::HANG, || {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("run");
        let executor = start::builder("spawn")
            .max_workers(1)
            .death_policy(DeathPolicy::Replace { retries: 0 })
            .max_failed_starts(2)
            .initializer(|| Err::<(), _>("no such server"))
            .record(&path)
            .expect("a pool can be made");
        let future = executor.submit(double, 1);
        assert!(matches!(future.error(), Some(Error::BrokenProcessPool(_))));
        drop(executor);
        let trace = Trace::read(&path.with_extension("json"));
        // Each worker has one in its track; the pool has the first one and the end.
        assert_eq!((count(&trace, "failed start"), count(&trace, "start failed")), (2, 1));
        assert_eq!(count(&trace, "broken"), 1);
        assert_eq!(
            outcomes(&trace),
            BTreeMap::from([("double".to_owned(), vec![("failed".to_owned(), 0)])])
        );
        let titles = titles(&path.with_extension("svg"));
        assert!(titles.iter().any(|title| title.contains("no such server")), "{titles:?}");
    });
}

#[test]
fn a_path_without_a_folder_is_refused_before_a_pool_is_made() {
    watch::within(watch::HANG, || {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let error = start::builder("spawn").record(file.path().join("run")).expect_err("no folder");
        let Error::InvalidArgument(what) = &error else { panic!("{error:?}") };
        assert!(what.starts_with("record: no file can be made at "), "{what}");
    });
}
