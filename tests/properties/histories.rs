//! Histories written by hand, and the verdict of each checker.
//!
//! Small ones, with one fault each, for the faults of saboteurs and for those of no saboteur. Worker 1 and
//! worker 2 are the processes; a plan here has one submit or one map.

use procpool_testkit::trace::Record;

use crate::checks::{Checker, EXECUTIONS, INITARGS, INITIALIZATION, RESULTS, WIDTH};
use crate::history::History;
use crate::plan::{Effort, How, Initargs, Operation, Plan};
use crate::pool::Answer;
use crate::task::Event::{self, Ended, Initialized, Initializing, Started};
use crate::task::answer;

const MAP: How = How::Map { chunksize: None };

fn history(how: How, tasks: usize, seen: Vec<Answer>, trace: &[(u32, Event)]) -> History {
    let operation = Operation { how, efforts: vec![Effort::Micros(0); tasks], collect: false };
    let record = |(nanos, (pid, event)): (usize, &(u32, Event))| Record {
        pid: *pid,
        nanos: nanos as u64,
        event: event.clone(),
    };
    History {
        plan: Plan { max_workers: 2, initargs: initargs(), operations: vec![operation] },
        seen: vec![seen],
        trace: trace.iter().enumerate().map(record).collect(),
    }
}

/// Of a map of `tasks` tasks, with any results.
fn traced(tasks: usize, trace: &[(u32, Event)]) -> History {
    history(MAP, tasks, Vec::new(), trace)
}

/// Of an operation of three tasks, which left no trace.
fn gave(how: How, seen: Vec<Answer>) -> History {
    history(how, 3, seen, &[])
}

fn initargs() -> Initargs {
    Initargs { text: "x".to_owned(), ..Initargs::default() }
}

fn initializing() -> Event {
    Initializing(initargs())
}

#[track_caller]
fn assert_says(checker: Checker, history: &History, expected: &str) {
    assert_eq!((checker.judge)(history), Err(expected.to_owned()));
}

#[track_caller]
fn assert_passes(checker: Checker, history: &History) {
    assert_eq!((checker.judge)(history), Ok(()));
}

#[test]
fn an_empty_trace_fails_every_checker() {
    let silent = history(MAP, 3, Vec::new(), &[]);
    assert_says(INITIALIZATION, &silent, "3 tasks, but no worker left a trace");
    assert_says(WIDTH, &silent, "3 tasks, but no worker left a trace");
    assert_says(INITARGS, &silent, "3 tasks, but no initargs arrived");
    assert_says(RESULTS, &silent, "map (operation 0) gave 0 results, not 3");
    assert_says(EXECUTIONS, &silent, "task 0 never ran");
}

#[test]
fn no_tasks_and_no_traces_pass_every_checker() {
    let nothing = history(MAP, 0, Vec::new(), &[]);
    for checker in [INITIALIZATION, WIDTH, INITARGS, RESULTS, EXECUTIONS] {
        assert_passes(checker, &nothing);
    }
}

#[test]
fn initialization_is_once_and_first_in_every_worker() {
    let first = [(1, initializing()), (1, Initialized), (1, Started(0)), (1, Ended(0))];
    // A worker without a task is right too: others were faster.
    let idle = [(2, initializing()), (2, Initialized)];
    assert_passes(INITIALIZATION, &traced(2, &[&first[..], &idle].concat()));

    let with = |rest: &[(u32, Event)]| traced(2, &[&first, rest].concat());
    let never = with(&[(2, Started(1)), (2, Ended(1))]);
    assert_says(INITIALIZATION, &never, "worker 2 began task 1, but never initialized");
    let late = with(&[(2, Started(1)), (2, initializing()), (2, Initialized)]);
    assert_says(INITIALIZATION, &late, "worker 2 began task 1 before it initialized");
    let meanwhile = with(&[(2, initializing()), (2, Started(1)), (2, Initialized)]);
    let expected = "worker 2 began task 1 before its initializer returned";
    assert_says(INITIALIZATION, &meanwhile, expected);
    let again = with(&[(1, Started(1)), (1, initializing()), (1, Initialized)]);
    assert_says(INITIALIZATION, &again, "worker 1 initialized again after it began task 0");
    let twice = with(&[&idle[..], &idle].concat());
    assert_says(INITIALIZATION, &twice, "worker 2 initialized 2 times before any task");
}

