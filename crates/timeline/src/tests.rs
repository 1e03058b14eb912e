//! A timeline of a fixed list of events and marks: all that is written of it.

use procpool::{Error, Event};
use serde_json::{Value, json};

use crate::log::{Contents, Settled, Submission};
use crate::marks::{Kind, Mark};
use crate::timeline::Timeline;

/// When the run began: in whole seconds, and in nanoseconds.
const SECONDS: u64 = 1_700_000_000;
const BEGAN: u64 = SECONDS * 1_000_000_000;

fn at(millis: u64) -> u64 {
    BEGAN + millis * 1_000_000
}

fn event(millis: u64, kind: Value) -> Event {
    let time = json!({
        "secs_since_epoch": SECONDS + millis / 1000,
        "nanos_since_epoch": millis % 1000 * 1_000_000,
    });
    serde_json::from_value(json!({ "at": time, "kind": kind })).expect("it is an event")
}

fn mark(millis: u64, pid: u32, task: u64, kind: Kind) -> Mark {
    Mark { task, at: at(millis), pid, kind }
}

fn submission(millis: u64, work_item: u64, settled: Option<(u64, Settled)>) -> Submission {
    let (name, item) = ("program::task", None);
    let settled = settled.map(|(millis, settled)| (at(millis), settled));
    Submission { name, at: at(millis), item, work_item: Some(work_item), settled }
}

fn item(millis: u64, index: u64) -> Submission {
    let item = Some((0, index));
    let at = at(millis);
    Submission { name: "program::main::{{closure}}", at, item, work_item: None, settled: None }
}

/// Two workers, the first of which dies of task 1, which is retried; a task that is cancelled; a map with
/// an item that panics and one that never runs.
fn fixed() -> Timeline {
    let [zero, one, two] =
        [(0, 71), (1, 72), (0, 73)].map(|(id, pid)| json!({"id": id, "pid": pid}));
    let events = vec![
        event(1, json!({ "WorkerStarted": zero })),
        event(2, json!({ "WorkerStarted": one })),
        event(10, json!({ "WorkerInitializing": zero })),
        event(12, json!({ "WorkerInitializing": one })),
        event(20, json!({ "WorkerReady": zero })),
        event(22, json!({ "WorkerReady": one })),
        event(45, json!({ "TaskRetried": 2 })),
        event(45, json!({ "WorkerExited": [zero, { "Died": { "Signal": 11 } }] })),
        event(46, json!({ "WorkerStarted": two })),
        event(50, json!({ "WorkerInitializing": two })),
        event(60, json!({ "WorkerReady": two })),
        event(90, json!("ShutDown")),
        event(91, json!({ "WorkerExiting": one })),
        event(91, json!({ "WorkerExiting": two })),
        event(97, json!({ "WorkerExited": [one, "Finished"] })),
        event(98, json!({ "WorkerExited": [two, "Finished"] })),
    ];
    let marks = [
        mark(21, 71, 0, Kind::Begun),
        mark(30, 71, 0, Kind::Returned),
        mark(31, 71, 1, Kind::Begun),
        mark(23, 72, 1, Kind::Returned),
        mark(24, 72, 3, Kind::Begun),
        mark(40, 72, 3, Kind::Returned),
        mark(40, 72, 4, Kind::Begun),
        mark(50, 72, 4, Kind::Panicked),
        // Before the time at which the program knew that its worker takes tasks.
        mark(59, 73, 1, Kind::Begun),
        mark(80, 73, 1, Kind::Returned),
        mark(81, 99, 1, Kind::Begun),
    ];
    let error = Error::Cancelled.to_string();
    let tasks = vec![
        submission(3, 1, Some((32, Settled::Returned))),
        submission(4, 2, Some((81, Settled::Failed(format!("not {error} but < \" &"))))),
        submission(5, 3, Some((6, Settled::Cancelled))),
        item(7, 0),
        item(7, 1),
        item(8, 2),
    ];
    let contents = Contents { tasks, events, maps: 1, more_tasks: 7, more_events: 0 };
    Timeline::new(70, BEGAN, contents, &marks)
}

#[test]
fn the_trace_of_fixed_events_is_as_it_was() {
    let mut trace = Vec::new();
    fixed().write_trace(&mut trace).expect("memory takes it");
    insta::assert_snapshot!(String::from_utf8(trace).expect("it is text"));
}

#[test]
fn the_picture_of_fixed_events_is_as_it_was() {
    let svg = fixed().svg("a run");
    roxmltree::Document::parse(&svg).expect("it is well-formed");
    insta::assert_snapshot!(svg);
}

#[test]
fn the_text_of_fixed_events_is_as_it_was() {
    insta::assert_snapshot!(fixed().text());
}
