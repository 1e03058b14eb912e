//! The article's program, and programs that force its free choices.

use std::process::Output;
use std::str::from_utf8;

use assert_cmd::Command;
use predicates::str::is_empty;
use procpool_testkit::{program, watch};

use crate::transcript::assert_is_the_articles;

/// Runs the program `name` and returns what it printed; stderr must be empty.
fn transcript_of(name: &'static str, arguments: &'static [&'static str]) -> String {
    watch::within(watch::HANG, move || {
        let run = Command::from_std(program::command(name)).args(arguments).assert();
        let Output { stdout, .. } = run.success().stderr(is_empty()).get_output().clone();
        from_utf8(&stdout).expect("it prints text").to_owned()
    })
}

// Behaviours: FORK-06, OUT-02.
#[test]
fn two_workers_are_initialized_and_ten_results_arrive_in_order() {
    assert_is_the_articles(&transcript_of("initializer_worker", &[]));
}

#[test]
fn both_messages_may_precede_the_first_result() {
    let transcript = transcript_of("article_orders", &["before"]);
    assert_is_the_articles(&transcript);
    let message = "Initializing worker process.\n";
    assert!(transcript.starts_with(&format!("{message}{message}0\n")), "{transcript}");
}

#[test]
fn the_second_message_may_follow_the_first_result() {
    let transcript = transcript_of("article_orders", &["after"]);
    assert_is_the_articles(&transcript);
    let message = "Initializing worker process.\n";
    assert!(transcript.starts_with(&format!("{message}0\n{message}1\n")), "{transcript}");
}

#[test]
fn without_an_initializer_only_results_are_printed() {
    let transcript = transcript_of("article_without_initializer", &[]);
    insta::assert_snapshot!(transcript, @r"
    0
    1
    2
    3
    4
    5
    6
    7
    8
    9
    ");
}
