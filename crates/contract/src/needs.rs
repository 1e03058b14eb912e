//! The capabilities that a scenario uses.
//!
//! Owns the table from steps, options and bodies to capabilities. Knows no pool, and nothing of how a step
//! is carried out.

use std::collections::BTreeSet;

use crate::{Capability, Scenario, Step};

impl Scenario {
    /// Returns the capabilities that it uses.
    pub fn needs(&self) -> BTreeSet<Capability> {
        let mut used = BTreeSet::new();
        let mut check = |capability, is_used: bool| {
            if is_used {
                used.insert(capability);
            }
        };
        check(Capability::Threads, self.clients.len() > 1);
        for call in self.clients.iter().flat_map(|client| &client.steps).flat_map(Step::calls) {
            if let Some(capability) = call.needs() {
                check(capability, true);
            }
            if let Some(poison) = call.poison {
                check(poison.needs(), true);
            }
        }
        let mut open = BTreeSet::new();
        for step in self.clients.iter().flat_map(|client| &client.steps) {
            match step {
                Step::New { pool, options } => {
                    open.insert(pool);
                    check(Capability::SeveralPools, open.len() > 1);
                    let initializer = options.initializer.as_ref();
                    let initargs = initializer.is_some_and(|it| !it.value.is_null());
                    check(Capability::Initializer, initializer.is_some());
                    check(Capability::Initargs, initargs);
                    check(Capability::DefaultMaxWorkers, options.max_workers.is_none());
                    check(Capability::MaxTasksPerChild, options.max_tasks_per_child.is_some());
                    check(Capability::IdleTimeout, options.idle_timeout.is_some());
                    check(Capability::TaskTimeout, options.task_timeout.is_some());
                    check(Capability::Env, !options.env.is_empty());
                }
                Step::Submit { .. } => check(Capability::Submit, true),
                Step::Result { timeout, .. } => check(Capability::ResultTimeout, timeout.is_some()),
                Step::Map { options, .. } | Step::MapOpen { options, .. } => {
                    check(Capability::Map, true);
                    check(Capability::LazyMap, matches!(step, Step::MapOpen { .. }));
                    check(Capability::Chunksize, options.chunksize.is_some());
                    check(Capability::MapTimeout, options.timeout.is_some());
                    check(Capability::Buffersize, options.buffersize.is_some());
                    check(Capability::Unordered, options.unordered);
                }
                Step::MapNext { .. } | Step::MapClose { .. } | Step::Gate { .. } => {}
                Step::Shutdown { pool, wait, cancel } => {
                    if *wait {
                        open.remove(pool);
                    }
                    check(Capability::ShutdownNowait, !wait);
                    check(Capability::ShutdownCancel, *cancel);
                }
                Step::OpenFile {} => check(Capability::OpenFile, true),
                Step::KillWorkers { .. } => check(Capability::KillWorkers, true),
                Step::Drop { .. } => check(Capability::Drop, true),
                Step::Cancel { .. } => check(Capability::Cancel, true),
                Step::State { .. } => check(Capability::State, true),
                Step::Callback { reads, .. } => {
                    check(Capability::Callbacks, true);
                    check(Capability::State, *reads);
                }
                Step::Wait { .. } => check(Capability::Wait, true),
                Step::AsCompleted { .. } => check(Capability::AsCompleted, true),
            }
        }
        used
    }
}
