//! Adapters that do not keep to the contract, or lie: none of them passes, and none of them stops the
//! suite. What is said of each is checked, too.

use std::path::Path;
use std::time::Duration;

use procpool_conformance::case::{CASE, Case};
use procpool_conformance::judge::Found;
use procpool_conformance::plan::{echo, workers};
use procpool_conformance::run::{Adapter, Fault, Limits};
use procpool_conformance::suite::{Result as Judged, Verdict};

/// Long enough for a shell, short enough for those that hang.
fn limits() -> Limits {
    Limits { must: Duration::from_secs(5), ..Limits::scaled(0.2) }
}

/// The scenario that the adapters here know.
fn case() -> Case {
    Case {
        id: "hostile.echo",
        requirement: "The pool MUST return what a task returns.",
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", echo("a", 7)).result("a").shutdown("p");
        },
        judge: |history| history.returned("result a", 7),
        ..CASE
    }
}

fn adapter(name: &str) -> Adapter {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile");
    assert!(folder.join(format!("{name}.sh")).is_file(), "there is no adapter {name}");
    Adapter { command: format!("sh {name}.sh"), folder }
}

fn verdict(name: &str) -> Verdict {
    let adapter = adapter(name);
    match adapter.describe(limits()) {
        Ok(description) => Judged::judged(&adapter, &description, &case(), limits()).verdict,
        Err(Fault(text)) => Verdict::AdapterError(text),
    }
}

/// The adapter is at fault, in these words.
fn assert_fault(name: &str, words: &str) {
    match verdict(name) {
        Verdict::AdapterError(text) => assert!(text.contains(words), "{name}: {text}"),
        other => panic!("{name}: {other:?}"),
    }
}

/// The pool fails, by this checker and in these words.
fn assert_failed(name: &str, checker: &str, words: &str) {
    match verdict(name) {
        Verdict::Failed(found) => {
            let is_it = |found: &Found| found.checker == checker && found.complaint.contains(words);
            assert!(found.iter().any(is_it), "{name}: {found:?}");
        }
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn an_honest_one_passes() {
    assert_eq!(verdict("plain"), Verdict::Passed);
}

#[test]
fn one_that_splits_its_writes_passes() {
    assert_eq!(verdict("splits_its_writes"), Verdict::Passed);
}

#[test]
fn one_that_goes_on_is_waited_for() {
    assert_eq!(verdict("takes_its_time"), Verdict::Passed);
}

#[test]
fn an_orphan_that_holds_stdout_is_found_and_holds_up_nobody() {
    assert_failed("holds_stdout", "no-residue", "sleep 1000");
}

#[test]
fn one_that_hangs_before_it_describes_itself() {
    assert_fault("hangs_in_describe", "did not end within");
}

#[test]
fn one_that_hangs_in_a_step_fails_by_its_name() {
    assert_failed("hangs", "progress", "not returned: \"new p\"");
}

#[test]
fn one_that_hangs_and_ignores_signals_is_killed_with_its_children() {
    assert_failed("ignores_sigterm", "progress", "does not end within");
}

#[test]
fn one_that_crashes() {
    assert_fault("crashes", "ended by signal 11, with nothing carried out");
}

#[test]
fn one_that_fails_is_quoted() {
    assert_fault(
        "fails",
        "ended with code 1 and carried nothing out; it says: no module named pool",
    );
}

#[test]
fn silence_is_no_pass() {
    assert_fault("is_silent", "ended with code 0 before all steps had");
}

#[test]
fn half_an_answer_is_no_pass() {
    assert_fault("stops_early", "ended with code 0 before all steps had");
}

#[test]
fn a_line_without_an_end_is_no_line() {
    assert_fault("truncates", "the last line of standard output has no end");
}

#[test]
fn garbage_is_shown_with_its_place() {
    assert_fault("prints_garbage", "line 2 of standard output: ");
    assert_fault("prints_garbage", "DEBUG: pool created");
}

#[test]
fn steps_that_are_not_there() {
    assert_fault("invents_steps", "is at step 0, but the line is about step 7");
}

#[test]
fn clients_that_are_not_there() {
    assert_fault("invents_clients", "the scenario has no client \"nobody\"");
}

#[test]
fn an_end_without_a_beginning() {
    assert_fault("ends_without_beginning", "step 0 ends and has not begun");
}

#[test]
fn a_second_answer() {
    assert_fault("answers_twice", "is at step 1, but the line is about step 0");
}

#[test]
fn a_result_without_a_run_is_a_lie() {
    assert_failed("claims_success", "causality", "no run of it ended");
}

#[test]
fn a_run_in_the_owner_is_a_lie() {
    assert_failed("claims_a_worker", "in-workers", "ran in the program's own process");
}

#[test]
fn a_trace_that_is_none() {
    assert_fault("forges_the_trace", "line 1 of the trace: at `pid`");
}

#[test]
fn giving_up_on_the_core_tier_is_no_skip() {
    assert_fault("gives_up", "ended with code 77, though");
    assert_fault("gives_up", "submit: not here");
}

#[test]
fn capabilities_that_do_not_exist() {
    assert_fault("claims_everything", "at `capabilities[1]`: unknown variant `telepathy`");
}

#[test]
fn policies_that_are_missing() {
    let words = "the capability `cancel` needs the policy `cancel_running`";
    assert_fault("keeps_its_policies_secret", words);
}

#[test]
fn another_version_of_the_contract() {
    assert_fault("is_from_the_future", "it speaks version 2 of the contract, this suite version 1");
}

#[test]
fn a_flood_is_dammed() {
    assert_fault("floods", "is too long");
}
