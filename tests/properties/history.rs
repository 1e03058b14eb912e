//! Histories: the record of one case.
//!
//! Owns the execution of a case (its folder, its gate, its watchdog) and the record that checkers judge:
//! the plan, the client's view, and the trace of the workers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use procpool_testkit::gate::Gate;
use procpool_testkit::os;
use procpool_testkit::trace::{self, Record};
use procpool_testkit::watch::{HANG, within};

use crate::plan::Plan;
use crate::pool::{Pool, Seen};
use crate::task::{Event, GATE, trace_in};

/// One case, when it is over.
#[derive(Debug, Clone)]
pub(crate) struct History {
    pub(crate) plan: Plan,
    pub(crate) seen: Seen,
    /// In the order of time.
    pub(crate) trace: Vec<Record<Event>>,
}

impl History {
    /// Makes `pool` carry out `plan`.
    ///
    /// # Panics
    ///
    /// When the case hangs, or leaves a worker behind.
    pub(crate) fn of(pool: &Pool, plan: &Plan) -> Self {
        let (pool, plan) = (*pool, plan.clone());
        within(HANG, move || {
            let folder = tempfile::tempdir().expect("a temporary folder can be made");
            // Held until the case is over: without it a permit would be lost.
            let _gate = Gate::new(folder.path(), GATE);
            let seen = pool.carry_out(&plan, folder.path());
            let path =
                trace_in(folder.path().to_str().expect("temporary folders have plain names"));
            let history = Self { plan, seen, trace: trace::read(path.as_ref()) };
            history.assert_workers_are_gone();
            history
        })
    }

    /// The processes that left a trace.
    pub(crate) fn workers(&self) -> BTreeSet<u32> {
        self.trace.iter().map(|record| record.pid).collect()
    }

    /// The events of each worker, in order.
    pub(crate) fn events_of_workers(&self) -> BTreeMap<u32, Vec<&Event>> {
        let mut workers: BTreeMap<u32, Vec<&Event>> = BTreeMap::new();
        for record in &self.trace {
            workers.entry(record.pid).or_default().push(&record.event);
        }
        workers
    }

    /// The number of workers that began a task.
    pub(crate) fn workers_used(&self) -> usize {
        let started = |event: &&Event| matches!(event, Event::Started(_));
        self.events_of_workers().values().filter(|events| events.iter().any(started)).count()
    }

    /// Whether some task ended before one that was submitted earlier.
    pub(crate) fn ended_out_of_order(&self) -> bool {
        let ended = |record: &Record<Event>| match record.event {
            Event::Ended(task) => Some(task),
            _ => None,
        };
        !self.trace.iter().filter_map(ended).is_sorted()
    }

    /// The case's own workers only: other cases run in this program at the same time.
    fn assert_workers_are_gone(&self) {
        for pid in self.workers() {
            let left = os::process(pid).filter(|process| process.parent == std::process::id());
            assert!(left.is_none(), "the executor is dropped, but left {left:?}");
        }
    }
}

/// The trace, a line for each event.
impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = self.trace.first().map_or(0, |record| record.nanos);
        for Record { pid, nanos, event } in &self.trace {
            writeln!(f, "{:>8} µs  worker {pid}  {event:?}", (nanos - start) / 1000)?;
        }
        Ok(())
    }
}
