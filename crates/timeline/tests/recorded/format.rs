//! The Trace Event Format: the rules that a reader of traces relies on.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

/// Half a nanosecond: times are written in microseconds.
const ROUNDING: f64 = 0.0005;

/// A trace that keeps the rules.
pub(crate) struct Trace(Vec<Value>);

impl Trace {
    /// Reads a trace. Panics with the first event that breaks a rule.
    pub(crate) fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).expect("the trace is written");
        let trace: Value = serde_json::from_str(&text).expect("the trace is JSON");
        assert!(matches!(trace["displayTimeUnit"].as_str(), Some("ms" | "ns")), "{text}");
        let events = trace["traceEvents"].as_array().expect("the trace has events").clone();
        check(&events);
        Self(events)
    }

    /// The events of this phase.
    pub(crate) fn of(&self, phase: &str) -> impl Iterator<Item = &Value> {
        self.0.iter().filter(move |event| event["ph"] == phase)
    }
}

fn number(event: &Value, field: &str) -> f64 {
    let number = event[field].as_f64().unwrap_or_else(|| panic!("no {field}: {event}"));
    assert!(number.is_finite() && number >= 0.0, "{field}: {event}");
    number
}

fn check(events: &[Value]) {
    // By track: where its last event began, and where its open slices end.
    let mut last: HashMap<(u64, u64), f64> = HashMap::new();
    let mut open: HashMap<(u64, u64), Vec<f64>> = HashMap::new();
    let (mut named, mut begun) = (HashSet::new(), HashMap::new());
    for event in events {
        assert!(event["name"].as_str().is_some_and(|name| !name.is_empty()), "no name: {event}");
        let ts = number(event, "ts");
        let track = (number(event, "pid") as u64, number(event, "tid") as u64);
        let phase = event["ph"].as_str().unwrap_or_else(|| panic!("no phase: {event}"));
        if phase == "M" {
            let argument = match event["name"].as_str() {
                Some("process_name" | "thread_name") => event["args"]["name"].is_string(),
                Some("thread_sort_index") => event["args"]["sort_index"].is_i64(),
                _ => false,
            };
            assert!(argument && last.is_empty(), "wrong or late: {event}");
            if event["name"] == "thread_name" {
                assert!(named.insert(track), "two names: {event}");
            }
            continue;
        }
        assert!(named.contains(&track), "a track without a name: {event}");
        let before = last.insert(track, ts).unwrap_or(0.0);
        assert!(ts >= before, "{event} before {before}");
        match phase {
            "X" => {
                let end = ts + number(event, "dur");
                let open = open.entry(track).or_default();
                open.retain(|outer| *outer > ts + ROUNDING);
                let is_nested = open.iter().all(|outer| end <= outer + ROUNDING);
                assert!(is_nested, "{event} reaches out of {open:?}");
                open.push(end);
            }
            "i" => assert!(matches!(event["s"].as_str(), Some("g" | "p" | "t")), "{event}"),
            "C" => {
                let series = event["args"].as_object().expect("a counter has numbers");
                let is_count = |value: &Value| value.as_i64().is_some_and(|count| count >= 0);
                assert!(!series.is_empty() && series.values().all(is_count), "{event}");
            }
            "b" => {
                let key = (event["cat"].clone(), event["id"].as_u64().expect("it has an id"));
                let twice = begun.insert(key, (event["name"].clone(), false));
                assert!(twice.is_none(), "it begins twice: {event}");
            }
            "e" => {
                let key = (event["cat"].clone(), event["id"].as_u64().expect("it has an id"));
                let slice = begun.get_mut(&key).unwrap_or_else(|| panic!("not begun: {event}"));
                assert_eq!(*slice, (event["name"].clone(), false), "{event}");
                slice.1 = true;
            }
            _ => panic!("an unknown phase: {event}"),
        }
    }
    let unended: Vec<_> = begun.iter().filter(|(_, (_, ended))| !ended).collect();
    assert!(unended.is_empty(), "{unended:?}");
}
