//! Values and texts at the edges of JSON and of languages: as arguments and results, as initargs, as items
//! of a map, and as messages of errors.
//!
//! An `echo` carries its value twice, as an argument and as a result. Integers stay within ±(2⁵³ − 1), which
//! every language has. Doubles of 17 digits and the sign of zero have cases of their own, since a language
//! may be unable to write them as JSON.

use procpool_contract::{Capability as Has, ErrorClass, MapOptions, Outcome, PoolOptions, policy};
use serde_json::{Value, json};

use crate::case::{CASE, Case, Level};
use crate::history::{Finding, History, brief, require};
use crate::plan::{Plan, echo, fail, marked, whoami, workers};

const JSON: &str = "RFC 8259, The JavaScript Object Notation (JSON) Data Interchange Format";
const UNICODE: &str = "Unicode Standard Annex 15, Normalization Forms";
const CPYTHON: &str = "CPython: test_traceback; measured on CPython 3.13, which keeps it whole";

/// Submits an `echo` of each value.
fn echoes(plan: &mut Plan, values: Vec<Value>) {
    plan.new_pool("p", workers(1));
    for (number, value) in values.into_iter().enumerate() {
        let tag = format!("t{number}");
        plan.submit("p", echo(&tag, value)).result(&tag);
    }
    plan.shutdown("p");
}

fn came_back(history: &History, values: Vec<Value>) -> Finding {
    for (number, expected) in values.iter().enumerate() {
        let step = format!("result t{number}");
        same(&step, history.value(&step)?, expected)?;
    }
    Ok(())
}

/// Texts that look alike are told apart by their escapes.
fn same(what: &str, value: &Value, expected: &Value) -> Finding {
    let told = |value: &Value| brief(value).escape_default().to_string();
    require(value == expected, || {
        format!("\"{what}\" returned {}, not {}", told(value), told(expected))
    })
}

fn empty() -> Vec<Value> {
    vec![
        json!([null]),
        json!([null, 1, null, null]),
        json!({"a": null}),
        json!({"a": {"b": null}, "c": [null, {"d": null}], "e": 1}),
        json!([""]),
        json!(["", [], {}, null, [[]], [{}]]),
        json!({"a": "", "b": [], "c": {}, "d": null}),
    ]
}

fn booleans() -> Vec<Value> {
    vec![
        json!(1),
        json!(true),
        json!(0),
        json!(false),
        json!([1, true, 0, false, "1", "true", "0", "false", "", null]),
        json!({"a": true, "b": 1, "c": [false, 0], "d": "true"}),
    ]
}

fn whole_numbers() -> Vec<Value> {
    let edges = [1, 1 << 7, 1 << 8, 1 << 15, 1 << 16, 1 << 31, 1 << 32, 1 << 52, 1 << 53];
    let around = edges.into_iter().flat_map(|edge: i64| [edge - 1, 1 - edge]);
    // The edges themselves, except the last one, which is beyond what every language has.
    around.chain(edges[..8].iter().flat_map(|edge| [*edge, -edge])).map(Value::from).collect()
}

fn doubles() -> Vec<Value> {
    let numbers = [0.1, 0.1 + 0.2, f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324, -5e-324, 1.5e-7];
    numbers.into_iter().map(Value::from).collect()
}

fn lines() -> Vec<Value> {
    let texts = [
        "\n",
        "\r\n",
        "\r",
        "one\r\ntwo\rthree\nfour\r\n",
        "\n\n\n",
        " \t both ends \t ",
        "no end",
    ];
    texts.into_iter().map(Value::from).collect()
}

fn letters() -> Vec<Value> {
    let texts = [
        "\0",
        "\0first",
        "last\0",
        "a\0b\0\0c",
        "\u{1}\u{1b}[0m\u{7f}\u{80}\u{9f}",
        "composed \u{e9}, decomposed e\u{301}",
        "\u{c5} A\u{30a} \u{212b}",
        "\u{feff}after a byte order mark",
        "\u{2028}\u{2029}\u{a0}\u{200b}\u{202e}",
        "\u{1d11e} \u{1f600} \u{1f469}\u{200d}\u{1f680} \u{10ffff}",
        "\u{fffd} \u{ffff} \u{d7ff} \u{e000}",
    ];
    texts.into_iter().map(Value::from).collect()
}

