//! A manager whose descriptors the program takes away: no call hangs, the error names the program's fault,
//! and its workers are not left behind.

use assert_cmd::Command;
use predicates::str::{is_empty, is_match};
use procpool_testkit::{program, watch};

/// Takes away the descriptors that `arguments` name; the end of the output is `end`.
fn assert_broken(arguments: &'static [&'static str], errno: &'static str, end: &'static str) {
    watch::within(watch::HANG, move || {
        let broken = format!(
            "the process pool is broken: its manager cannot wait for events any more: {errno}; the \
             program has closed or replaced a descriptor of the pool's, and must leave alone what it \
             has not opened itself"
        );
        let expected =
            format!(r"\Arunning: {broken}\nwaiting: {broken}\nlater: {broken}\ndropped\n{end}\z");
        let run = Command::from_std(program::command("fail_manager")).args(arguments).assert();
        let expected = is_match(expected).expect("it is an expression");
        run.success().stderr(is_empty()).stdout(expected);
    });
}

/// By the time of its use, the number may be another descriptor's.
const ANY: &str = "(Bad file number|Invalid argument)";

const NOBODY: &str = r"0 children left\n";

// Behaviours: BRK-25.
#[test]
fn a_manager_that_cannot_continue_breaks_its_pool() {
    assert_broken(&["replace"], "Invalid argument", NOBODY);
}

#[test]
fn a_manager_whose_epoll_descriptor_is_closed_breaks_its_pool() {
    assert_broken(&["epoll"], ANY, NOBODY);
    assert_broken(&["idle", "epoll"], ANY, NOBODY);
}

#[test]
fn a_manager_whose_wake_up_is_closed_breaks_its_pool() {
    assert_broken(&["eventfd"], ANY, NOBODY);
    assert_broken(&["idle", "eventfd"], ANY, NOBODY);
}

#[test]
fn a_manager_that_cannot_be_woken_causes_no_hang() {
    assert_broken(&["epoll", "eventfd"], ANY, "");
    assert_broken(&["idle", "epoll", "eventfd"], ANY, "");
}
