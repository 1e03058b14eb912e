//! Types and functions that cannot be sent as they are: the task's error says so and names the type and
//! the remedy, and the remedy works.

use std::fmt::Debug;

use nix::libc;
use procpool::{CodecError, CodecStep, Error, Payload, ProcessPoolExecutor, SelfDescribing};
use procpool_testkit::task::pid;
use procpool_testkit::watch;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::behaviours::pools::pool;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(u32),
    Text(String),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum InternallyTagged {
    Point { x: i32, y: i32 },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Inner {
    depth: u8,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Flattened {
    name: String,
    #[serde(flatten)]
    inner: Inner,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Skipping {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    comment: Option<String>,
    name: String,
}

fn echo<T>(value: T) -> T {
    value
}

/// Sends `value` to a worker and back, which must fail; returns the error of the task.
fn refusal<T>(executor: &ProcessPoolExecutor, value: T) -> CodecError
where
    T: Serialize + DeserializeOwned + Debug + 'static,
{
    match executor.submit(echo::<T>, value).error() {
        Some(Error::Codec(error)) => error,
        other => panic!("{}: {other:?}", std::any::type_name::<T>()),
    }
}

/// The error names the type and the remedy, and with the remedy the value arrives.
fn assert_needs_names<T>(value: T)
where
    T: Serialize + DeserializeOwned + Clone + Debug + PartialEq + 'static,
{
    let executor = pool(1);
    let error = refusal(&executor, value.clone());
    assert_eq!(error.type_name, std::any::type_name::<T>());
    let text = error.to_string();
    assert!(text.contains(std::any::type_name::<T>()), "{text}");
    assert!(text.contains("procpool::SelfDescribing"), "{text}");
    let remedy = SelfDescribing(value.clone());
    assert_eq!(executor.submit(echo, remedy.clone()).result(), Ok(remedy.clone()));
    let as_field = (1_u8, remedy, vec![SelfDescribing(value)]);
    assert_eq!(executor.submit(echo, as_field.clone()).result(), Ok(as_field));
}

#[test]
fn an_untagged_enum_needs_names() {
    watch::within(watch::HANG, || {
        assert_needs_names(Untagged::Number(1));
        assert_needs_names(Untagged::Text("one".to_owned()));
    });
}

#[test]
fn an_internally_tagged_enum_needs_names() {
    watch::within(watch::HANG, || assert_needs_names(InternallyTagged::Point { x: 1, y: -1 }));
}

#[test]
fn a_flattened_field_needs_names() {
    watch::within(watch::HANG, || {
        assert_needs_names(Flattened { name: "n".to_owned(), inner: Inner { depth: 3 } });
    });
}

#[test]
fn a_json_value_needs_names() {
    watch::within(watch::HANG, || {
        assert_needs_names(json!({"a": [1, 2.5, null], "b": {"c": "d"}}));
        assert_needs_names(Value::String("text".to_owned()));
    });
}

#[test]
fn a_skipped_field_needs_names() {
    watch::within(watch::HANG, || {
        assert_needs_names(Skipping { comment: None, name: "n".to_owned() });
    });
}

/// Asserts that it is `T`'s error at this step, for the reason `words`.
fn assert_unfit<T>(error: Option<Error>, step: CodecStep, words: &str) {
    let Some(Error::Codec(error)) = error else { panic!("{error:?}") };
    assert_eq!(error.step, step, "{error}");
    assert_eq!(error.type_name, std::any::type_name::<T>());
    assert!(error.message.contains(words), "{error}");
    assert!(
        error.message.contains("procpool::SelfDescribing") || words.contains("is read"),
        "{error}"
    );
}

/// Asserts that every call refuses `value` before it is sent to a worker, and that every way back refuses
/// it before the worker sends it, with this text; and that it spares the values beside it.
fn assert_refused_everywhere<T>(value: &T, words: &str)
where
    T: Payload + Clone + Debug + PartialEq,
{
    let executor = pool(1);
    let argument = executor.submit(swallow::<T>, value.clone());
    assert!(argument.done(), "nothing was submitted");
    assert_unfit::<T>(argument.error(), CodecStep::EncodeArguments, words);
    let limited =
        executor.submit_options().time_limit(watch::HANG).submit(swallow::<T>, value.clone());
    assert_unfit::<T>(limited.error(), CodecStep::EncodeArguments, words);
    let items = || [value.clone(), value.clone(), value.clone()];
    let maps = [
        executor.map(swallow::<T>, items()).collect::<Vec<_>>(),
        executor.map_options().chunksize(2).map(swallow::<T>, items()).collect(),
        executor.map_options().unordered().map(swallow::<T>, items()).collect(),
        executor.map_options().buffersize(2).map(swallow::<T>, items()).collect(),
    ];
    for results in maps {
        assert_eq!(results.len(), 3);
        for result in results {
            assert_unfit::<T>(result.err(), CodecStep::EncodeArguments, words);
        }
    }
    let built = crate::builder_beside_another()
        .max_workers(1)
        .initializer_with_args(|_: T| (), value.clone())
        .build();
    assert_unfit::<T>(built.err(), CodecStep::EncodeArguments, words);

    // The wrapped value can be sent to the worker.
    let unwrap = |SelfDescribing(value): SelfDescribing<T>| value;
    let wrapped = || SelfDescribing(value.clone());
    let result = executor.submit(unwrap, wrapped());
    assert_unfit::<T>(result.error(), CodecStep::EncodeResult, words);
    let mapped = executor
        .map(unwrap, [wrapped(), wrapped()])
        .chain(executor.map_options().chunksize(2).map(unwrap, [wrapped(), wrapped()]));
    for result in mapped {
        assert_unfit::<T>(result.err(), CodecStep::EncodeResult, words);
    }
    assert_eq!(executor.submit(echo, wrapped()).result(), Ok(wrapped()));
    assert!(executor.submit(pid, ()).result().is_ok(), "the pool continues");
}

fn swallow<T>(_: T) {}

/// Written without a field that is read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Unwritten {
    id: u32,
    #[serde(skip_serializing, default)]
    secret: u32,
    count: u32,
}

#[test]
fn an_unfit_value_is_refused_before_it_is_sent_by_any_call() {
    watch::within(watch::HANG, || {
        let skipping = Skipping { comment: None, name: "n".to_owned() };
        assert_refused_everywhere(&skipping, "field `comment` of `Skipping` was left out");
        let unwritten = Unwritten { id: 1, secret: 0, count: 2 };
        assert_refused_everywhere(
            &unwritten,
            "field `secret` of `Unwritten` is read but not written",
        );
        assert_refused_everywhere(&Untagged::Number(1), "is read by looking at the data");
        let tagged = InternallyTagged::Point { x: 1, y: -1 };
        assert_refused_everywhere(&tagged, "is read by looking at the data");
        let flattened = Flattened { name: "n".to_owned(), inner: Inner { depth: 3 } };
        assert_refused_everywhere(&flattened, "#[serde(flatten)]");
        assert_refused_everywhere(&json!({"a": 1}), "is read by looking at the data");
    });
}

#[test]
fn fit_values_arrive_beside_unfit_ones() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let skipping = |comment: Option<&str>| Skipping {
            comment: comment.map(str::to_owned),
            name: "n".to_owned(),
        };
        let items = [skipping(Some("a")), skipping(None), skipping(Some("b"))];
        for results in [
            executor.map(echo, items.clone()).collect::<Vec<_>>(),
            executor.map_options().chunksize(3).map(echo, items.clone()).collect(),
        ] {
            assert_eq!(results[0].as_ref(), Ok(&items[0]));
            assert!(matches!(results[1], Err(Error::Codec(_))), "{results:?}");
            assert_eq!(results[2].as_ref(), Ok(&items[2]));
        }
        assert_eq!(executor.submit(echo, None::<Value>).result(), Ok(None));
    });
}

