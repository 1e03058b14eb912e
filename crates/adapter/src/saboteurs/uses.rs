//! Saboteurs that leave a resource behind in one kind of use, and in no other.

use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use procpool_contract::{Call, ErrorClass, MapOptions, Outcome, Until};
use serde_json::Value;

use super::ours::Procpool;
use super::{Saboteur, Twist, Twisted};
use crate::library::{Future, Library, Map, Pool, Stop};

macro_rules! leaking {
    ($name:literal, $does:literal, $kind:expr, $leak:expr) => {
        Saboteur {
            name: $name,
            does: $does,
            make: |ours| Twisted::new(ours, Leaking { with: $kind, leak: $leak }),
        }
    };
}

pub(super) const ALL: &[Saboteur] = &[
    leaking!(
        "leaks-a-descriptor-per-map",
        "Opens a file with every map, and closes none.",
        With::Map,
        a_descriptor
    ),
    leaking!(
        "leaks-a-thread-per-closed-map",
        "Starts a thread with every map that is dropped before its end, and ends none.",
        With::ClosedMap,
        a_thread
    ),
    leaking!(
        "leaks-a-descriptor-per-failed-map",
        "Opens a file with every item of a map that fails, and closes none.",
        With::FailedItem,
        a_descriptor
    ),
    leaking!(
        "leaks-a-descriptor-per-failed-task",
        "Opens a file with every task that fails, and closes none.",
        With::FailedTask,
        a_descriptor
    ),
    leaking!(
        "leaks-a-thread-per-cancelled-task",
        "Starts a thread with every task that is cancelled, and ends none.",
        With::CancelledTask,
        a_thread
    ),
    leaking!(
        "leaks-a-thread-per-timeout",
        "Starts a thread with every wait that times out, and ends none.",
        With::Timeout,
        a_thread
    ),
    leaking!(
        "leaks-a-thread-per-wait",
        "Starts a thread with every wait for several futures, and ends none.",
        With::Wait,
        a_thread
    ),
    leaking!(
        "leaks-a-descriptor-per-killed-pool",
        "Opens a file with every pool whose workers are killed by a call, and closes none.",
        With::Kill,
        a_descriptor
    ),
];

fn a_descriptor() {
    if let Ok(file) = File::open("/dev/null") {
        std::mem::forget(file);
    }
}

fn a_thread() {
    std::thread::spawn(|| {
        loop {
            std::thread::park();
        }
    });
}

/// The kind of use in which something is left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum With {
    Map,
    ClosedMap,
    FailedItem,
    FailedTask,
    CancelledTask,
    Timeout,
    Wait,
    Kill,
}

#[derive(Debug, Clone, Copy)]
struct Leaking {
    with: With,
    leak: fn(),
}

impl Leaking {
    fn happens(self, with: With) {
        if self.with == with {
            (self.leak)();
        }
    }
}

impl Twist for Leaking {
    fn map(&self, pool: &dyn Pool, calls: Vec<Call>, options: &MapOptions) -> Result<Map, Stop> {
        let items = pool.map(calls, options)?;
        self.happens(With::Map);
        Ok(Box::new(Items { items, leaking: *self, at_its_end: false }))
    }

    fn kill_workers(&self, pool: &dyn Pool) -> Result<(), Stop> {
        self.happens(With::Kill);
        pool.kill_workers()
    }

    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        let result = future.result(timeout);
        if let Err(Stop::Failed(failure)) = &result {
            match failure.class {
                ErrorClass::Task => self.happens(With::FailedTask),
                ErrorClass::Timeout => self.happens(With::Timeout),
                _ => {}
            }
        }
        result
    }

    fn cancel(&self, future: &dyn Future) -> Result<bool, Stop> {
        let is_cancelled = future.cancel()?;
        if is_cancelled {
            self.happens(With::CancelledTask);
        }
        Ok(is_cancelled)
    }

    fn wait(
        &self,
        ours: &Procpool,
        futures: &[Arc<dyn Future>],
        until: Until,
        timeout: Option<Duration>,
    ) -> Result<Vec<usize>, Stop> {
        self.happens(With::Wait);
        ours.wait(futures, until, timeout)
    }
}

/// The items of a map.
struct Items {
    items: Map,
    leaking: Leaking,
    at_its_end: bool,
}

impl Iterator for Items {
    type Item = Outcome;

    fn next(&mut self) -> Option<Outcome> {
        let item = self.items.next();
        self.at_its_end = item.is_none();
        if matches!(item, Some(Outcome::Error(_))) {
            self.leaking.happens(With::FailedItem);
        }
        item
    }
}

impl Drop for Items {
    fn drop(&mut self) {
        if !self.at_its_end {
            self.leaking.happens(With::ClosedMap);
        }
    }
}
