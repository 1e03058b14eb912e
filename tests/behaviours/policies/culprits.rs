//! A worker that dies in a chunk of a map costs the item that it ran: the items before keep their
//! results, and those behind run elsewhere, each once.

use std::collections::HashSet;

use procpool::{Activity, Error, EventKind, Map, ProcessPoolExecutor};
use procpool_testkit::crossing::Crossing;
use procpool_testkit::pool::assert_works;
use procpool_testkit::task::kill_self;
use procpool_testkit::watch;

use crate::behaviours::lives::{count, note, replacing};

/// The number of an item, how long its result is, and where it notes that it runs.
type Item = (u32, usize, String);

/// How many items each map has, all in one chunk, and the one that kills its worker.
const ITEMS: u32 = 40;
const CULPRIT: u32 = 17;

fn die_at_culprit((number, length, path): Item) -> Vec<u8> {
    note((path, format!("{number}")));
    if number == CULPRIT {
        kill_self();
    }
    vec![number as u8; length]
}

/// Dies the first time only.
fn die_at_culprit_once((number, length, path): Item) -> Vec<u8> {
    note((path.clone(), format!("{number}")));
    if number == CULPRIT && count(&path, &number.to_string()) == 1 {
        kill_self();
    }
    vec![number as u8; length]
}

fn one_chunk(
    executor: &ProcessPoolExecutor,
    task: fn(Item) -> Vec<u8>,
    length: usize,
    path: &str,
) -> Map<Vec<u8>> {
    let items = (0..ITEMS).map(|number| (number, length, path.to_owned()));
    executor.map_options().chunksize(ITEMS as usize).map(task, items.collect::<Vec<_>>())
}

fn assert_is_result(number: u32, length: usize, result: &Result<Vec<u8>, Error>) {
    let is_whole = matches!(result, Ok(bytes) if *bytes == vec![number as u8; length]);
    assert!(is_whole, "item {number}: {:?}", result.as_ref().err());
}

fn assert_is_culprit(result: &Result<Vec<u8>, Error>) {
    let Err(Error::WorkerDied(death)) = result else { panic!("the culprit: {result:?}") };
    let Activity::RunningItem { item, .. } = death.activity else { panic!("{death}") };
    assert_eq!(item, CULPRIT, "{death}");
}

#[test]
fn a_death_in_a_chunk_fails_one_item_and_runs_the_rest_once() {
    watch::within(watch::HANG, || {
        for length in [0, 100, 3000] {
            let crossing = Crossing::new();
            let path = crossing.file("notes");
            let executor = replacing(2, 0);
            let results: Vec<_> = one_chunk(&executor, die_at_culprit, length, &path).collect();
            assert_eq!(results.len(), ITEMS as usize);
            for (number, result) in (0..).zip(&results) {
                match number {
                    CULPRIT => assert_is_culprit(result),
                    _ => assert_is_result(number, length, result),
                }
                assert_eq!(count(&path, &number.to_string()), 1, "runs of item {number}");
            }
            assert_works(&executor);
        }
    });
}

#[test]
fn a_retry_after_a_death_in_a_chunk_repeats_the_culprit_alone() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let path = crossing.file("notes");
        let executor = replacing(1, 1);
        let results: Vec<_> = one_chunk(&executor, die_at_culprit_once, 10, &path).collect();
        for (number, result) in (0..).zip(&results) {
            assert_is_result(number, 10, result);
            let runs = 1 + usize::from(number == CULPRIT);
            assert_eq!(count(&path, &number.to_string()), runs, "runs of item {number}");
        }
    });
}

/// Results too long to be shared before their chunk is over die with the worker: their items fail,
/// because they must not run twice. The items behind the culprit run all the same.
#[test]
fn a_death_in_a_chunk_of_long_results_runs_no_item_twice() {
    const LENGTH: usize = 100_000;
    watch::within(watch::HANG, || {
        for retries in [0, 1] {
            let crossing = Crossing::new();
            let path = crossing.file("notes");
            let executor = replacing(2, retries);
            let results: Vec<_> = one_chunk(&executor, die_at_culprit, LENGTH, &path).collect();
            for (number, result) in (0..).zip(&results) {
                let runs = count(&path, &number.to_string());
                if number > CULPRIT {
                    assert_is_result(number, LENGTH, result);
                    assert_eq!(runs, 1, "runs of item {number}");
                } else {
                    assert!(result.is_err(), "item {number} has a result");
                    assert!(runs <= 1 + retries as usize, "{runs} runs of item {number}");
                }
            }
            assert_is_culprit(&results[CULPRIT as usize]);
        }
    });
}

#[test]
fn a_death_in_a_chunk_of_an_unordered_map_names_its_item() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = replacing(2, 0);
        let items = (0..ITEMS).map(|number| (number, 5, crossing.file("notes")));
        let options = executor.map_options().unordered().chunksize(ITEMS as usize);
        let results = options.map(die_at_culprit, items.collect::<Vec<_>>());
        let mut seen = vec![false; ITEMS as usize];
        for (index, result) in results.indexed() {
            assert!(!std::mem::replace(&mut seen[index], true), "item {index} twice");
            match index as u32 {
                CULPRIT => assert_is_culprit(&result),
                number => assert_is_result(number, 5, &result),
            }
        }
        assert!(seen.iter().all(|seen| *seen));
    });
}

/// Dies the first time that it runs a number which 10 divides.
fn die_at_tens_once((number, _, path): Item) -> Vec<u8> {
    note((path.clone(), format!("{number}")));
    if number % 10 == 0 && count(&path, &number.to_string()) == 1 {
        kill_self();
    }
    Vec::new()
}

#[test]
fn each_culprit_of_a_chunk_has_its_own_retries_and_work_item() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = replacing(1, 1);
        let events = executor.events();
        let path = crossing.file("notes");
        let results: Vec<_> = one_chunk(&executor, die_at_tens_once, 0, &path).collect();
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        drop(executor);
        let retried: Vec<u64> = events
            .filter_map(|event| match event.kind {
                EventKind::TaskRetried(id) => Some(id),
                _ => None,
            })
            .collect();
        let distinct: HashSet<_> = retried.iter().collect();
        assert_eq!((retried.len(), distinct.len()), (4, 4), "{retried:?}");
    });
}
