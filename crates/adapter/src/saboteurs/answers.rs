//! Saboteurs that answer wrongly about one future because of another one, of its error, or of its end.

use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use procpool_contract::{Body, Call, ErrorClass, PoolOptions};
use serde_json::Value;

use super::futures::{change_failure, key};
use super::ours::Procpool;
use super::stops::hang;
use super::twist::locked;
use super::{Saboteur, Twist, Twisted};
use crate::library::{Callback, Future, Library, Pool, Stop};

macro_rules! twist {
    ($name:literal, $does:literal, $twist:expr) => {
        Saboteur { name: $name, does: $does, make: |ours| Twisted::new(ours, $twist) }
    };
}

macro_rules! cancelling {
    ($name:literal, $does:literal, $cancel:expr) => {
        twist!($name, $does, Cancelling { all: All::default(), cancel: $cancel })
    };
}

pub(super) const ALL: &[Saboteur] = &[
    twist!("hides-traces", "Hides where a task failed.", HidesTraces),
    twist!(
        "reports-a-failed-task-as-cancelled",
        "Reports the future of a task that has failed as cancelled.",
        FailedIsCancelled
    ),
    cancelling!(
        "cancels-only-once",
        "Refuses to cancel a future that is cancelled.",
        |_, future| Ok(future.state()? != "cancelled" && future.cancel()?)
    ),
    cancelling!(
        "cancels-what-is-done",
        "Reports a task that is done as cancelled when it is asked to cancel it.",
        |_, future| Ok(future.state()? == "done" || future.cancel()?)
    ),
    cancelling!(
        "cancels-the-next-one-too",
        "Cancels the next task as well when it is asked to cancel one.",
        |all, future| {
            let all = locked(&all.0);
            let place = all.iter().position(|it| key(it.as_ref()) == key(future));
            if let Some(next) = place.and_then(|place| all.get(place + 1)) {
                next.cancel()?;
            }
            future.cancel()
        }
    ),
    twist!(
        "calls-back-after-success-only",
        "Calls no callback of a task that has failed, or was lost with its worker.",
        SuccessOnly(All::default())
    ),
    twist!(
        "stops-at-a-failing-callback",
        "Calls no further callback of a future when one of them fails.",
        StopsCalling::default()
    ),
    twist!(
        "returns-the-oldest-unread-result",
        "Returns the oldest result that nobody has read, whichever is asked for.",
        OldestUnread(All::default())
    ),
    twist!(
        "takes-output-for-the-next-result",
        "Takes the output of a task for the result of the one that is submitted next.",
        TakesOutput::default()
    ),
    twist!(
        "refuses-when-its-queue-is-full",
        "Refuses a task while fifty are unfinished, and a large one while any is.",
        Refuses { unfinished: All::default(), most: 50 }
    ),
    twist!(
        "refuses-the-1001st-task",
        "Refuses a task while a thousand are unfinished, and a large one while any is.",
        Refuses { unfinished: All::default(), most: 1_000 }
    ),
    twist!(
        "hangs-on-a-last-error",
        "Never reports the error of a task after which its worker retires.",
        HangsOnLast(AtomicBool::new(false))
    ),
    twist!(
        "times-out-from-the-submission",
        "Counts the time of a task from its submission.",
        FromSubmission::default()
    ),
];

/// The futures, in the order of their submissions.
#[derive(Default)]
struct All(Mutex<Vec<Arc<dyn Future>>>);

impl std::fmt::Debug for All {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("All")
    }
}

impl All {
    fn submit(&self, pool: &dyn Pool, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        let future = pool.submit(call)?;
        locked(&self.0).push(Arc::clone(&future));
        Ok(future)
    }
}

#[derive(Debug)]
struct HidesTraces;

impl Twist for HidesTraces {
    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        let hide = |stop| change_failure(stop, |failure| failure.trace = None);
        future.result(timeout).map_err(hide)
    }
}

#[derive(Debug)]
struct FailedIsCancelled;

impl Twist for FailedIsCancelled {
    fn state(&self, future: &dyn Future) -> Result<&'static str, Stop> {
        let state = future.state()?;
        let has_failed = state == "done" && future.result(None).is_err();
        Ok(if has_failed { "cancelled" } else { state })
    }
}

/// Cancels in another way.
#[derive(Debug)]
struct Cancelling {
    all: All,
    cancel: fn(&All, &dyn Future) -> Result<bool, Stop>,
}

impl Twist for Cancelling {
    fn submit(&self, pool: &dyn Pool, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        self.all.submit(pool, call)
    }

    fn cancel(&self, future: &dyn Future) -> Result<bool, Stop> {
        (self.cancel)(&self.all, future)
    }
}

#[derive(Debug)]
struct SuccessOnly(All);

