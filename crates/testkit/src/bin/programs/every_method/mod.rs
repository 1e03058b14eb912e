//! Shows one behaviour of pools in a process of one thread, which works with every start method.
//!
//! The behaviour's name is the argument, the start method is in the environment. The program exits with
//! success if it found what it expected and nothing is left afterwards: no child, descriptor or thread.

mod behaviours;
mod copies;
mod endings;
mod signals;
mod support;

use std::thread;

use nix::unistd::{Pid, setpgid};
use procpool_testkit::os;

type Behaviour = fn();

/// By name, in the order of the tests that run them.
const BEHAVIOURS: [(&str, Behaviour); 28] = [
    ("initializer", behaviours::the_initializer_runs_once_in_every_worker_before_its_tasks),
    ("initializer fails", behaviours::a_failing_initializer_is_the_cause),
    ("map", behaviours::map_keeps_the_order),
    ("long payloads", behaviours::long_payloads_survive_the_round_trip),
    ("state", behaviours::state_stays_in_its_worker),
    ("panic", behaviours::a_panic_fails_only_its_task),
    ("just in time", behaviours::workers_start_just_in_time),
    ("cancel", behaviours::a_pending_task_can_be_cancelled),
    ("nested", behaviours::a_task_may_have_a_pool),
    ("death", endings::a_death_is_the_cause_of_the_broken_pool),
    ("exit", endings::an_exit_is_the_cause_of_the_broken_pool),
    ("replaced", endings::a_dead_worker_is_replaced),
    ("init again", behaviours::init_may_be_called_again_anywhere),
    ("server killed", endings::a_dead_forkserver_is_replaced_unless_it_is_a_copy_of_the_program),
    ("killed", endings::killing_ends_a_task_that_never_ends),
    ("killed at once", endings::killing_at_any_moment_leaves_no_process),
    ("shutdown", endings::shutdown_finishes_accepted_tasks),
    ("unused", endings::an_unused_pool_leaves_nothing_behind),
    ("again and again", endings::pools_one_after_another_leave_nothing_behind),
    ("descriptors", copies::a_worker_has_only_its_own_descriptors),
    ("memory", copies::only_a_forked_worker_has_the_programs_memory),
    ("preload", copies::preload_runs_once_and_every_worker_has_its_data),
    ("output", copies::output_before_the_start_of_workers_is_printed_once),
    ("exit handlers", copies::no_worker_runs_the_programs_exit_handlers),
    ("signals", copies::signal_settings_are_a_workers_own),
    ("signals to all", signals::no_signal_ends_the_forkserver),
    ("mask and actions", signals::workers_have_the_builders_mask_and_the_actions_of_preload),
    ("names", copies::workers_are_named_after_the_program),
];

pub(crate) fn main(arguments: &[String]) {
    procpool::init();
    let name = arguments.first().expect("usage: every_method BEHAVIOUR");
    let behaviour = BEHAVIOURS.iter().find(|(known, _)| *known == name);
    let (_, run) = behaviour.unwrap_or_else(|| panic!("there is no behaviour called {name}"));
    // A group of its own, so that orphans are found as well.
    setpgid(Pid::from_raw(0), Pid::from_raw(0)).expect("it leads no session");
    let this = std::process::id();
    let descriptors = os::descriptors_of(this);
    run();
    assert_eq!(os::descendants_of(this), [], "{name} leaves children");
    assert_eq!(os::alive_in_group(this).len(), 1, "{name} leaves orphans");
    assert_eq!(os::descriptors_of(this), descriptors, "{name} leaves descriptors");
    // A joined thread is listed an instant longer than it lives. One that stays hangs this program, and
    // its test kills it.
    while os::threads_of(this).len() > 1 {
        thread::yield_now();
    }
}
