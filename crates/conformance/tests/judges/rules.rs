//! Histories that are against a rule for the answers of every run.

use procpool_contract::ErrorClass;
use serde_json::json;

use crate::made::{Made, error, ok};

#[test]
fn a_result_is_the_value_of_its_own_call() {
    let made = || Made::of("submit.returns-the-result");
    made().passes();
    made().returns("result a", 255).is_against("own-value");
}

#[test]
fn an_item_is_the_value_of_its_own_call() {
    let made = || Made::of("map.after-a-closed-one");
    made().passes();
    made().gives("map p", &[ok(1), ok(0), ok(4)]).is_against("own-value");
    made().gives("map p", &[ok(0), ok(1), ok(4), ok(9)]).is_against("own-value");
    let made = || Made::of("map.lazily-taken");
    made().passes();
    made().gives("map_next m #2", &[ok(4)]).is_against("own-value");
}

#[test]
fn an_item_in_any_order_is_the_value_of_one_of_the_calls() {
    let in_order = || (0..50).map(|number| ok(number * number));
    let made = || Made::of("map.unordered-gives-all");
    made().gives("map p", &in_order().rev().collect::<Vec<_>>()).passes();
    made().gives("map p", &in_order().chain([ok(2)]).collect::<Vec<_>>()).is_against("own-value");
}

#[test]
fn a_wait_names_each_future_once() {
    let made = || Made::of("wait.all-completed");
    let told = |done: &[&str], not_done: &[&str]| {
        made().returns("wait", json!({"done": done, "not_done": not_done}))
    };
    told(&["c", "b", "a"], &[]).passes();
    told(&["a", "b"], &[]).is_against("named-once");
    told(&["a", "b", "c"], &["c"]).is_against("named-once");
    told(&["a", "b", "c", "d"], &[]).is_against("named-once");
}

#[test]
fn as_completed_names_each_future_once() {
    let came = |id: &str, order: &[&str], timed_out: bool| {
        Made::of(id).returns("as_completed", json!({"order": order, "timed_out": timed_out}))
    };
    let all = "wait.as-completed-each-once";
    came(all, &["a", "b", "c"], false).passes();
    came(all, &["a", "b"], false).is_against("named-once");
    came(all, &["a", "b", "c", "a"], false).is_against("named-once");
    // Those that are not done have no names there.
    let limited = "wait.as-completed-timeout";
    came(limited, &["a"], true).passes();
    came(limited, &["a", "a"], true).is_against("named-once");
}

#[test]
fn a_step_that_ends_by_its_time_limit_has_taken_that_time() {
    let late = || error(ErrorClass::Timeout, "late");
    let cases = [
        ("future.timeout-changes-nothing", "result a", late(), 20),
        ("map.timeout-of-the-whole", "map p", late(), 2000),
        ("wait.timeout", "wait", ok(json!({"done": ["a"], "not_done": ["b"]})), 200),
        (
            "wait.as-completed-timeout",
            "as_completed",
            ok(json!({"order": ["a"], "timed_out": true})),
            100,
        ),
    ];
    for (id, step, outcome, limit) in cases {
        let made = Made::of(id).ends(step, outcome);
        made.keeps("not-early");
        made.clone().lasts(step, limit).keeps("not-early");
        made.lasts(step, limit / 2 - 10).is_against("not-early");
    }
}
