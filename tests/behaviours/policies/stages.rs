//! How long each stage of a worker may take: every row of the table in the crate's documentation.

use std::time::Duration;

use nix::sys::signal::Signal;
use procpool::ProcessPoolExecutor;
use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::os::signal;
use procpool_testkit::pool::assert_works;
use procpool_testkit::task::pid;
use procpool_testkit::{os, program, start, watch};

use crate::behaviours::lives::{NEVER, SHORT, builder, park, refuse_sigterm};

const TABLE: &str = include_str!("../../../crates/procpool/src/lib.rs");

/// Drops the pool, and asserts that its worker has exited.
fn assert_ends(executor: ProcessPoolExecutor, worker: u32) {
    let worker = os::Watched::new(worker);
    drop(executor);
    assert!(worker.ended_within(watch::HANG));
}

/// Ends a worker in the middle of an endless call.
fn starting() {
    let mut never = assert_cmd::Command::from_std(program::command("fail_before_init"));
    let output = never.env("MODE", "never").assert().success();
    output.stdout(predicates::str::contains("did not reach procpool::init() within 300ms"));
}

fn waiting() {
    let crossing = Crossing::new();
    let executor = builder(1).max_tasks_per_child(1).build().unwrap();
    let (first, second) = (executor.submit(cross, crossing.places()), executor.submit(pid, ()));
    crossing.wait_for(1);
    assert!(!second.running());
    crossing.let_go(1);
    assert_ne!(first.result(), second.result());
}

fn initializing() {
    let crossing = Crossing::new();
    let initializer = |places| {
        let _ = cross(places);
    };
    let executor =
        builder(1).initializer_with_args(initializer, crossing.places()).build().unwrap();
    let future = executor.submit(pid, ());
    crossing.wait_for(1);
    executor.kill_workers();
    drop(executor);
    assert!(future.error().is_some());
}

fn running() {
    let executor = builder(1).task_time_limit(SHORT).grace(SHORT).build().unwrap();
    let worker = executor.submit_options().time_limit(NEVER).submit(pid, ()).result().unwrap();
    let refuses = |()| {
        refuse_sigterm();
        park();
    };
    assert!(executor.submit(refuses, ()).error().is_some());
    assert_ends(executor, worker);
}

fn aborting() {
    let mut stuck = assert_cmd::Command::from_std(program::command_with_abort("fail_stuck_abort"));
    let stuck = stuck.env(start::VARIABLE, crate::start_method()).assert().success();
    stuck.stdout(predicates::str::ends_with("dropped\n"));
}

fn leaving() {
    let builder = builder(1).finalizer_time_limit(SHORT).finalizer(|()| park());
    let executor = builder.build().unwrap();
    let worker = executor.submit(pid, ()).result().unwrap();
    assert_ends(executor, worker);
}

fn terminated() {
    let executor = builder(1).grace(SHORT).build().unwrap();
    let worker = executor.submit(pid, ()).result().unwrap();
    executor.submit(|()| refuse_sigterm(), ()).result().unwrap();
    executor.terminate_workers();
    assert_ends(executor, worker);
}

fn unlinked() {
    let executor = builder(1).build().unwrap();
    let worker = executor.submit(pid, ()).result().unwrap();
    let close_and_stay = |()| {
        for (number, _) in os::descriptors_of(std::process::id()) {
            if number > 2 {
                let _ = nix::unistd::close(number);
            }
        }
        park();
    };
    assert!(executor.submit(close_and_stay, ()).error().is_some());
    assert_ends(executor, worker);
}

/// The test of each row.
const STAGES: [(&str, fn()); 8] = [
    ("starts, up to `init()`", starting),
    ("waits for its number", waiting),
    ("runs the initializer", initializing),
    ("runs a task", running),
    ("aborts after a panic", aborting),
    ("runs the finalizer, drops its state, exits", leaving),
    ("was sent SIGTERM", terminated),
    ("closed its link and goes on", unlinked),
];

#[test]
fn the_documented_stages_are_the_tested_ones() {
    let table = TABLE.split_once("# How long a worker may take").expect("it is there").1;
    let rows = table.lines().skip_while(|line| !line.starts_with("//! |---"));
    let rows = rows.skip(1).map_while(|line| line.strip_prefix("//! | "));
    let stages: Vec<&str> = rows.filter_map(|row| row.split(" | ").next()).collect();
    assert_eq!(stages, STAGES.map(|(stage, _)| stage));
}

#[test]
fn every_stage_of_a_worker_ends() {
    for (_, stage) in STAGES {
        watch::within(watch::HANG, stage);
    }
}

#[test]
fn a_stopped_worker_is_killed_in_any_stage() {
    watch::within(watch::HANG, || {
        let executor = builder(1).finalizer_time_limit(Duration::ZERO).build().unwrap();
        assert_works(&executor);
        let worker = executor.submit(pid, ()).result().unwrap();
        signal(worker, Signal::SIGSTOP);
        assert_ends(executor, worker);
    });
}