impl Twist for SuccessOnly {
    fn submit(&self, pool: &dyn Pool, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        self.0.submit(pool, call)
    }

    fn add_callback(&self, future: &dyn Future, callback: Callback) -> Result<(), Stop> {
        let all = locked(&self.0.0);
        let Some(its) = all.iter().find(|it| key(it.as_ref()) == key(future)).cloned() else {
            return Ok(());
        };
        future.add_callback(Arc::new(move || {
            if its.result(Some(Duration::ZERO)).is_ok() {
                callback();
            }
        }))
    }
}

/// The callbacks of each future, in the order in which they were added.
#[derive(Default)]
struct StopsCalling(Mutex<BTreeMap<usize, Arc<Mutex<Vec<Callback>>>>>);

impl std::fmt::Debug for StopsCalling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StopsCalling")
    }
}

impl Twist for StopsCalling {
    fn add_callback(&self, future: &dyn Future, callback: Callback) -> Result<(), Stop> {
        let added = Arc::clone(locked(&self.0).entry(key(future)).or_default());
        locked(&added).push(callback);
        if locked(&added).len() > 1 {
            return Ok(());
        }
        future.add_callback(Arc::new(move || {
            let added = std::mem::take(&mut *locked(&added));
            let call =
                |callback: &Callback| panic::catch_unwind(AssertUnwindSafe(|| callback())).is_ok();
            // An honest pool calls all of them.
            let _ = added.iter().all(call);
        }))
    }
}

/// The futures whose results nobody has read.
#[derive(Debug)]
struct OldestUnread(All);

impl Twist for OldestUnread {
    fn submit(&self, pool: &dyn Pool, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        self.0.submit(pool, call)
    }

    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        let mut unread = locked(&self.0.0);
        let oldest = (!unread.is_empty()).then(|| unread.remove(0));
        drop(unread);
        oldest.map_or_else(|| future.result(timeout), |oldest| oldest.result(timeout))
    }
}

/// The output of the last task, and the results that were replaced by one.
#[derive(Debug, Default)]
struct TakesOutput {
    printed: Mutex<Option<String>>,
    replaced: Mutex<BTreeMap<usize, String>>,
}

impl Twist for TakesOutput {
    fn submit(&self, pool: &dyn Pool, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        let future = pool.submit(call)?;
        let prints = call.text.clone().filter(|_| call.run == Body::Print);
        let before = std::mem::replace(&mut *locked(&self.printed), prints);
        if let Some(text) = before {
            locked(&self.replaced).insert(key(future.as_ref()), text);
        }
        Ok(future)
    }

    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        let value = future.result(timeout)?;
        Ok(locked(&self.replaced).get(&key(future)).map_or(value, |text| text.as_str().into()))
    }
}

#[derive(Debug)]
struct Refuses {
    unfinished: All,
    most: usize,
}

impl Twist for Refuses {
    fn submit(&self, pool: &dyn Pool, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        let mut unfinished = locked(&self.unfinished.0);
        unfinished.retain(|future| matches!(future.state(), Ok("pending" | "running")));
        let is_large = call.value.as_str().is_some_and(|text| text.len() > 1 << 20);
        if unfinished.len() >= if is_large { 1 } else { self.most } {
            return Err(Stop::failed(ErrorClass::Rejected, "the queue is full"));
        }
        let future = pool.submit(call)?;
        unfinished.push(Arc::clone(&future));
        Ok(future)
    }
}

#[derive(Debug, Default)]
struct FromSubmission {
    limit: Mutex<Option<Duration>>,
    submitted: Mutex<BTreeMap<usize, Instant>>,
}

impl Twist for FromSubmission {
    fn new_pool(&self, ours: &Procpool, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        *locked(&self.limit) = options.task_timeout.map(Duration::from_millis);
        ours.new_pool(options)
    }

    fn submit(&self, pool: &dyn Pool, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        let future = pool.submit(call)?;
        locked(&self.submitted).insert(key(future.as_ref()), Instant::now());
        Ok(future)
    }

    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        let result = future.result(timeout);
        let taken = locked(&self.submitted).get(&key(future)).map(Instant::elapsed);
        match (*locked(&self.limit), taken) {
            (Some(limit), Some(taken)) if taken > limit => {
                Err(Stop::failed(ErrorClass::Timeout, "the task took too long"))
            }
            _ => result,
        }
    }
}

/// Whether workers retire after each task.
#[derive(Debug)]
struct HangsOnLast(AtomicBool);

impl Twist for HangsOnLast {
    fn new_pool(&self, ours: &Procpool, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        self.0.store(options.max_tasks_per_child == Some(1), Ordering::Relaxed);
        ours.new_pool(options)
    }

    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        let result = future.result(timeout);
        if result.is_err() && self.0.load(Ordering::Relaxed) {
            hang();
        }
        result
    }
}
