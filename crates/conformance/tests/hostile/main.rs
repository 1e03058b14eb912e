//! Adapters that violate the contract, or lie: none of them passes, and none of them stops the suite. The
//! messages are checked, too.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use procpool_conformance::case::{CASE, Case, Tier};
use procpool_conformance::cases;
use procpool_conformance::history::require;
use procpool_conformance::judge::Found;
use procpool_conformance::plan::{echo, returned, workers};
use procpool_conformance::run::{Adapter, Fault, Limits};
use procpool_conformance::suite::{Result as Judged, Verdict};

/// Long enough for a shell, short enough for those that hang.
fn limits() -> Limits {
    Limits { must: Duration::from_secs(3), ..Limits::scaled(0.2) }
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

/// An adapter by its name, perhaps with arguments.
fn adapter(name: &str) -> Adapter {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile");
    let (name, arguments) = name.split_once(' ').unwrap_or((name, ""));
    assert!(folder.join(format!("{name}.sh")).is_file(), "there is no adapter {name}");
    Adapter { command: format!("sh {name}.sh {arguments}"), folder }
}

fn verdict(name: &str) -> Verdict {
    verdict_within(name, limits())
}

fn verdict_within(name: &str, limits: Limits) -> Verdict {
    let adapter = adapter(name);
    match adapter.describe(limits) {
        Ok(description) => Judged::judged(&adapter, &description, &case(), limits).verdict,
        Err(Fault(text)) => Verdict::AdapterError(text),
    }
}

/// The adapter is at fault, with this message.
fn assert_fault(name: &str, words: &str) {
    match verdict(name) {
        Verdict::AdapterError(text) => assert!(text.contains(words), "{name}: {text}"),
        other => panic!("{name}: {other:?}"),
    }
}

/// The pool fails, by this checker and with this message.
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
fn an_honest_adapter_passes() {
    assert_eq!(verdict("plain"), Verdict::Passed);
}

#[test]
fn an_adapter_that_splits_its_writes_passes() {
    assert_eq!(verdict("splits_its_writes"), Verdict::Passed);
}

#[test]
fn a_slow_adapter_is_waited_for() {
    assert_eq!(verdict("takes_its_time"), Verdict::Passed);
}

#[test]
fn an_orphan_that_holds_stdout_is_found_without_delay() {
    assert_failed("holds_stdout", "no-residue", "sleep 1000");
}

#[test]
fn a_worker_that_is_no_child_of_the_program_is_seen() {
    let case = Case {
        id: "hostile.look",
        requirement: "The pool MUST have a worker.",
        plan: |plan| {
            plan.new_pool("p", workers(1)).hold("look");
            plan.until(returned("new p")).sample("made").open("look");
        },
        judge: |history| {
            let alive = history.sample("made")?.alive.len();
            require(alive == 1, || format!("there were {alive} processes"))
        },
        ..CASE
    };
    let adapter = adapter("has_an_orphan");
    let description = adapter.describe(limits()).expect("it describes itself");
    let judged = Judged::judged(&adapter, &description, &case, limits());
    assert_eq!(judged.verdict, Verdict::Passed);
}

#[test]
fn a_hang_before_the_description_is_found() {
    assert_fault("hangs_in_describe", "did not end within");
}

#[test]
fn a_hang_in_a_step_names_the_step() {
    assert_failed("hangs", "progress", "not returned: \"new p\"");
}

#[test]
fn a_hanging_adapter_that_ignores_signals_is_killed_with_its_children() {
    assert_failed("ignores_sigterm", "progress", "does not end within");
}

#[test]
fn a_crash_is_found() {
    assert_fault("crashes", "ended by signal 11, with nothing carried out");
}

#[test]
fn an_adapter_that_fails_is_quoted() {
    assert_fault(
        "fails",
        "ended with code 1 and carried nothing out; it says: no module named pool",
    );
}

#[test]
fn silence_is_not_a_pass() {
    assert_fault("is_silent", "ended with code 0 before all steps had");
}

#[test]
fn half_an_answer_is_not_a_pass() {
    assert_fault("stops_early", "ended with code 0 before all steps had");
}

#[test]
fn a_line_without_a_newline_is_refused() {
    assert_fault("truncates", "the last line of standard output has no end");
}

#[test]
fn garbage_is_shown_with_its_position() {
    assert_fault("prints_garbage", "line 2 of standard output: ");
    assert_fault("prints_garbage", "DEBUG: pool created");
}

#[test]
fn unknown_steps_are_refused() {
    assert_fault("invents_steps", "is at step 0, but the line is about step 7");
}

#[test]
fn unknown_clients_are_refused() {
    assert_fault("invents_clients", "the scenario has no client \"nobody\"");
}

#[test]
fn an_end_without_a_beginning_is_refused() {
    assert_fault("ends_without_beginning", "step 0 ends and has not begun");
}

#[test]
fn a_second_answer_is_refused() {
    assert_fault("answers_twice", "is at step 1, but the line is about step 0");
}

#[test]
fn a_result_without_a_run_is_found() {
    assert_failed("claims_success", "causality", "no run of it ended");
}

#[test]
fn a_run_in_the_owner_is_found() {
    assert_failed("claims_a_worker", "in-workers", "ran in the program's own process");
}

#[test]
fn an_unreadable_trace_is_found() {
    assert_fault("forges_the_trace", "line 1 of the trace: at `pid`");
}

#[test]
fn giving_up_on_the_core_tier_is_not_a_skip() {
    assert_fault("gives_up", "ended with code 77, though");
    assert_fault("gives_up", "submit: not here");
}

#[test]
fn unknown_capabilities_are_refused() {
    assert_fault("claims_everything", "at `capabilities[1]`: unknown variant `telepathy`");
}

#[test]
fn missing_policies_are_refused() {
    let words = "the capability `cancel` needs the policy `cancel_running`";
    assert_fault("keeps_its_policies_secret", words);
}

#[test]
fn another_version_of_the_contract_is_refused() {
    assert_fault("is_from_the_future", "it speaks version 2 of the contract, this suite version 1");
}

#[test]
fn a_flood_of_output_is_stopped() {
    // It writes until it is stopped, which a busy machine does late.
    let limits = Limits { must: Duration::from_secs(60), ..limits() };
    let verdict = verdict_within("floods", limits);
    let Verdict::AdapterError(text) = &verdict else { panic!("{verdict:?}") };
    assert!(text.contains("is too long"), "{text}");
}

#[test]
fn endless_streams_are_stopped() {
    for of in ["errors", "orphans-errors", "description", "descriptions-errors"] {
        let name = format!("never_stops_talking {of}");
        assert_fault(&name, "has written more than 67108864 bytes to std");
    }
}

#[test]
fn another_clock_is_the_adapters_fault() {
    for clock in ["real", "micro", "zero"] {
        for (place, of) in [("lines", "standard output"), ("trace", "the trace")] {
            let name = format!("has_another_clock {clock} {place}");
            assert_fault(&name, &format!("line 1 of {of}: `at` is "));
            assert_fault(&name, "is it CLOCK_MONOTONIC, in nanoseconds?");
        }
    }
}

#[test]
fn a_task_that_still_runs_is_waited_for() {
    assert_eq!(verdict("works_on_in_silence"), Verdict::Passed);
}

#[test]
fn a_storm_of_workers_does_not_count_as_progress() {
    assert_failed("starts_workers_for_ever", "progress", "nothing more happens within 3s");
}

#[test]
fn an_endless_scenario_is_ended() {
    let limits = Limits { whole: Duration::from_secs(2), ..limits() };
    let Verdict::Failed(found) = verdict_within("takes_its_time", limits) else {
        panic!("it was to be given up");
    };
    let words =
        "the scenario continues, and is not done within 2s (CONFORMANCE_SCALE allows more time)";
    assert!(found[0].complaint.starts_with(words), "{found:?}");
}

#[test]
fn shared_memory_of_killed_processes_is_removed() {
    let name = format!("holds-shared-memory-{}", std::process::id());
    let verdict = verdict(&format!("holds_shared_memory {name}"));
    assert!(matches!(verdict, Verdict::Failed(_)), "{verdict:?}");
    assert!(!Path::new("/dev/shm").join(name).exists());
}

#[test]
fn a_pool_without_tasks_and_maps_cannot_be_judged() {
    assert_fault("has_no_core", "declare those that the pool has, at least one");
}

#[test]
fn an_invalid_name_is_refused() {
    assert_fault("has_no_name", "`implementation` and `start_method` must be names");
}

#[test]
fn a_pool_that_does_nothing_passes_only_cases_without_tasks() {
    // As long as a shell may take; most cases wait for what never happens.
    let limits = Limits { must: Duration::from_secs(2), ..limits() };
    let adapter = adapter("does_nothing");
    let description = adapter.describe(limits).expect("it describes itself");
    let cases = cases::all().into_iter().filter(|case| case.tier == Tier::Usual);
    let cases = cases.filter(|case| case.not_for(&description).is_none());
    let cases = Mutex::new(cases);
    let (passed, failed) = (Mutex::new(Vec::new()), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                loop {
                    let Some(case) = cases.lock().unwrap().next() else { break };
                    match Judged::judged(&adapter, &description, &case, limits).verdict {
                        Verdict::Passed => passed.lock().unwrap().push(case.id),
                        _ => _ = failed.fetch_add(1, Ordering::Relaxed),
                    }
                }
            });
        }
    });
    let (mut ids, failed) = (passed.into_inner().unwrap(), failed.into_inner());
    ids.sort_unstable();
    // In these a pool is only created and shut down.
    assert_eq!(
        ids,
        ["init.failing-and-nothing-submitted", "shutdown.unused", "start.unused-pool-shuts-down"]
    );
    assert!(failed > 50, "{failed}");
}
