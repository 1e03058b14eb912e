//! Saboteurs of tasks: where they run, how often, and with which arguments.

use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use procpool_contract::{Body, Call, ErrorClass, EventKind, PoolOptions};
use serde_json::Value;

use super::init::run_changed;
use super::ours::Procpool;
use super::twist::Lost;
use super::{Honest, Saboteur, Twist, Twisted};
use crate::body;
use crate::body::run;
use crate::library::{Callback, Future, Library, Pool, Stop};
use crate::trace;
use crate::wire::Wire;

macro_rules! submitting {
    ($name:literal, $does:literal, $change:expr) => {
        Saboteur {
            name: $name,
            does: $does,
            make: |ours| {
                Twisted::new(ours, Submitting { change: $change, count: AtomicU64::new(0) })
            },
        }
    };
}

pub(super) const ALL: &[Saboteur] = &[
    submitting!(
        "runs-a-task-twice",
        "Runs every task twice, and returns the second result.",
        |pool, call, _| {
            pool.submit(call)?;
            pool.submit(call)
        }
    ),
    submitting!(
        "runs-a-task-in-the-parent",
        "Runs tasks in the program's own process.",
        |_, call, _| {
            let ran = panic::catch_unwind(AssertUnwindSafe(|| body::task(call)));
            Ok(Arc::new(Done(ran.map_err(|_| Stop::failed(ErrorClass::Task, "it failed")))))
        }
    ),
    submitting!(
        "forgets-a-future",
        "Loses every third task: it never runs.",
        |pool, call, number| {
            if number % 3 == 2 { Ok(Arc::new(Lost)) } else { pool.submit(call) }
        }
    ),
    submitting!(
        "corrupts-a-large-argument",
        "Changes a letter in the middle of a large text.",
        |pool, call, _| {
            let mut call = call.clone();
            if let Value::String(text) = &mut call.value
                && text.len() > 1 << 20
                && text.is_ascii()
            {
                let middle = text.len() / 2;
                text.replace_range(middle..=middle, "?");
            }
            pool.submit(&call)
        }
    ),
    submitting!(
        "runs-last-first",
        "Holds each second task back until the next one is submitted.",
        |pool, call, number| {
            let held = HELD.lock().unwrap_or_else(PoisonError::into_inner).take();
            if number % 2 == 0 && held.is_none() {
                let slot = Arc::new(Slot::default());
                *HELD.lock().unwrap_or_else(PoisonError::into_inner) =
                    Some((call.clone(), Arc::clone(&slot)));
                return Ok(slot);
            }
            let future = pool.submit(call)?;
            if let Some((call, slot)) = held {
                slot.fill(pool.submit(&call)?);
            }
            Ok(future)
        }
    ),
    submitting!(
        "runs-last-first-when-behind",
        "Holds the 101st task back until the next one is submitted.",
        |pool, call, number| {
            let slot = Arc::new(Slot::default());
            if number == 100 {
                *HELD.lock().unwrap_or_else(PoisonError::into_inner) =
                    Some((call.clone(), Arc::clone(&slot)));
                return Ok(slot);
            }
            let future = pool.submit(call)?;
            if let Some((call, slot)) = HELD.lock().unwrap_or_else(PoisonError::into_inner).take() {
                slot.fill(pool.submit(&call)?);
            }
            Ok(future)
        }
    ),
    Saboteur {
        name: "runs-last-first-with-several-workers",
        does: "Swaps each two tasks that are submitted while all of several workers are busy.",
        make: |ours| Twisted::new(ours, SwapsPending::default()),
    },
    submitting!(
        "runs-a-phantom",
        "Runs a task of its own beside each that is submitted.",
        |pool, call, number| {
            let tag = format!("phantom-{number}");
            pool.submit(&Call { run: Body::Echo, tag, poison: None, ..call.clone() })?;
            pool.submit(call)
        }
    ),
    Saboteur {
        name: "answers-early",
        does: "Returns the result of a task that still runs in its worker.",
        make: |ours| Twisted::new(Procpool { run: answer_early, ..ours }, Honest),
    },
    Saboteur {
        name: "pretends-to-nest",
        does: "Returns the results of nested pools without making them.",
        make: |ours| {
            let pretending = |argument| {
                run_changed(&argument, |call| {
                    if call.run == Body::Nest {
                        call.run = Body::Echo;
                        call.value = call.count.into();
                    }
                })
            };
            Twisted::new(Procpool { run: pretending, ..ours }, Honest)
        },
    },
    Saboteur {
        name: "prints-twice",
        does: "Writes the output of tasks twice.",
        make: |ours| {
            let twice = |argument| {
                run_changed(&argument, |call| {
                    if call.run == Body::Print {
                        call.count = Some(2 * call.count.unwrap_or(1));
                    }
                })
            };
            Twisted::new(Procpool { run: twice, ..ours }, Honest)
        },
    },
];

