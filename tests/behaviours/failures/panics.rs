//! Tasks that panic.

use assert_cmd::assert::Assert;
use predicates::prelude::*;
use procpool::Error;
use procpool_testkit::pool::assert_works;
use procpool_testkit::{program, watch};

use crate::behaviours::errors::in_program;
use crate::behaviours::pools::pool;

fn overflow(divisor: u32) -> u32 {
    assert!(divisor != 0, "divided by {divisor}");
    100 / divisor
}

// Behaviours: SUB-06, SUB-07.
#[test]
fn a_panic_fails_its_task_with_message_and_location() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let pid = executor.submit(|()| std::process::id(), ()).result();
        let Err(Error::Panicked(panic)) = executor.submit(overflow, 0).result() else {
            panic!("the task must panic")
        };
        assert_eq!(panic.message, "divided by 0");
        let location = panic.location.expect("the place is known");
        assert!(location.contains("/failures/panics.rs:"), "{location}");
        assert_eq!(executor.submit(overflow, 5).result(), Ok(20));
        assert_eq!(executor.submit(|()| std::process::id(), ()).result(), pid);
    });
}

#[test]
fn a_panic_payload_that_is_not_text_is_reported_as_such() {
    fn throw_number(number: u8) {
        std::panic::panic_any(number);
    }
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let error = executor.submit(throw_number, 7).error();
        let Some(Error::Panicked(panic)) = error else { panic!("{error:?}") };
        assert_eq!(panic.message, "a panic payload that is not text");
        assert_works(&executor);
    });
}

#[test]
fn a_resumed_panic_is_not_mistaken_for_a_caught_one() {
    fn catch_one_and_resume_another((): ()) {
        let _ = std::panic::catch_unwind(|| panic!("caught"));
        std::panic::resume_unwind(Box::new("resumed".to_owned()));
    }
    watch::within(watch::HANG, || {
        let error = pool(1).submit(catch_one_and_resume_another, ()).error();
        let Some(Error::Panicked(panic)) = error else { panic!("{error:?}") };
        assert_eq!((panic.message.as_str(), panic.location), ("resumed", None));
    });
}

#[test]
fn a_panic_payload_whose_destructor_panics_ends_nothing() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("in the payload's destructor");
        }
    }
    fn throw_bomb((): ()) {
        std::panic::panic_any(Bomb);
    }
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let pid = executor.submit(|()| std::process::id(), ()).result();
        let error = executor.submit(throw_bomb, ()).error();
        assert!(matches!(error, Some(Error::Panicked(_))), "{error:?}");
        assert_eq!(executor.submit(|()| std::process::id(), ()).result(), pid);
    });
}

// Behaviours: MAP-06, MAP-07, MAP-08.
#[test]
fn in_a_map_a_panic_fails_only_its_item() {
    watch::within(watch::HANG, || {
        let executor = pool(2);
        for results in
            [executor.map_options().chunksize(4).map(overflow, 0..4), executor.map(overflow, 0..4)]
        {
            let results: Vec<_> = results.collect();
            assert!(matches!(results[0], Err(Error::Panicked(_))), "{results:?}");
            assert_eq!(results[1..], [Ok(100), Ok(50), Ok(33)]);
        }
    });
}

// Behaviours: SUB-07.
#[test]
fn a_backtrace_is_included_only_if_it_is_enabled() {
    let run = |enabled: &str| {
        let mut program = in_program(program::command("fail_panic"));
        program.env("RUST_BACKTRACE", enabled).env_remove("RUST_LIB_BACKTRACE").assert().success()
    };
    // The program prints the task's error; the task's own function is in its backtrace.
    let with = run("1").stdout(predicate::str::contains("it has a backtrace: true"));
    let with = with.stdout(predicate::str::contains("of the pool below the task: 0\n"));
    let without = run("0").stdout(predicate::str::contains("it has a backtrace: false"));
    let lines = |run: &Assert| String::from_utf8_lossy(&run.get_output().stdout).lines().count();
    assert_eq!(lines(&with), lines(&without), "an error's text does not have it");
    run("0").stderr(predicate::str::is_empty());
}

// Behaviours: BRK-03.
#[test]
fn where_panics_abort_the_message_and_the_location_arrive_first() {
    let assert = in_program(program::command_with_abort("fail_panic")).assert().success();
    assert
        .stdout(predicate::str::contains(
            "the task panicked at crates/testkit/src/bin/programs/fail_panic.rs",
        ))
        .stdout(predicate::str::contains(": told to"))
        .stdout(
            predicate::str::is_match(
                "then: .*worker [0-9]+ was killed by SIGABRT while running work item 1\n",
            )
            .expect("a pattern"),
        );
}

#[test]
fn where_panics_abort_an_initializers_panic_is_the_cause() {
    let mut program = in_program(program::command_with_abort("fail_panic"));
    program.arg("initializer").assert().success().stdout(
        predicate::str::is_match(
            "the initializer of worker [0-9]+ panicked at .*fail_panic.rs:.*: told to",
        )
        .expect("a pattern"),
    );
}

#[test]
fn where_panics_abort_a_handler_that_never_returns_causes_no_hang() {
    watch::within(watch::HANG, || {
        let program = || {
            let mut program = in_program(program::command_with_abort("fail_stuck_abort"));
            program.env("RUST_BACKTRACE", "0");
            program
        };
        let panicked = "the task panicked at crates/testkit/src/bin/programs/fail_stuck_abort.rs";
        let replaced = program().arg("replace").assert().success();
        replaced
            .stdout(predicate::str::starts_with(panicked))
            .stdout(predicate::str::ends_with(": told to\n2\ndropped\n"));
        let broken = program().assert().success();
        let killed = "was killed by SIGKILL while running work item 21\ndropped\n";
        broken
            .stdout(predicate::str::starts_with(panicked))
            .stdout(predicate::str::ends_with(killed));
    });
}
