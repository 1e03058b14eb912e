//! `conformance check` distinguishes good adapters from bad ones, and names the fault.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin_cmd;
use predicates::prelude::PredicateBooleanExt as _;
use predicates::str::contains;
use procpool_conformance::check::{Look, details};
use procpool_conformance::kit::Kit;
use procpool_conformance::run::{Adapter, Limits};

fn hostile() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile")
}

fn check(adapter: &str) -> Command {
    let mut command = cargo_bin_cmd!("conformance");
    command.current_dir(hostile()).env("CONFORMANCE_SCALE", "0.3").args(["check", adapter]);
    command
}

#[test]
fn an_adapter_that_declines_everything_does_not_pass_the_core_tier() {
    let said = contains("✓ describe: sh (fork)").and(contains("✗ the core tier"));
    check("sh gives_up.sh").assert().code(1).stdout(said.and(contains("declined with code 77")));
}

#[test]
fn an_adapter_that_answers_without_running_tasks_is_found() {
    check("sh claims_success.sh")
        .assert()
        .code(1)
        .stdout(contains("nothing was written to the trace"));
}

#[test]
fn an_adapter_with_an_undeclared_capability_is_found() {
    // It answers every scenario as if it were the one with a single task.
    let undeclared = "it is not declared, but";
    check("sh plain.sh").assert().code(1).stdout(contains(undeclared).or(contains("at step")));
}

#[test]
fn garbage_and_hangs_are_reported() {
    check("sh prints_garbage.sh").assert().code(1).stdout(contains("DEBUG: pool created"));
    // A hang is found within a shorter time as well.
    let mut hangs = check("sh hangs_in_describe.sh");
    hangs.env("CONFORMANCE_SCALE", "0.1");
    hangs.assert().code(1).stdout(contains("did not end within"));
}

#[test]
fn an_invalid_scale_is_a_usage_error() {
    let mut command = check("sh plain.sh");
    command.env("CONFORMANCE_SCALE", "fast").assert().code(2).stderr(contains("CONFORMANCE_SCALE"));
}

/// Each fault of an adapter, with the checked detail and the message.
const TWISTS: [(&str, &str, &str); 10] = [
    ("refuses_a_second_pool", "a pool after another one", "several pools need several_pools"),
    ("forgets_who_it_is", "the core bodies", "`whoami` returned {\"pid\":1"),
    (
        "calls_bodies_other",
        "a body that fails",
        "is to be of the class `task`, not other (an apple",
    ),
    ("passes_closed_gates", "a gate", "`gate` returned before the gate was open"),
    ("calls_missing_names_other", "a name that stands for nothing", "is to fail as invalid"),
    ("keeps_first_names", "a name that is taken over", "1 came of the call that returns 2"),
    ("initializes_unasked", "a pool without an initializer", "has \"init_begin\" of \"unasked\""),
    ("ends_lines", "the output of `print`", r#"printed was "an apple, \nan apple, \n""#),
    ("runs_true", "the exit code of `child`", "exits with 3, and returned 0"),
    ("nests_under_one_tag", "the tags of `nest`", r#"the tags are ["a", "a", "a"], not"#),
];

fn twisted(twist: &str) -> Adapter {
    Adapter { command: format!("python3 twisted.py {twist}"), folder: hostile() }
}

#[test]
#[ignore = "needs python3: the adapter that is twisted is in Python"]
fn every_detail_that_adapters_may_differ_in_is_checked() {
    let limits = Limits::scaled(4.0);
    for (twist, at, fault) in TWISTS {
        let adapter = twisted(twist);
        let description = adapter.describe(limits).expect("it describes itself");
        let faulty: Vec<Look> =
            details(&adapter, &description, limits).filter(|look| look.fault.is_some()).collect();
        let [Look { at: found_at, fault: Some(found) }] = faulty.as_slice() else {
            panic!("{twist}: one fault was to be found, not {faulty:?}");
        };
        assert!(found_at == at && found.contains(fault), "{twist}: {found_at}: {found}");
    }
}

#[test]
#[ignore = "needs python3: the adapter is in Python"]
fn the_template_adapter_fulfils_the_contract() {
    let mut command = check("python3 twisted.py nothing");
    let output = command.env("CONFORMANCE_SCALE", "4").output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    for (_, at, _) in TWISTS {
        assert!(text.contains(&format!("✓ {at}\n")), "{at}: {text}");
    }
}

#[test]
#[ignore = "needs ruby: the adapter is in Ruby"]
fn the_ruby_template_adapter_fulfils_the_contract() {
    let template = hostile().join("../../adapters/ruby/template.rb");
    let mut command = check(&format!("ruby '{}'", template.display()));
    let output = command.env("CONFORMANCE_SCALE", "4").output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("✓ initargs: carried out\n"), "{text}");
}

#[test]
#[ignore = "needs R: the adapter is in R"]
fn the_r_adapter_of_the_kit_fulfils_the_contract() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let kit = Kit::of("r").expect("there is one");
    kit.write(folder.path()).expect("its files can be written");
    let mut command = check(&kit.command());
    let output = command.current_dir(&folder).env("CONFORMANCE_SCALE", "4").output();
    let output = output.expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    for word in ["initargs", "chunksize", "drop", "worker_death", "nested"] {
        assert!(text.contains(&format!("✓ {word}: carried out\n")), "{word}: {text}");
    }
}

#[test]
#[ignore = "needs ruby: the adapter is in Ruby"]
fn the_ruby_runtime_carries_out_every_step_that_it_has() {
    let mut command = check("ruby futures.rb");
    let output = command.env("CONFORMANCE_SCALE", "2").output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    for word in ["cancel", "state", "callbacks", "result_timeout", "drop", "kill_workers"] {
        assert!(text.contains(&format!("✓ {word}: carried out\n")), "{word}: {text}");
    }
}
