//! Types and functions that cannot travel as they are: the task's error says so and names the
//! type and the remedy, and the remedy works.

use std::fmt::Debug;

use nix::libc;
use procpool::{CodecError, CodecStep, Error, ProcessPoolExecutor, SelfDescribing};
use procpool_testkit::watch;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::crossing::pid;
use crate::pools::pool;

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

/// The error names the type and the remedy, and with the remedy the value travels.
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

#[test]
fn a_result_that_needs_names_is_the_tasks_error_too() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let future = executor
            .submit(|text: String| serde_json::from_str::<Value>(&text).ok(), "[1]".to_owned());
        let Some(Error::Codec(error)) = future.error() else { panic!("{future:?}") };
        assert_eq!(error.step, CodecStep::DecodeResult);
        assert!(error.type_name.contains("serde_json::value::Value"), "{error}");
        assert!(error.message.contains("procpool::SelfDescribing"), "{error}");
        assert!(executor.submit(pid, ()).result().is_ok(), "the pool goes on");
    });
}

#[test]
fn initargs_that_need_names_break_the_pool_and_say_so() {
    watch::within(watch::HANG, || {
        fn configure(_: Value) {}
        let builder = || crate::builder().max_workers(1);
        let executor = builder().initargs(json!({"a": 1})).initializer(configure).build().unwrap();
        let error = executor.submit(pid, ()).error().unwrap().to_string();
        assert!(error.contains("serde_json::value::Value"), "{error}");
        assert!(error.contains("procpool::SelfDescribing"), "{error}");
        fn configure_wrapped(_: SelfDescribing<Value>) {}
        let initargs = SelfDescribing(json!({"a": 1}));
        let executor = builder().initargs(initargs).initializer(configure_wrapped).build().unwrap();
        assert!(executor.submit(pid, ()).result().is_ok());
    });
}

/// A function of the C library, which is no part of the executable.
fn foreign() -> fn(i32) -> i32 {
    // SAFETY: abs(3) takes and returns an int. Nobody calls it: a worker could not find it.
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
    // SAFETY: nobody calls it, because `build` refuses it: its type does not matter.
    let function = unsafe { std::mem::transmute::<*const (), fn()>(libc::abs as *const ()) };
    let error = crate::builder().initializer(function).build().unwrap_err();
    assert_eq!(error, Error::ForeignFunction("fn()".into()));
}
