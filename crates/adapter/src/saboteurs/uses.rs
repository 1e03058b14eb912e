//! Saboteurs that leave a resource behind in one kind of use, and in no other.

use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use procpool_contract::{Body, Call, ErrorClass, MapOptions, Outcome, Place, PoolOptions, Until};
use serde_json::Value;

use super::ours::Procpool;
use super::{Honest, Saboteur, Twist, Twisted};
use crate::body::run;
use crate::library::{Callback, Future, Library, Map, Pool, Stop};
use crate::wire::Wire;

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
        "leaks-a-thread-per-callback",
        "Starts a thread with every callback, and ends none.",
        With::Callback,
        a_thread
    ),
    leaking!(
        "leaks-a-descriptor-per-initializer",
        "Opens a file with every pool that has an initializer, and closes none.",
        With::Initializer,
        a_descriptor
    ),
    leaking!(
        "leaks-a-thread-per-failed-initializer",
        "Starts a thread with every pool whose initializer fails, and ends none.",
        With::FailedInitializer,
        a_thread
    ),
    leaking!(
        "leaks-a-descriptor-per-shutdown-without-waiting",
        "Opens a file with every shutdown that does not wait, and closes none.",
        With::Nowait,
        a_descriptor
    ),
    leaking!(
        "leaks-a-descriptor-per-bad-argument",
        "Opens a file with every argument that cannot be encoded, and closes none.",
        With::BadArgument,
        a_descriptor
    ),
    Saboteur {
        name: "workers-open-a-file-per-failed-task",
        does: "Opens a file in the worker with every task that fails, and closes none.",
        make: |ours| {
            let opening = |argument: Wire| {
                if argument.call().run == Body::Fail {
                    a_descriptor();
                }
                run(argument)
            };
            Twisted::new(Procpool { run: opening, ..ours }, Honest)
        },
    },
    Saboteur {
        name: "workers-open-a-file-per-bad-result",
        does: "Opens a file in the worker with every result that cannot be encoded, and closes none.",
        make: |ours| {
            let opening = |argument: Wire| {
                if argument.call().poison == Some(Place::EncodeResult) {
                    a_descriptor();
                }
                run(argument)
            };
            Twisted::new(Procpool { run: opening, ..ours }, Honest)
        },
    },
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
    Callback,
    Initializer,
    FailedInitializer,
    Nowait,
    BadArgument,
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
    fn new_pool(&self, ours: &Procpool, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        if let Some(call) = &options.initializer {
            self.happens(With::Initializer);
            if call.run == Body::Fail {
                self.happens(With::FailedInitializer);
            }
        }
        ours.new_pool(options)
    }

    fn submit(&self, pool: &dyn Pool, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        if call.poison == Some(Place::EncodeArgument) {
            self.happens(With::BadArgument);
        }
        pool.submit(call)
    }

    fn shutdown(&self, pool: &dyn Pool, wait: bool, cancel: bool) -> Result<(), Stop> {
        if !wait {
            self.happens(With::Nowait);
        }
        pool.shutdown(wait, cancel)
    }

    fn add_callback(&self, future: &dyn Future, callback: Callback) -> Result<(), Stop> {
        self.happens(With::Callback);
        future.add_callback(callback)
    }

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