/// Texts of these numbers of bytes, and one less and more.
fn sizes() -> Vec<Value> {
    let sizes = [1 << 8, 1 << 12, 1 << 16].into_iter().flat_map(|size: usize| size - 1..=size + 1);
    // One letter of the last one has two bytes.
    sizes.map(|size| "x".repeat(size)).chain(["\u{fc}".repeat(1 << 15)]).map(Value::from).collect()
}

fn keys() -> Vec<Value> {
    vec![
        json!({"b": 1, "a": 2, "c": {"z": 1, "y": 2}}),
        json!({"10": 1, "9": 2, "-1": 3, "01": 4}),
        json!({"": 1, " ": 2}),
        json!({"a": 1, "A": 2}),
        json!({"\u{e9}": 1, "e\u{301}": 2}),
        json!({"a b": 1, "a.b": 2, "a\r\nb": 3, "a\u{0}b": 4}),
        json!({"null": 1, "true": 2, "length": 3, "toString": 4}),
        // Words that a pool's own messages may have.
        json!({"error": 1}),
        json!({"ok": 1, "error": 2, "exception": 3, "result": 4, "value": 5}),
        json!({"id": 1, "type": 2, "class": 3, "status": 4, "pid": 5}),
        json!({"k".repeat(300): 1}),
    ]
}

/// Structures of this depth, less than the 100 that Ruby's JSON reads, and of this length.
const DEPTH: usize = 80;
const LENGTH: usize = 300;

/// A writer may choose another form for a list whose values are alike.
fn structures() -> Vec<Value> {
    let numbers = (0..LENGTH).map(|number| u32::try_from(number).unwrap_or_default());
    let doubles: Vec<f64> = numbers.map(|number| f64::from(number) + 0.1).collect();
    let members = (0..LENGTH).map(|number| (format!("k{number}"), Value::from(number)));
    vec![
        (0..DEPTH).fold(json!(null), |inner, _| json!([inner])),
        (0..DEPTH).fold(json!(""), |inner, _| json!({ "a": inner })),
        json!(doubles),
        json!((0..LENGTH).collect::<Vec<_>>()),
        json!((0..LENGTH).map(|number| number % 3 == 0).collect::<Vec<_>>()),
        json!((0..LENGTH).map(|number| format!("text {number}")).collect::<Vec<_>>()),
        json!(vec![Value::Null; LENGTH]),
        Value::Object(members.collect()),
    ]
}

/// Some of each kind.
fn of_each_kind() -> Vec<Value> {
    let kinds = [empty(), booleans(), whole_numbers(), lines(), letters(), keys(), structures()];
    kinds.into_iter().flatten().chain([json!(null), json!(long_text())]).collect()
}

/// More than 64 KiB in one line, no part of which is repeated.
fn long_text() -> String {
    (0..12_000).map(|number| format!("{number:05} ")).collect()
}

/// Parts of a message that its writer may treat as its own: white space at the ends, formats, quotes, escapes.
const WITH_SIGNS: &str =
    " \t100 % of %s and %d, {} {0} {name} $HOME #{1} \\n \"q\" 'q' `q` <b>&amp;\r\n the end \t\n";

const SEVERAL_LINES: &str = "the first line\nthe second line\n\n  the last line";

/// More lines than a reader likes to see: a pool may cut them.
fn many_lines() -> String {
    let lines: Vec<String> = (0..120).map(|number| format!("line {number}")).collect();
    format!("{}\n{SEVERAL_LINES}", lines.join("\n"))
}

const IN_ANY_SCRIPT: &str = "Ελλάδα, 日本, \u{1f980}, e\u{301}";

