//! Histories of values and of messages.

use procpool_contract::{ErrorClass, Outcome, policy};
use serde_json::{Value, json};

use crate::Entry;
use crate::made::{Made, error, ok};

/// The initializer failed with its message.
fn initializer_failed() -> Made {
    let made = Made::of("values.message-of-an-initializer");
    let text = made.text("new p");
    made.fails_with("result a", &format!("it failed: {text}"))
}

/// The items of a map are these, without the last `less`.
fn items(made: Made, less: usize) -> Made {
    let values: Vec<Outcome> = made.sent("map p").into_iter().map(Outcome::Ok).collect();
    made.gives("map p", &values[..values.len() - less])
}

fn state(made: Made, change: fn(&mut Vec<Value>)) -> Made {
    let mut values = made.sent("new p");
    change(&mut values);
    made.returns("result a", json!({"pid": 200, "state": values}))
}

pub(crate) fn entries() -> Vec<Entry> {
    vec![
        (
            || Made::of("values.null-and-empty"),
            vec![
                (|made| made.returns("result t0", json!([])), "returned [], not [null]"),
                (|made| made.fails("result t3", ErrorClass::Serialisation), "failed"),
            ],
        ),
        (
            || Made::of("values.booleans-beside-numbers"),
            vec![(|made| made.returns("result t1", 1), "returned 1, not true")],
        ),
        (
            || Made::of("values.whole-numbers"),
            vec![
                (
                    |made| made.returns("result t16", json!(9007199254740991.0)),
                    "not 9007199254740991",
                ),
                (|made| made.returns("result t17", 1), "returned 1, not -9007199254740991"),
            ],
        ),
        (
            || Made::of("values.doubles"),
            vec![(|made| made.returns("result t1", 0.3), "returned 0.3, not 0.30000000000000004")],
        ),
        (
            || Made::of("values.sign-of-zero"),
            vec![
                (|made| made.returns("result t0", 0.0), "-0.0 came back as 0.0"),
                (|made| made.returns("result t0", 0), "-0.0 came back as 0"),
            ],
        ),
        (
            || Made::of("values.ends-of-lines"),
            vec![(|made| made.returns("result t2", "\n"), "not \\\"\\\\r\\\"")],
        ),
        (
            || Made::of("values.letters"),
            vec![
                (|made| made.returns("result t0", ""), "not \\\"\\\\u0000\\\""),
                (
                    |made| made.returns("result t5", "composed \u{e9}, decomposed \u{e9}"),
                    "decomposed \\u{e9}\\\", not",
                ),
            ],
        ),
        (
            || Made::of("values.sizes-around-64-kib"),
            vec![(|made| made.returns("result t8", "x".repeat(1 << 16)), "(65539 bytes)")],
        ),
        (
            || Made::of("values.keys"),
            vec![(|made| made.returns("result t3", json!({"a": 2})), "not {")],
        ),
        (
            || Made::of("values.structures"),
            vec![
                (|made| made.returns("result t0", json!([null])), "returned [null], not [[["),
                (
                    |made| {
                        let doubles: Value =
                            made.sent("submit t3").iter().map(Value::as_f64).collect();
                        made.returns("result t3", doubles)
                    },
                    "returned [0.0,1.0,2.0,",
                ),
                (|made| made.returns("result t7", json!({})), "returned {}, not {"),
            ],
        ),
        (
            || Made::of("values.as-initargs"),
            vec![
                (|made| state(made, |it| it[0] = json!([])), "returned [], not [null]"),
                (|made| state(made, |it| it.truncate(3)), "the initializer had 3 values, not"),
                (|made| made.returns("result a", json!({"state": null})), "had 0 values, not"),
            ],
        ),
        (
            || Made::of("values.as-items-of-a-map"),
            vec![
                (|made| items(made, 1), "values, not"),
                (|made| made.gives("map p", &[ok(json!([]))]), "returned [], not [null]"),
            ],
        ),
        (
            || Made::of("values.long-message"),
            vec![
                (
                    |made| made.fails("result a", ErrorClass::Task),
                    "only the first 0 letters of 72000",
                ),
                (|made| made.fails("result a", ErrorClass::Other), "not as task: other"),
            ],
        ),
        (
            || Made::of("values.message-of-several-lines"),
            vec![(|made| made.fails("result a", ErrorClass::Task), "only the first 0 letters of")],
        ),
        (
            || Made::of("values.message-in-any-script"),
            vec![(|made| made.fails("result a", ErrorClass::Task), "only the first 0 letters of")],
        ),
        (
            || Made::of("values.message-with-signs"),
            vec![
                (
                    |made| {
                        let text = made.text("submit a");
                        made.ends("result a", error(ErrorClass::Task, text.trim()))
                    },
                    "only the first 1 letters of 83",
                ),
                (|made| made.returns("result a", 1), "returned 1 where task was due"),
            ],
        ),
        (
            || Made::of("values.message-of-an-item"),
            vec![
                (
                    |made| made.gives("map p", &[error(ErrorClass::Task, "00000 00001 ")]),
                    "only the first 12 letters of 72066",
                ),
                (|made| made.gives("map p", &[ok(1)]), "the item was Some(Ok"),
                (|made| made.gives("map p", &[]), "the item was None"),
            ],
        ),
        (
            || Made::of("values.message-of-an-item-in-a-chunk"),
            vec![
                (
                    |made| made.gives("map p", &[error(ErrorClass::Task, "00000 "), ok(1), ok(1)]),
                    "only the first 6 letters of 72000",
                ),
                (|made| made.gives("map p", &[ok(1), ok(1)]), "the item was Some(Ok"),
                (|made| made.gives("map p", &[]), "the item was None"),
            ],
        ),
        (
            initializer_failed,
            vec![(
                |made| made.fails_with("result a", "00000"),
                "only the first 5 letters of 72066",
            )],
        ),
        (
            || {
                let made = initializer_failed().fails("result a", ErrorClass::Invalid);
                let made = made.choosing(|it| it.start = Some(policy::Start::AtConstruction));
                let text = made.text("new p");
                made.fails_with("new p", &text)
            },
            vec![(|made| made.fails_with("new p", "no"), "only the first 0 letters of 72066")],
        ),
    ]
}
