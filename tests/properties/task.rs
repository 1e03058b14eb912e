//! The code that runs in workers, and its records.
//!
//! Owns the initializer, the task and the events of the trace. Knows nothing of plans as a whole: a worker
//! sees its initargs and one call at a time.

use std::path::Path;
use std::thread;
use std::time::Duration;

use procpool_testkit::{gate, trace};
use serde::{Deserialize, Serialize};

use crate::plan::{Effort, Initargs};

/// The records of a worker, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Event {
    /// The initializer was called, with these initargs.
    Initializing(Initargs),
    /// The initializer is about to return.
    Initialized,
    /// The task with this number was called.
    Started(u32),
    /// It is about to return.
    Ended(u32),
}

/// The initializer's arguments: the case's folder and the expected value.
pub(crate) type Setup = (String, Initargs);

/// A task's argument.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Call {
    pub(crate) folder: String,
    pub(crate) task: u32,
    pub(crate) effort: Effort,
}

/// The initializer.
pub(crate) fn initialize((folder, initargs): Setup) {
    trace::append(&trace_in(&folder), Event::Initializing(initargs));
    trace::append(&trace_in(&folder), Event::Initialized);
}

/// The task.
pub(crate) fn run(call: Call) -> u64 {
    trace::append(&trace_in(&call.folder), Event::Started(call.task));
    match call.effort {
        // No thread waits for this sleep: it is the task's work, and leaves the CPU to other workers, so
        // that the tasks of few CPUs overlap too.
        Effort::Micros(micros) => thread::sleep(Duration::from_micros(micros.into())),
        Effort::TakesPermit => gate::take(&gate_in(&call.folder)),
        Effort::GivesPermit => gate::give(&gate_in(&call.folder)),
    }
    trace::append(&trace_in(&call.folder), Event::Ended(call.task));
    answer(call.task)
}

/// The result of a task: different for every number, and not in the order of the numbers.
pub(crate) fn answer(task: u32) -> u64 {
    // An odd factor is a bijection of the integers modulo 2^64.
    u64::from(task).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// The name of the gate that `TakesPermit` and `GivesPermit` share.
pub(crate) const GATE: &str = "gate";

/// Returns the trace of the case in `folder`.
pub(crate) fn trace_in(folder: &str) -> String {
    in_folder(folder, "trace")
}

fn gate_in(folder: &str) -> String {
    in_folder(folder, GATE)
}

/// Returns the path of `name` in `folder`, as text, because that can be sent.
pub(crate) fn in_folder(folder: &str, name: &str) -> String {
    Path::new(folder).join(name).to_str().expect("both are text").to_owned()
}