#[test]
fn width_is_bounded_by_max_workers_and_by_tasks() {
    let workers = |pids: &[u32]| pids.iter().map(|pid| (*pid, Initialized)).collect::<Vec<_>>();
    assert_passes(WIDTH, &traced(2, &workers(&[1, 2])));
    let expected = "more workers than max_workers (2): {1, 2, 3}";
    assert_says(WIDTH, &traced(5, &workers(&[1, 2, 3])), expected);
    let expected = "more workers than tasks and chunks (1): {1, 2}";
    assert_says(WIDTH, &traced(1, &workers(&[1, 2])), expected);
    let one_chunk = How::Map { chunksize: Some(3) };
    assert_says(WIDTH, &history(one_chunk, 3, Vec::new(), &workers(&[1, 2])), expected);
    let expected = "more workers than tasks and chunks (0): {1}";
    assert_says(WIDTH, &traced(0, &workers(&[1])), expected);
}

#[test]
fn initargs_are_compared_in_every_worker() {
    let other = Initializing(Initargs::default());
    assert_passes(INITARGS, &traced(2, &[(1, initializing()), (2, initializing())]));
    let expected = format!("worker 2 got {:?}, not {:?}", Initargs::default(), initargs());
    assert_says(INITARGS, &traced(2, &[(1, initializing()), (2, other)]), &expected);
}

#[test]
fn results_are_compared_in_value_order_and_count() {
    let of = |tasks: &[u32]| tasks.iter().map(|task| Ok(answer(*task))).collect::<Vec<Answer>>();
    assert_passes(RESULTS, &gave(MAP, of(&[0, 1, 2])));
    assert_passes(RESULTS, &gave(How::Submit, of(&[0, 1, 2])));

    let swapped = "map (operation 0) gave, at position 1, the result of task 2, not task 1's";
    assert_says(RESULTS, &gave(MAP, of(&[0, 2, 1])), swapped);
    let short = "submits (operation 0) gave 2 results, not 3";
    assert_says(RESULTS, &gave(How::Submit, of(&[0, 1])), short);
    let long = "map (operation 0) gave 4 results, not 3";
    assert_says(RESULTS, &gave(MAP, of(&[0, 1, 2, 2])), long);
    let wrong = "map (operation 0) gave, at position 0, 5, which is no task's result, not task 0's";
    assert_says(RESULTS, &gave(MAP, vec![Ok(5)]), wrong);
    let failed = "map (operation 0) gave, at position 0, the error \"lost\", not task 0's";
    assert_says(RESULTS, &gave(MAP, vec![Err("lost".to_owned())]), failed);

    let unanswered = History { seen: Vec::new(), ..gave(MAP, Vec::new()) };
    assert_says(RESULTS, &unanswered, "0 operations have results, of 1");
}

#[test]
fn executions_are_counted() {
    let both = [(1, Started(0)), (2, Started(1)), (2, Ended(1)), (1, Ended(0))];
    assert_passes(EXECUTIONS, &traced(2, &both));

    let twice = [&both[..], &[(2, Started(0)), (2, Ended(0))]].concat();
    assert_says(EXECUTIONS, &traced(2, &twice), "task 0 ran 2 times, in workers [1, 2]");
    assert_says(EXECUTIONS, &traced(3, &both), "task 2 never ran");
    assert_says(EXECUTIONS, &traced(2, &both[..3]), "task 0 began in [1], ended in []");
    let elsewhere = [(1, Started(0)), (2, Ended(0))];
    assert_says(EXECUTIONS, &traced(1, &elsewhere), "task 0 began in [1], ended in [2]");
    assert_says(EXECUTIONS, &traced(1, &both), "task 1 ran, but there are only 1");
}