/// A task that fails with a message.
fn failing(plan: &mut Plan, text: &str) {
    plan.new_pool("p", workers(1)).submit("p", fail("a", text)).result("a").shutdown("p");
}

fn says(history: &History, text: &str) -> Finding {
    contains(&history.failure("result a", &[ErrorClass::Task])?.message, text)
}

fn contains(message: &str, text: &str) -> Finding {
    require(message.contains(text), || {
        let ends: Vec<usize> = text.char_indices().map(|(end, _)| end).collect();
        let kept = ends.partition_point(|end| message.contains(&text[..*end])).saturating_sub(1);
        format!("its message has only the first {kept} letters of {}", ends.len())
    })
}

pub(super) const CASES: &[Case] = &[
    Case {
        id: "values.null-and-empty",
        requirement: "The pool MUST carry null and empty values within lists and objects.",
        source: JSON,
        rows: &["SUB-02"],
        kills: &["drops-null-members"],
        plan: |plan| echoes(plan, empty()),
        judge: |history| came_back(history, empty()),
        ..CASE
    },
    Case {
        id: "values.booleans-beside-numbers",
        requirement: "The pool MUST tell true from one and false from zero, also when it carries one after the other.",
        source: "Python: True == 1, and they are one key of a dict",
        rows: &["SUB-02"],
        kills: &["true-becomes-one"],
        plan: |plan| echoes(plan, booleans()),
        judge: |history| came_back(history, booleans()),
        ..CASE
    },
    Case {
        id: "values.whole-numbers",
        requirement: "The pool MUST carry whole numbers up to 2⁵³ − 1, positive and negative.",
        source: "RFC 8259, section 6: the range in which implementations agree",
        rows: &["SUB-02"],
        kills: &["wraps-at-31-bits"],
        plan: |plan| echoes(plan, whole_numbers()),
        judge: |history| came_back(history, whole_numbers()),
        ..CASE
    },
    Case {
        id: "values.doubles",
        requirement: "The pool MUST carry double numbers to the last digit, from the smallest to the greatest.",
        source: "IEEE 754, of which RFC 8259, section 6 speaks",
        rows: &["SUB-02"],
        kills: &["keeps-fifteen-digits"],
        plan: |plan| echoes(plan, doubles()),
        judge: |history| came_back(history, doubles()),
        ..CASE
    },
    Case {
        id: "values.sign-of-zero",
        // JSON has it, but writers in some languages drop it, and pools that send JSON with it.
        level: Level::Should,
        requirement: "The pool SHOULD carry the sign of zero.",
        source: "IEEE 754; ECMAScript: JSON.stringify writes −0 as 0",
        rows: &["SUB-02"],
        kills: &["loses-the-sign-of-zero"],
        plan: |plan| echoes(plan, vec![json!(-0.0)]),
        judge: |history| {
            let value = history.value("result t0")?;
            let is_it = |number: f64| number == 0.0 && number.is_sign_negative();
            require(value.as_f64().is_some_and(is_it), || format!("-0.0 came back as {value}"))
        },
        ..CASE
    },
    Case {
        id: "values.ends-of-lines",
        requirement: "The pool MUST carry every end of line and every space of a text.",
        source: JSON,
        rows: &["SUB-02"],
        kills: &["unifies-ends-of-lines"],
        plan: |plan| echoes(plan, lines()),
        judge: |history| came_back(history, lines()),
        ..CASE
    },
    Case {
        id: "values.letters",
        requirement: "The pool MUST carry every letter of a text as it is, zero bytes and decomposed ones among them.",
        source: UNICODE,
        rows: &["SUB-02"],
        kills: &["composes-letters", "drops-a-byte-order-mark", "ends-a-text-at-zero"],
        plan: |plan| echoes(plan, letters()),
        judge: |history| came_back(history, letters()),
        ..CASE
    },
    Case {
        id: "values.sizes-around-64-kib",
        requirement: "The pool MUST carry texts of 256 bytes, 4 KiB and 64 KiB, and of one byte less and more.",
        source: "Linux: pipe(7), PIPE_BUF and the capacity of a pipe",
        rows: &["SUB-12"],
        kills: &["loses-the-65537th-byte"],
        plan: |plan| echoes(plan, sizes()),
        judge: |history| came_back(history, sizes()),
        ..CASE
    },
    Case {
        id: "values.keys",
        requirement: "The pool MUST carry every member of an object, whatever its key.",
        source: JSON,
        rows: &["SUB-02"],
        kills: &["ignores-the-case-of-keys", "takes-a-key-for-an-error"],
        plan: |plan| echoes(plan, keys()),
        judge: |history| came_back(history, keys()),
        ..CASE
    },
    Case {
        id: "values.structures",
        requirement: "The pool MUST carry lists and objects that are eighty deep, and long ones whose values are alike.",
        source: JSON,
        rows: &["SUB-02"],
        kills: &["flattens-what-is-deep", "packs-numbers-as-floats"],
        plan: |plan| echoes(plan, structures()),
        judge: |history| came_back(history, structures()),
        ..CASE
    },
    Case {
        id: "values.as-initargs",
        requirement: "The pool MUST call the initializer with values of every kind, unchanged.",
        source: JSON,
        rows: &["INIT-02"],
        kills: &["trims-initargs", "cuts-initargs-at-64-kib"],
        plan: |plan| {
            plan.new_pool("p", marked(1, of_each_kind()));
            plan.submit("p", whoami("a")).result("a").shutdown("p");
        },
        judge: |history| {
            let state = &history.value("result a")?["state"];
            let found = state.as_array().map(Vec::as_slice).unwrap_or_default();
            let expected = of_each_kind();
            for (value, expected) in found.iter().zip(&expected) {
                same("result a", value, expected)?;
            }
            require(found.len() == expected.len(), || {
                format!("the initializer had {} values, not {}", found.len(), expected.len())
            })
        },
        ..CASE
    },
    Case {
        id: "values.as-items-of-a-map",
        requirement: "The pool MUST map over values of every kind, and return each unchanged.",
        source: JSON,
        rows: &["MAP-01", "SUB-02"],
        needs: &[Has::Map],
        kills: &["map-leaves-out-null", "map-memoizes-equal-numbers", "map-cuts-texts-at-64-kib"],
        plan: |plan| {
            let values = of_each_kind().into_iter().enumerate();
            let calls = values.map(|(number, value)| echo(&format!("t{number}"), value)).collect();
            plan.new_pool("p", workers(2)).map("p", calls).shutdown("p");
        },
        judge: |history| {
            let (found, expected) = (history.values("map p")?, of_each_kind());
            for (value, expected) in found.iter().zip(&expected) {
                same("map p", value, expected)?;
            }
            require(found.len() == expected.len(), || {
                format!("the map gave {} values, not {}", found.len(), expected.len())
            })
        },
        ..CASE
    },
    Case {
        id: "values.long-message",
        requirement: "The pool MUST include all of a task's own message in its error, even if it has more than 64 KiB.",
        source: CPYTHON,
        rows: &["SUB-06"],
        needs: &[Has::ErrorMessage],
        kills: &["cuts-messages-at-100", "cuts-messages-at-1000", "cuts-messages-at-64-kib"],
        plan: |plan| failing(plan, &long_text()),
        judge: |history| says(history, &long_text()),
        ..CASE
    },
    Case {
        id: "values.message-of-several-lines",
        requirement: "The pool MUST include every line of a task's own message in its error.",
        source: CPYTHON,
        rows: &["SUB-06"],
        needs: &[Has::ErrorMessage],
        kills: &["keeps-the-first-line-of-messages", "cuts-messages-at-fifty-lines"],
        plan: |plan| failing(plan, &many_lines()),
        judge: |history| says(history, &many_lines()),
        ..CASE
    },
    Case {
        id: "values.message-in-any-script",
        requirement: "The pool MUST include a task's own message in its error, in any script.",
        source: UNICODE,
        rows: &["SUB-06"],
        needs: &[Has::ErrorMessage],
        kills: &["writes-messages-in-latin-1"],
        plan: |plan| failing(plan, IN_ANY_SCRIPT),
        judge: |history| says(history, IN_ANY_SCRIPT),
        ..CASE
    },
    Case {
        id: "values.message-with-signs",
        requirement: "The pool MUST include a task's own message in its error, with white space at its ends, and signs of formats, quotes and escapes.",
        source: CPYTHON,
        rows: &["SUB-06"],
        needs: &[Has::ErrorMessage],
        kills: &["formats-messages", "trims-messages"],
        plan: |plan| failing(plan, WITH_SIGNS),
        judge: |history| says(history, WITH_SIGNS),
        ..CASE
    },
    Case {
        id: "values.message-of-an-item",
        requirement: "The pool MUST include all of an item's own message in its error.",
        source: CPYTHON,
        rows: &["MAP-06"],
        needs: &[Has::ErrorMessage, Has::Map],
        kills: &["map-hides-messages"],
        plan: |plan| {
            let text = format!("{}\n{SEVERAL_LINES}\n{IN_ANY_SCRIPT}", long_text());
            plan.new_pool("p", workers(1)).map("p", vec![fail("a", &text)]).shutdown("p");
        },
        judge: |history| {
            let text = format!("{}\n{SEVERAL_LINES}\n{IN_ANY_SCRIPT}", long_text());
            match history.items("map p")?.first() {
                Some(Outcome::Error(failure)) if failure.class == ErrorClass::Task => {
                    contains(&failure.message, &text)
                }
                item => Err(format!("the item was {item:?}, not its error")),
            }
        },
        ..CASE
    },
    Case {
        id: "values.message-of-an-item-in-a-chunk",
        requirement: "The pool MUST include all of an item's own message in its error, also if the item is one of a chunk.",
        source: CPYTHON,
        rows: &["MAP-06", "MAP-08"],
        needs: &[Has::ErrorMessage, Has::Map, Has::Chunksize],
        kills: &["chunks-hide-messages"],
        plan: |plan| {
            let calls = vec![fail("a", &long_text()), echo("b", 1), echo("c", 1)];
            let options = MapOptions { chunksize: Some(3), ..MapOptions::default() };
            plan.new_pool("p", workers(1)).map_with("p", calls, options).shutdown("p");
        },
        judge: |history| match history.items("map p")?.first() {
            Some(Outcome::Error(failure)) if failure.class == ErrorClass::Task => {
                contains(&failure.message, &long_text())
            }
            item => Err(format!("the item was {item:?}, not its error")),
        },
        ..CASE
    },
    Case {
        id: "values.message-of-an-initializer",
        level: Level::Should,
        requirement: "The pool SHOULD include all of the initializer's own message in the errors of tasks.",
        source: "CPython logs it in the worker only; mpire raises it",
        rows: &["INIT-06"],
        needs: &[Has::InitializerCause],
        kills: &["cuts-the-initializers-message"],
        plan: |plan| {
            let text = format!("{}\n{SEVERAL_LINES}\n{IN_ANY_SCRIPT}", long_text());
            let options = PoolOptions { initializer: Some(fail("init", &text)), ..workers(1) };
            plan.new_pool("p", options).submit("p", echo("a", 1)).result("a").shutdown("p");
        },
        judge: |history| {
            let text = format!("{}\n{SEVERAL_LINES}\n{IN_ANY_SCRIPT}", long_text());
            let early = history.description.policies.start == Some(policy::Start::AtConstruction);
            let failure = match history.failure("new p", &[ErrorClass::Broken]) {
                Ok(failure) if early => failure,
                _ => history.task_failure("a", &[ErrorClass::Broken])?,
            };
            contains(&failure.message, &text)
        },
        ..CASE
    },
];
