//! The contents of the report of a panic, and the cases without one.

use std::panic::{catch_unwind, panic_any, set_hook};

use predicates::Predicate;
use predicates::str::{contains, is_empty, is_match, starts_with};
use procpool::{Error, Future, RemotePanic};
use procpool_testkit::task::pid;
use procpool_testkit::{program, watch};
use serde::de::DeserializeOwned;

use crate::behaviours::errors::in_program;
use crate::behaviours::pools::pool;

fn panic_of<T: DeserializeOwned + 'static>(future: &Future<T>) -> RemotePanic {
    match future.error() {
        Some(Error::Panicked(panic)) => panic,
        other => panic!("expected a panic, not {other:?}"),
    }
}

/// Runs `task`, which must panic, and returns the panic; the worker must live on.
fn panic_in(task: fn(()) -> ()) -> RemotePanic {
    let executor = pool(1);
    let worker = executor.submit(pid, ()).result();
    let panic = panic_of(&executor.submit(task, ()));
    assert_eq!(executor.submit(pid, ()).result(), worker, "another worker answers");
    panic
}

const LINE: u32 = line!() + 2;
fn refuse(number: u32) -> u32 {
    panic!("number {number} is refused")
}

// Behaviours: SUB-07.
#[test]
fn a_panic_is_reported_with_its_message_and_location() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let future = executor.submit(refuse, 7);
        let panic = panic_of(&future);
        let place = format!("{}:{LINE}:5", file!());
        assert_eq!(panic.message, "number 7 is refused");
        assert_eq!(panic.location.as_deref(), Some(place.as_str()));
        let text = future.error().unwrap().to_string();
        let expected = format!("the task panicked at {place}: number 7 is refused");
        assert!(starts_with(expected).eval(&text), "{text}");
    });
}

#[test]
fn panics_of_the_language_runtime_are_reported() {
    watch::within(watch::HANG, || {
        let message = panic_in(|()| assert_eq!(pid(()), 0, "no process 0")).message;
        assert!(message.contains("no process 0"), "{message}");
    });
}

// Behaviours: SUB-09.
#[test]
fn an_empty_panic_message_is_kept() {
    watch::within(watch::HANG, || {
        assert_eq!(panic_in(|()| panic_any(String::new())).message, "");
    });
}

#[test]
fn a_panic_caught_by_the_task_does_not_fail_it() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let caught = executor.submit(|x: u32| catch_unwind(|| refuse(x)).is_err(), 1);
        assert_eq!(caught.result(), Ok(true));
        assert_eq!(executor.submit(|x: u32| x, 2).result(), Ok(2));
    });
}

#[test]
fn a_task_that_replaces_the_panic_hook_loses_only_the_location() {
    watch::within(watch::HANG, || {
        let panic = panic_in(|()| {
            set_hook(Box::new(|_| ()));
            panic!("unseen by the pool's hook");
        });
        assert_eq!(panic.message, "unseen by the pool's hook");
        assert_eq!((panic.location, panic.backtrace), (None, None));
    });
}

#[test]
fn the_librarys_variable_asks_for_a_backtrace_too() {
    watch::within(watch::HANG, || {
        for (value, answer) in [("1", "true"), ("0", "false")] {
            let mut command = in_program(program::command("fail_panic"));
            command.env("RUST_BACKTRACE", "0").env("RUST_LIB_BACKTRACE", value);
            let run = command.assert().success().stderr(is_empty());
            run.stdout(contains(format!("it has a backtrace: {answer}\n")));
        }
    });
}

#[test]
fn where_panics_abort_a_map_keeps_its_results_and_names_the_item() {
    watch::within(watch::HANG, || {
        let expected = r"(?x)\A
            item\ 0\n
            the\ task\ panicked\ at\ crates/testkit/src/bin/programs/fail_map\.rs:\d+:\d+:\ 
            item\ 1\ is\ wrong\n
            (the\ process\ pool\ is\ broken:\ worker\ \d+\ was\ killed\ by\ SIGABRT\ while\ 
            running\ work\ item\ \d+\n){2}\z";
        let mut command = in_program(program::command_with_abort("fail_map"));
        command.env_remove("RUST_BACKTRACE").env_remove("RUST_LIB_BACKTRACE");
        let expected = is_match(expected).expect("it is an expression");
        command.assert().success().stderr(is_empty()).stdout(expected);
    });
}