/// A function of the C library, which is not part of the executable.
fn foreign() -> fn(i32) -> i32 {
    // SAFETY: abs(3) takes and returns an int. It is never called: a worker could not find it.
    unsafe { std::mem::transmute::<*const (), fn(i32) -> i32>(libc::abs as *const ()) }
}

#[test]
fn a_function_of_a_shared_library_is_the_tasks_error() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let error = executor.submit(foreign(), -1).error().unwrap();
        assert_eq!(error, Error::ForeignFunction("fn(i32) -> i32".into()));
        let text = error.to_string();
        assert!(text.contains("`fn(i32) -> i32`") && text.contains("shared library"), "{text}");
        assert!(text.contains("wrap it in a function of the program itself"), "{text}");
        let mapped: Vec<_> = executor.map(foreign(), [1, 2]).collect();
        assert_eq!(mapped, [Err(error)], "no item can be tried");
        let wrapped = executor.submit(|x: i32| x.abs(), -1);
        assert_eq!(wrapped.result(), Ok(1));
    });
}

#[test]
fn an_initializer_of_a_shared_library_is_an_error_of_build() {
    // SAFETY: it is never called, because `build` refuses it: its type does not matter.
    let function = unsafe { std::mem::transmute::<*const (), fn()>(libc::abs as *const ()) };
    let error = crate::builder().initializer(function).build().unwrap_err();
    assert_eq!(error, Error::ForeignFunction("fn()".into()));
}
