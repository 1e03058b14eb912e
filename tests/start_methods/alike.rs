//! Behaviours under every start method. Each is in `crates/testkit/src/bin/programs/every_method`.

use assert_cmd::Command;
use predicates::str::is_empty;
use procpool_testkit::{program, start, watch};

/// Runs the behaviour in a program of its own under each start method; returns the output of each.
fn outputs_of(behaviour: &'static str) -> [String; 3] {
    ["spawn", "forkserver", "fork"].map(|method| {
        watch::within(watch::HANG, move || {
            println!("{behaviour} under {method}");
            let mut command = Command::from_std(program::command("every_method"));
            let run = command.arg(behaviour).env(start::VARIABLE, method).assert();
            let run = run.success().stderr(is_empty());
            String::from_utf8(run.get_output().stdout.clone()).expect("it prints text")
        })
    })
}

/// Runs a behaviour that prints nothing.
fn shows(behaviour: &'static str) {
    assert_eq!(outputs_of(behaviour), ["", "", ""]);
}

// Behaviours: INIT-01, INIT-02.
#[test]
fn the_initializer_runs_once_in_every_worker_before_its_tasks() {
    shows("initializer");
}

// Behaviours: INIT-03.
#[test]
fn a_failing_initializer_is_the_cause() {
    shows("initializer fails");
}

// Behaviours: MAP-01, MAP-02.
#[test]
fn map_keeps_the_order() {
    shows("map");
}

#[test]
fn long_payloads_survive_the_round_trip() {
    shows("long payloads");
}

#[test]
fn state_stays_in_its_worker() {
    shows("state");
}

#[test]
fn a_panic_fails_only_its_task() {
    shows("panic");
}

// Behaviours: SPAWN-01, SPAWN-03.
#[test]
fn workers_start_just_in_time() {
    shows("just in time");
}

// Behaviours: CAN-01, CAN-02.
#[test]
fn a_pending_task_can_be_cancelled() {
    shows("cancel");
}

// Behaviours: NEST-02.
#[test]
fn a_task_may_have_a_pool_of_its_own() {
    shows("nested");
}

// Behaviours: BRK-01, BRK-02, BRK-05, BRK-06.
#[test]
fn a_death_is_the_cause_of_the_broken_pool() {
    shows("death");
}

// Behaviours: BRK-02, BRK-03.
#[test]
fn an_exit_is_the_cause_of_the_broken_pool() {
    shows("exit");
}

#[test]
fn a_dead_worker_is_replaced() {
    shows("replaced");
}

#[test]
fn init_may_be_called_again_anywhere() {
    shows("init again");
}

#[test]
fn a_dead_forkserver_is_replaced_unless_it_is_a_copy_of_the_program() {
    shows("server killed");
}

// Behaviours: SHUT-17.
#[test]
fn killing_ends_a_task_that_never_ends() {
    shows("killed");
}

// Behaviours: SHUT-02, SHUT-18.
#[test]
fn killing_at_any_moment_leaves_no_process() {
    shows("killed at once");
}

// Behaviours: SHUT-04.
#[test]
fn shutdown_finishes_accepted_tasks() {
    shows("shutdown");
}

// Behaviours: CFG-09, SHUT-18.
#[test]
fn an_unused_pool_leaves_nothing_behind() {
    shows("unused");
}

// Behaviours: LEAK-01, LEAK-03, LEAK-04.
#[test]
fn pools_one_after_another_leave_nothing_behind() {
    shows("again and again");
}

// Behaviours: FORK-03.
#[test]
fn a_worker_has_only_its_own_descriptors() {
    shows("descriptors");
}

#[test]
fn only_a_forked_worker_has_the_programs_memory() {
    shows("memory");
}

#[test]
fn preload_runs_once_and_every_worker_has_its_data() {
    shows("preload");
}

#[test]
fn output_before_the_start_of_workers_is_printed_once() {
    for output in outputs_of("output") {
        let mut words: Vec<&str> = output.split(' ').collect();
        words.sort_unstable();
        assert_eq!(words, ["1", "end", "once", "task"], "{output}");
    }
}

#[test]
fn no_worker_runs_the_programs_exit_handlers() {
    shows("exit handlers");
}

#[test]
fn signal_settings_are_a_workers_own() {
    shows("signals");
}

#[test]
fn no_signal_to_the_program_ends_the_forkserver() {
    shows("signals to all");
}

#[test]
fn workers_have_the_builders_mask_and_the_actions_of_preload() {
    shows("mask and actions");
}

#[test]
fn workers_are_named_after_the_program() {
    shows("names");
}
