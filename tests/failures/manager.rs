//! A manager that fails, which takes a bug or a descriptor stolen from it: nobody waits for it, and
//! its workers are not left behind.

use assert_cmd::Command;
use predicates::str::{is_empty, is_match};
use procpool_testkit::{program, watch};

// Behaviours: BRK-25.
#[test]
fn a_manager_that_cannot_go_on_breaks_its_pool() {
    watch::within(watch::HANG, || {
        let broken = "the process pool is broken: .*: waiting for events failed: Invalid argument";
        let expected = format!(
            r"\Arunning: {broken}\nwaiting: {broken}\nlater: {broken}\n0 children left\n\z"
        );
        let run = Command::new(program::path("fail_manager")).assert();
        let expected = is_match(expected).expect("it is an expression");
        run.success().stderr(is_empty()).stdout(expected);
    });
}
