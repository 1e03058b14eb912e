//! Pools on a real Slurm, over five hosts that are namespaces of this machine.
//!
//! A trial starts the hosts and Slurm (see `cluster`), and on the first host this program again, in an allocation
//! of the other four: it builds a pool with `srun()` and prints what a trial checks (see `program`). That takes root
//! and some packages; elsewhere the trials are shown as ignored.

mod cluster;
mod program;

use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Failed, Trial};

use cluster::{Cluster, Program, is_possible};

/// Longer than any step takes, so that a hang becomes a failure.
const HANG: Duration = Duration::from_secs(60);

/// After so long a lost host's tasks have failed, and what ran on it has ended, by default.
const BOUND: Duration = Duration::from_secs(5);

fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, test: fn(Cluster)| {
        let run = move || -> Result<(), Failed> {
            test(Cluster::start());
            Ok(())
        };
        let kind = "takes root, slurmctld, slurmd, slurm-client, munge and iproute2";
        trials.push(Trial::test(name, run).with_kind(kind).with_ignored_flag(!is_possible()));
    };
    add("an_allocation_has_a_worker_for_each_of_its_tasks", a_worker_for_each_task);
    add("a_death_names_its_host_and_the_pool_continues", a_death_names_its_host);
    add("a_cut_link_costs_the_tasks_of_its_host_and_nothing_twice", a_cut_link);
    add("a_dead_host_costs_its_tasks", a_dead_host);
    add("a_killed_program_leaves_nothing_on_any_host", a_killed_program);
    add("a_killed_program_leaves_no_job_in_the_queue", a_queued_program);
    add("an_interrupted_program_leaves_nothing_on_any_host", an_interrupted_program);
    add("a_link_cut_before_a_hello_costs_no_task", a_link_cut_before_a_hello);
    add("a_link_cut_during_a_result_costs_its_task", a_link_cut_during_a_result);
    add("idle_workers_of_a_cut_link_exit", idle_workers_of_a_cut_link);
    add("a_killed_daemon_costs_no_task", a_killed_daemon);
    add("a_killed_watcher_of_a_step_costs_no_task", a_killed_step);
    add("a_cancelled_job_is_an_error_with_a_host", a_cancelled_job);
    trials
}

