//! Saboteurs: pools that are broken on purpose.
//!
//! Each runs real workers and has one real fault: it is procpool with another function in its workers or
//! another client in front. Each names the checker that must catch it and the text of the message.

use std::fs::File;
use std::sync::OnceLock;

use procpool_testkit::gate::{self, Gate};
use procpool_testkit::trace::{self, Record};
use procpool_testkit::watch::HANG;

use crate::checks::{Checker, EXECUTIONS, INITARGS, INITIALIZATION, RESULTS, WIDTH};
use crate::plan::{How, Initargs};
use crate::pool::{Client, HONEST, Pool, Seen};
use crate::task::{Call, Setup, answer, in_folder, initialize, run};

/// A broken pool, and the checker that catches it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Saboteur {
    pub(crate) pool: Pool,
    pub(crate) caught_by: Checker,
    /// A part of the checker's message.
    pub(crate) message: &'static str,
}

/// Every saboteur.
pub(crate) const ALL: [Saboteur; 11] = [
    Saboteur {
        pool: Pool { name: "initializes twice", initializer: initialize_twice, ..HONEST },
        caught_by: INITIALIZATION,
        message: "initialized 2 times before ",
    },
    Saboteur {
        pool: Pool {
            name: "initializes per task",
            initializer: keep,
            task: run_initialized,
            ..HONEST
        },
        caught_by: INITIALIZATION,
        message: "initialized again after it began task",
    },
    Saboteur {
        pool: Pool { name: "initializes late", initializer: keep, task: run_first, ..HONEST },
        caught_by: INITIALIZATION,
        message: "before it initialized",
    },
    Saboteur {
        pool: Pool { name: "initializes one worker only", initializer: initialize_one, ..HONEST },
        caught_by: INITIALIZATION,
        message: "but never initialized",
    },
    Saboteur {
        pool: Pool { name: "starts all workers at once", client: start_all, ..HONEST },
        caught_by: WIDTH,
        message: "more workers than tasks and chunks",
    },
    Saboteur {
        pool: Pool {
            name: "starts one worker too many",
            max_workers: |max_workers| max_workers + 1,
            client: start_all,
            ..HONEST
        },
        caught_by: WIDTH,
        message: "more workers than max_workers",
    },
    Saboteur {
        pool: Pool { name: "loses initargs", initializer: initialize_with_default, ..HONEST },
        caught_by: INITARGS,
        message: "got Initargs { text: \"\", number: 0, bytes: [], choice: None }, not",
    },
    Saboteur {
        pool: Pool {
            name: "yields in completion order",
            task: run_and_queue,
            client: yield_from_queue,
            ..HONEST
        },
        caught_by: RESULTS,
        message: ", the result of task ",
    },
    Saboteur {
        pool: Pool { name: "drops the last result", client: drop_last, ..HONEST },
        caught_by: RESULTS,
        message: " results, not ",
    },
    Saboteur {
        pool: Pool { name: "runs one task twice", client: repeat_last, ..HONEST },
        caught_by: EXECUTIONS,
        message: " ran 2 times",
    },
    Saboteur {
        pool: Pool { name: "answers without running", task: run_all_but_one, ..HONEST },
        caught_by: EXECUTIONS,
        message: " never ran",
    },
];

// ---- initializers ----

fn initialize_twice(setup: Setup) {
    initialize(setup.clone());
    initialize(setup);
}

fn initialize_with_default((folder, _): Setup) {
    initialize((folder, Initargs::default()));
}

/// Initializes only the first worker.
fn initialize_one(setup: Setup) {
    if File::create_new(in_folder(&setup.0, "initialized")).is_ok() {
        initialize(setup);
    }
}

/// In a worker whose tasks initialize: the initargs.
static KEPT: OnceLock<Setup> = OnceLock::new();

fn keep(setup: Setup) {
    KEPT.set(setup).expect("a worker has one initializer, called once");
}

fn kept() -> Setup {
    KEPT.get().expect("the initializer kept it").clone()
}

// ---- tasks ----

fn run_initialized(call: Call) -> u64 {
    initialize(kept());
    run(call)
}

fn run_first(call: Call) -> u64 {
    static INITIALIZED: OnceLock<()> = OnceLock::new();
    let result = run(call);
    INITIALIZED.get_or_init(|| initialize(kept()));
    result
}

/// Guesses the answer of task 1; a plan of one task has none.
fn run_all_but_one(call: Call) -> u64 {
    if call.task == 1 { answer(call.task) } else { run(call) }
}

/// The queue that all workers share, in the case's folder.
const QUEUE: &str = "queue";

fn run_and_queue(call: Call) -> u64 {
    let queue = in_folder(&call.folder, QUEUE);
    let task = call.task;
    let result = run(call);
    trace::append(&queue, (task, result));
    result
}

// ---- clients ----

/// Takes the results of a `map` from the queue, in the order in which the workers put them there.
fn yield_from_queue(client: &Client<'_>) -> Seen {
    let mut seen = client.carry_out();
    let queue: Vec<Record<(u32, u64)>> = trace::read(&client.folder.join(QUEUE));
    let operations = client.plan.operations.iter().zip(client.calls());
    for (seen, (operation, calls)) in seen.iter_mut().zip(operations) {
        if operation.how != How::Submit {
            let ours = |task: u32| calls.iter().any(|call| call.task == task);
            let queued = queue.iter().map(|record| record.event);
            *seen = queued.filter(|(task, _)| ours(*task)).map(|(_, result)| Ok(result)).collect();
        }
    }
    seen
}

fn drop_last(client: &Client<'_>) -> Seen {
    let mut seen = client.carry_out();
    for (seen, operation) in seen.iter_mut().zip(&client.plan.operations) {
        if operation.how != How::Submit {
            seen.pop();
        }
    }
    seen
}

/// Submits the last task again and discards the second result.
fn repeat_last(client: &Client<'_>) -> Seen {
    let seen = client.carry_out();
    if let Some(call) = client.calls().into_iter().flatten().next_back() {
        client.executor.submit(client.task, call).result().expect("it succeeded before");
    }
    seen
}

/// Starts every worker before there is a task for it.
fn start_all(client: &Client<'_>) -> Seen {
    let arrivals = Gate::new(client.folder, ARRIVALS);
    let departures = Gate::new(client.folder, DEPARTURES);
    let stand_by = |_| {
        let folder = client.folder.to_str().expect("temporary folders have plain names");
        client.executor.submit(stand_by, folder.to_owned())
    };
    let present: Vec<_> = (0..client.max_workers).map(stand_by).collect();
    // Each holds its worker until all have arrived, so each has a worker of its own.
    arrivals.take(client.max_workers, HANG).expect("every worker starts");
    departures.give(client.max_workers);
    for worker in present {
        worker.result().expect("it only stands by");
    }
    client.carry_out()
}

const ARRIVALS: &str = "arrivals";
const DEPARTURES: &str = "departures";

fn stand_by(folder: String) {
    gate::give(&in_folder(&folder, ARRIVALS));
    gate::take(&in_folder(&folder, DEPARTURES));
}