/// A result that is known beforehand is returned at once; the task ends when its worker has begun the next
/// one.
fn answer_early(argument: Wire) -> Wire {
    static UNFINISHED: Mutex<Option<String>> = Mutex::new(None);
    let call = argument.call();
    let value = match (call.run, call.value.as_i64()) {
        (Body::Echo, _) => call.value.clone(),
        (Body::Square, Some(number)) => Value::from(number.wrapping_mul(number)),
        _ => return run(argument),
    };
    trace::write(EventKind::Begin, &call.tag);
    let mut unfinished = UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(earlier) = unfinished.replace(call.tag.clone()) {
        trace::write(EventKind::End, &earlier);
    }
    Wire::of_result(&call, &value)
}

type Change = fn(&dyn Pool, &Call, u64) -> Result<Arc<dyn Future>, Stop>;

/// Submits another call. The number is that of the submission, from 0.
#[derive(Debug)]
struct Submitting {
    change: Change,
    count: AtomicU64,
}

impl Twist for Submitting {
    fn submit(&self, pool: &dyn Pool, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        (self.change)(pool, call, self.count.fetch_add(1, Ordering::Relaxed))
    }
}

/// Swaps tasks that no worker can take at once.
#[derive(Default)]
struct SwapsPending {
    workers: AtomicU64,
    unfinished: Arc<AtomicU64>,
    held: Mutex<Option<(Call, Arc<Slot>)>>,
}

impl std::fmt::Debug for SwapsPending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SwapsPending")
    }
}

impl SwapsPending {
    fn submit_now(&self, pool: &dyn Pool, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        let future = pool.submit(call)?;
        let unfinished = Arc::clone(&self.unfinished);
        unfinished.fetch_add(1, Ordering::Relaxed);
        future.add_callback(Arc::new(move || {
            unfinished.fetch_sub(1, Ordering::Relaxed);
        }))?;
        Ok(future)
    }
}

impl Twist for SwapsPending {
    fn new_pool(&self, ours: &Procpool, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        let workers = options.max_workers.and_then(|workers| u64::try_from(workers).ok());
        self.workers.store(workers.unwrap_or(1), Ordering::Relaxed);
        ours.new_pool(options)
    }

    fn submit(&self, pool: &dyn Pool, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let workers = self.workers.load(Ordering::Relaxed);
        let all_busy = self.unfinished.load(Ordering::Relaxed) >= workers;
        if workers > 1 && all_busy && held.is_none() {
            let slot = Arc::new(Slot::default());
            *held = Some((call.clone(), Arc::clone(&slot)));
            return Ok(slot);
        }
        let future = self.submit_now(pool, call)?;
        if let Some((call, slot)) = held.take() {
            slot.fill(self.submit_now(pool, &call)?);
        }
        Ok(future)
    }

    fn shutdown(&self, pool: &dyn Pool, wait: bool, cancel: bool) -> Result<(), Stop> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((call, slot)) = held {
            slot.fill(self.submit_now(pool, &call)?);
        }
        pool.shutdown(wait, cancel)
    }
}

/// A task that waits for the next submission, and the place for its future.
static HELD: Mutex<Option<(Call, Arc<Slot>)>> = Mutex::new(None);

/// A future that is created later.
#[derive(Default)]
struct Slot(std::sync::OnceLock<Arc<dyn Future>>);

impl Slot {
    fn fill(&self, future: Arc<dyn Future>) {
        self.0.get_or_init(|| future);
    }

    fn wait(&self) -> &Arc<dyn Future> {
        self.0.wait()
    }
}

impl Future for Slot {
    fn result(&self, timeout: Option<Duration>) -> Result<Value, Stop> {
        self.wait().result(timeout)
    }

    fn cancel(&self) -> Result<bool, Stop> {
        self.wait().cancel()
    }

    fn state(&self) -> Result<&'static str, Stop> {
        self.0.get().map_or(Ok("pending"), |future| future.state())
    }

    fn add_callback(&self, callback: Callback) -> Result<(), Stop> {
        self.wait().add_callback(callback)
    }
}

/// A future that is done.
pub(super) struct Done(pub(super) Result<Value, Stop>);

impl Future for Done {
    fn result(&self, _: Option<Duration>) -> Result<Value, Stop> {
        self.0.clone()
    }

    fn cancel(&self) -> Result<bool, Stop> {
        Ok(false)
    }

    fn state(&self) -> Result<&'static str, Stop> {
        Ok("done")
    }

    fn add_callback(&self, callback: Callback) -> Result<(), Stop> {
        callback();
        Ok(())
    }
}
