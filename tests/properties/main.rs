//! Properties of every pool under any plan; and the proof that these tests can fail.
//!
//! ```text
//! drawing ──▶ Plan ──▶ Pool (procpool, or a saboteur) ──▶ History ──▶ Checker ──▶ verdict
//!                        │                                   ▲
//!                        └── workers ──▶ trace ──────────────┘
//! ```
//!
//! - [`plan`], [`drawing`]: the requests to a pool, and random ones;
//! - [`task`]: the code that runs in workers and writes the trace;
//! - [`pool`], [`saboteurs`]: procpool, and pools broken on purpose;
//! - [`history`]: the record of a case, by the client and the workers;
//! - [`checks`], [`histories`]: one checker for each property, and histories that test them;
//! - [`property`], [`coverage`]: a checker over many plans, and whether those could show anything;
//! - [`caught`], [`matrix`]: every saboteur among drawn plans, and before every checker.
//!
//! The pool is never asked whether it behaved: checkers judge the trace of its workers.

mod caught;
mod checks;
mod coverage;
mod drawing;
mod histories;
mod history;
mod matrix;
mod plan;
mod pool;
mod property;
mod saboteurs;
mod task;

procpool::init_tests!();

// Behaviours: INIT-01.
#[test]
fn each_worker_initializes_exactly_once_before_its_first_task() {
    property::holds(&checks::INITIALIZATION);
}

#[test]
fn no_more_workers_start_than_allowed_or_needed() {
    property::holds(&checks::WIDTH);
}

// Behaviours: INIT-02.
#[test]
fn initargs_arrive_equal() {
    property::holds(&checks::INITARGS);
}

// Behaviours: MAP-01, MAP-02.
#[test]
fn map_equals_the_iterators_own_map() {
    property::holds(&checks::RESULTS);
}

#[test]
fn each_task_runs_exactly_once() {
    property::holds(&checks::EXECUTIONS);
}