fn a_worker_for_each_task(cluster: Cluster) {
    let mut program = cluster.allocate("article");
    assert_eq!(program.line(), "sum 539500");
    assert_eq!(program.line(), r#"hosts {"n1", "n2", "n3", "n4"}"#);
    assert_eq!(program.line(), "workers 8");
    program.ends();
    cluster.is_left_empty(HANG);
}

fn a_death_names_its_host(cluster: Cluster) {
    let mut program = cluster.allocate("deaths");
    let error = program.line();
    assert!(error.contains(" on n") && error.contains("was killed by SIGKILL"), "{error}");
    assert_eq!(program.line(), "100 others");
    program.ends();
    cluster.is_left_empty(HANG);
}

/// Starts a program, and loses n2. Returns the program once it has seen that, and when it was.
fn lose_n2(cluster: &Cluster, lose: impl FnOnce()) -> (Program<'_>, Instant) {
    let mut program = cluster.allocate("busy");
    assert_eq!(program.line(), "running on 4 hosts");
    let start = Instant::now();
    lose();
    program.tell("lost");
    let error = program.line();
    assert!(start.elapsed() < BOUND, "{:?}", start.elapsed());
    assert!(error.contains(" on n2 was lost with its host"), "{error}");
    assert_eq!(program.line(), "3 others");
    (program, start)
}

fn a_cut_link(cluster: Cluster) {
    let (mut program, start) = lose_n2(&cluster, || cluster.link("n2", "down"));
    cluster.until("what is cut off has ended", || cluster.processes("n2").is_empty());
    assert!(start.elapsed() < BOUND, "{:?}", start.elapsed());
    cluster.link("n2", "up");
    program.tell("back");
    // Each task that ran has appended a line to a file.
    assert_eq!(program.line(), "ran 4 times");
    program.ends();
    cluster.is_left_empty(HANG);
}

fn a_dead_host(cluster: Cluster) {
    let (mut program, _) = lose_n2(&cluster, || cluster.kill_host("n2"));
    program.tell("back");
    assert_eq!(program.line(), "ran 4 times");
    program.ends();
}

fn a_killed_program(cluster: Cluster) {
    ends_with_its_program(&cluster, "KILL");
}

fn an_interrupted_program(cluster: Cluster) {
    ends_with_its_program(&cluster, "INT");
}

fn ends_with_its_program(cluster: &Cluster, signal: &str) {
    let mut program = cluster.allocate("busy");
    assert_eq!(program.line(), "running on 4 hosts");
    program.kill(signal);
    cluster.is_left_empty(BOUND);
    cluster.has_no_job();
}

/// The relay on n2 is about to dial back.
fn a_link_cut_before_a_hello(cluster: Cluster) {
    let mut program = cluster.allocate("late");
    cluster.until("n2 is about to dial", || cluster.has_file("about-to-dial"));
    cluster.link("n2", "down");
    cluster.make_file("go");
    assert_eq!(program.line(), "100 results");
    program.ends();
    cluster.link("n2", "up");
    cluster.is_left_empty(HANG);
}

fn a_link_cut_during_a_result(cluster: Cluster) {
    let mut program = cluster.allocate("large");
    assert_eq!(program.line(), "running on 4 hosts");
    let before = cluster.received_from("n2");
    cluster.make_file("go");
    cluster.until("a part of it has arrived", || cluster.received_from("n2") > before + (16 << 20));
    cluster.link("n2", "down");
    let error = program.line();
    assert!(error.contains(" on n2 was lost with its host"), "{error}");
    assert_eq!(program.line(), "3 others");
    program.ends();
}

fn idle_workers_of_a_cut_link(cluster: Cluster) {
    let mut program = cluster.allocate("idle");
    assert_eq!(program.line(), "idle on 4 hosts");
    cluster.link("n2", "down");
    let start = Instant::now();
    cluster.until("what is cut off has ended", || cluster.processes("n2").is_empty());
    assert!(start.elapsed() < BOUND, "{:?}", start.elapsed());
    program.tell("lost");
    let event = program.line();
    assert!(event.contains(" on n2") && event.contains("lost with its host"), "{event}");
    assert_eq!(program.line(), "100 results");
    program.ends();
}

/// Slurm's daemon starts steps, and runs none.
fn a_killed_daemon(cluster: Cluster) {
    is_undisturbed_by_the_death_of(&cluster, "slurmd");
}

/// What Slurm starts beside the tasks of a step only watches them.
fn a_killed_step(cluster: Cluster) {
    is_undisturbed_by_the_death_of(&cluster, "slurmstepd");
}

fn is_undisturbed_by_the_death_of(cluster: &Cluster, name: &str) {
    let mut program = cluster.allocate("undisturbed");
    assert_eq!(program.line(), "running on 4 hosts");
    cluster.kill_on("n2", name);
    cluster.make_file("go");
    assert_eq!(program.line(), "4 results");
    program.ends();
    cluster.is_left_empty(HANG);
}

fn a_queued_program(cluster: Cluster) {
    let mut first = cluster.allocate("busy");
    assert_eq!(first.line(), "running on 4 hosts");
    // All CPUs are taken.
    let mut queued = cluster.submit("busy");
    cluster.until("it is queued", || cluster.jobs().contains("PENDING"));
    queued.kill("KILL");
    cluster.until("it is queued no more", || !cluster.jobs().contains("PENDING"));
    first.kill("KILL");
    cluster.is_left_empty(BOUND);
    cluster.has_no_job();
}

fn a_cancelled_job(cluster: Cluster) {
    let mut program = cluster.allocate("cancelled");
    assert_eq!(program.line(), "running on 4 hosts");
    cluster.cancel();
    // Slurm sends SIGTERM to a worker and to its relay, in some order.
    let error = program.line();
    let is_named = [" was killed by SIGTERM", " was lost with its host"];
    assert!(error.contains(" on n") && is_named.iter().any(|end| error.contains(end)), "{error}");
    cluster.is_left_empty(HANG);
}

fn main() {
    procpool_hosts::init();
    program::run_if_asked_to();
    let mut arguments = Arguments::from_args();
    // Two clusters on a few CPUs are no faster than one after the other.
    arguments.test_threads.get_or_insert(2);
    libtest_mimic::run(&arguments, trials()).exit();
}
