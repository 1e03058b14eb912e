//! Saboteurs that misbehave for certain values, sizes and combinations of uses only.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use procpool_contract::{Body, Call, ErrorClass, Failure, MapOptions, Outcome, Place};
use serde_json::Value;

use super::futures::{Resulting, key};
use super::ours::Procpool;
use super::starts::Options;
use super::stops::hang;
use super::tasks::Done;
use super::twist::{Lost, is_broken, locked};
use super::waits::{Completing, Waiting};
use super::{Honest, Saboteur, Twist, Twisted};
use crate::body::{initialize, run};
use crate::library::{Callback, Future, Library, Map, Pool, Stop};
use crate::wire::Wire;

macro_rules! twist {
    ($name:literal, $does:literal, $twist:expr) => {
        Saboteur { name: $name, does: $does, make: |ours| Twisted::new(ours, $twist) }
    };
}

pub(super) const ALL: &[Saboteur] = &[
    twist!(
        "has-four-workers-at-most",
        "Makes a pool with four workers if more are requested.",
        Options(|options| options.max_workers = options.max_workers.map(|count| count.min(4)))
    ),
    twist!(
        "refuses-only-minus-one",
        "Makes one worker if a negative number is requested, except for minus one.",
        Options(|options| {
            options.max_workers = options.max_workers.map(|it| if it < -1 { 1 } else { it });
        })
    ),
    twist!(
        "hides-an-error-without-a-message",
        "Returns null for a task that fails without a message.",
        Submitting(|pool, call| match is_empty_error(call) {
            true => pool.submit(&Call { run: Body::Echo, text: None, ..call.clone() }),
            false => pool.submit(call),
        })
    ),
    twist!(
        "takes-143-for-an-orderly-exit",
        "Returns null for a task that ends its worker by the code 143.",
        Submitting(|pool, call| match (call.run, call.code) {
            (Body::Die, Some(143)) => Ok(Arc::new(Done(Ok(Value::Null)))),
            _ => pool.submit(call),
        })
    ),
    twist!(
        "takes-sigalrm-for-an-orderly-exit",
        "Returns null for a task that ends its worker by SIGALRM.",
        Submitting(|pool, call| match (call.run, call.signal) {
            (Body::Die, Some(14)) => Ok(Arc::new(Done(Ok(Value::Null)))),
            _ => pool.submit(call),
        })
    ),
    twist!(
        "leaves-a-file-of-a-large-value",
        "Writes a value of a megabyte to a temporary file, and leaves that.",
        Submitting(|pool, call| {
            if call.value.as_str().is_some_and(|text| text.len() >= 1 << 20) {
                let place = std::env::temp_dir().join(format!("value-{}", call.tag));
                std::fs::write(place, "value")
                    .map_err(|error| Stop::failed(ErrorClass::Other, error))?;
            }
            pool.submit(call)
        })
    ),
    twist!(
        "loses-an-empty-variable",
        "Removes the variables of its workers that are empty.",
        Submitting(|pool, call| {
            let name = call.text.as_deref().filter(|_| call.run == Body::Getenv);
            let is_lost = name.is_some_and(|it| std::env::var(it).is_ok_and(|it| it.is_empty()));
            let run = if is_lost { Body::Echo } else { call.run };
            pool.submit(&Call { run, ..call.clone() })
        })
    ),
    twist!(
        "reads-its-environment-by-lines",
        "Keeps the first line of the variables of its workers.",
        Submitting(|pool, call| {
            let name = call.text.as_deref().filter(|_| call.run == Body::Getenv);
            let value = name.and_then(|it| std::env::var(it).ok());
            match value.as_ref().and_then(|it| it.split_once('\n')) {
                Some((line, _)) => {
                    pool.submit(&Call { run: Body::Echo, value: line.into(), ..call.clone() })
                }
                None => pool.submit(call),
            }
        })
    ),
    twist!(
        "takes-a-key-for-an-error",
        "Fails a task that returns an object with the key \"error\".",
        Resulting(|future, timeout| match future.result(timeout)? {
            Value::Object(members) if members.contains_key("error") => {
                Err(Stop::failed(ErrorClass::Task, "error"))
            }
            value => Ok(value),
        })
    ),
    twist!(
        "timeout-is-a-second-at-most",
        "Ends a wait for a result after a second.",
        Resulting(|future, timeout| {
            future.result(timeout.map(|limit| limit.min(Duration::from_secs(1))))
        })
    ),
    twist!(
        "mixes-up-like-messages",
        "Gives an error the message of an earlier one that begins with the same 64 letters.",
        LikeMessages(Mutex::default())
    ),
    twist!(
        "releases-a-large-result",
        "Returns a result of a megabyte to its first reader only.",
        Releases(Mutex::default())
    ),
    twist!(
        "cancels-nothing-after-a-timeout",
        "Cancels no task for which a wait has timed out.",
        Waited(Mutex::default())
    ),
    twist!(
        "a-cancellation-wakes-one",
        "Wakes one of several waiters for the result of a task that is cancelled.",
        WakesOne(Mutex::default())
    ),
    twist!(
        "calls-no-callback-after-an-error",
        "Does not call a callback that is added when the task has failed.",
        SilentAfterAnError
    ),
    twist!(
        "is-broken-once",
        "Reports that it is broken for one submission, and loses the tasks of later ones.",
        BrokenOnce(AtomicUsize::new(0))
    ),
    twist!(
        "wait-timeout-forgets-what-was-done",
        "Returns from a wait at its timeout with those futures as done that were so at its begin.",
        Waiting(|ours, futures, until, timeout| {
            let before = ours.wait(futures, until, Some(Duration::ZERO))?;
            let done = ours.wait(futures, until, timeout)?;
            Ok(if timeout.is_some() && done.len() < futures.len() { before } else { done })
        })
    ),
    twist!(
        "wait-sleeps-through-a-failed-encoding",
        "Never returns from a wait for a task whose argument cannot be encoded.",
        Waiting(|ours, futures, until, timeout| {
            let done = ours.wait(futures, until, timeout)?;
            if futures.iter().any(|it| has(&it.result(Some(NOW)), ErrorClass::Serialisation)) {
                hang();
            }
            Ok(done)
        })
    ),
    twist!(
        "as-completed-sleeps-through-a-death",
        "Never yields a task whose worker dies to an iteration over futures as they are done.",
        Completing(|ours, futures, timeout| {
            let completed = ours.as_completed(futures, timeout)?;
            if futures.iter().any(|future| is_broken(&future.result(Some(NOW)))) {
                hang();
            }
            Ok(completed)
        })
    ),
    twist!(
        "map-loses-a-chunk-with-a-bad-result",
        "Returns nothing for the items of a chunk in which a result cannot be encoded.",
        LosesChunks
    ),
    Saboteur {
        name: "takes-a-silent-initializers-error-for-none",
        does: "Keeps a worker whose initializer fails without a message.",
        make: |ours| {
            let keeping = |text: String| {
                let is_empty = is_empty_error(&Call::from_json(text.as_bytes())?);
                initialize(text).or_else(|error| if is_empty { Ok(()) } else { Err(error) })
            };
            Twisted::new(Procpool { initialize: keeping, ..ours }, Honest)
        },
    },
    Saboteur {
        name: "nests-four-times-at-most",
        does: "Fails the fifth task of a worker that makes a pool.",
        make: |ours| {
            let counting = |argument: Wire| {
                static NESTED: AtomicUsize = AtomicUsize::new(0);
                let nests = argument.call().run == Body::Nest;
                if nests && NESTED.fetch_add(1, Ordering::Relaxed) >= 4 {
                    panic!("too many pools");
                }
                run(argument)
            };
            Twisted::new(Procpool { run: counting, ..ours }, Honest)
        },
    },
];

const NOW: Duration = Duration::ZERO;

/// Whether a call fails without a message.
fn is_empty_error(call: &Call) -> bool {
    call.run == Body::Fail && call.text.as_deref() == Some("")
}

fn has<T>(result: &Result<T, Stop>, class: ErrorClass) -> bool {
    matches!(result, Err(Stop::Failed(failure)) if failure.class == class)
}

type Submit = fn(&dyn Pool, &Call) -> Result<Arc<dyn Future>, Stop>;

/// Submits otherwise.
#[derive(Debug)]
struct Submitting(Submit);

impl Twist for Submitting {
    fn submit(&self, pool: &dyn Pool, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        (self.0)(pool, call)
    }
}

/// The messages of errors.
#[derive(Debug)]
struct LikeMessages(Mutex<Vec<String>>);

impl Twist for LikeMessages {
    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        let failure = match future.result(timeout) {
            Err(Stop::Failed(failure)) if failure.class == ErrorClass::Task => failure,
            result => return result,
        };
        let begin = |text: &str| text.chars().take(64).collect::<String>();
        let mut seen = locked(&self.0);
        let like = seen.iter().find(|it| begin(it) == begin(&failure.message)).cloned();
        if like.is_none() && failure.message.chars().count() > 64 {
            seen.push(failure.message.clone());
        }
        let message = like.unwrap_or_else(|| failure.message.clone());
        Err(Stop::Failed(Failure { message, ..failure }))
    }
}

/// The futures that were read.
#[derive(Debug)]
struct Releases(Mutex<BTreeSet<usize>>);

impl Twist for Releases {
    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        let value = future.result(timeout)?;
        let is_large = value.as_str().is_some_and(|text| text.len() >= 1 << 20);
        let is_first = !is_large || locked(&self.0).insert(key(future));
        Ok(if is_first { value } else { Value::Null })
    }
}

/// The futures for which a wait has timed out.
#[derive(Debug)]
struct Waited(Mutex<BTreeSet<usize>>);

impl Twist for Waited {
    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        let result = future.result(timeout);
        if has(&result, ErrorClass::Timeout) {
            locked(&self.0).insert(key(future));
        }
        result
    }

    fn cancel(&self, future: &dyn Future) -> Result<bool, Stop> {
        if locked(&self.0).contains(&key(future)) { Ok(false) } else { future.cancel() }
    }
}

/// The futures that somebody waits for.
#[derive(Debug)]
struct WakesOne(Mutex<BTreeSet<usize>>);

impl Twist for WakesOne {
    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        let waits = timeout.is_none() && future.state()? == "pending";
        let is_first = !waits || locked(&self.0).insert(key(future));
        let result = future.result(timeout);
        if !is_first && has(&result, ErrorClass::Cancelled) {
            hang();
        }
        result
    }
}

#[derive(Debug)]
struct SilentAfterAnError;

impl Twist for SilentAfterAnError {
    fn add_callback(&self, future: &dyn Future, callback: Callback) -> Result<(), Stop> {
        let has_failed = future.state()? == "done" && future.result(Some(NOW)).is_err();
        if has_failed { Ok(()) } else { future.add_callback(callback) }
    }
}

/// Counts the submissions that were refused.
#[derive(Debug)]
struct BrokenOnce(AtomicUsize);

impl Twist for BrokenOnce {
    fn submit(&self, pool: &dyn Pool, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        let submitted = pool.submit(call);
        let is_refused = match &submitted {
            Ok(future) => is_broken(&future.result(Some(NOW))),
            Err(_) => is_broken(&submitted),
        };
        let before = if is_refused { self.0.fetch_add(1, Ordering::Relaxed) } else { 0 };
        if before > 0 { Ok(Arc::new(Lost)) } else { submitted }
    }
}

#[derive(Debug)]
struct LosesChunks;

impl Twist for LosesChunks {
    fn map(&self, pool: &dyn Pool, calls: Vec<Call>, options: &MapOptions) -> Result<Map, Stop> {
        let size = options.chunksize.and_then(|size| usize::try_from(size).ok()).unwrap_or(1);
        let is_bad = |calls: &[Call]| {
            calls.len() > 1 && calls.iter().any(|it| it.poison == Some(Place::EncodeResult))
        };
        let lost: Vec<bool> = calls
            .chunks(size.max(1))
            .flat_map(|chunk| std::iter::repeat_n(is_bad(chunk), chunk.len()))
            .collect();
        let items: Vec<(bool, Outcome)> = lost.into_iter().zip(pool.map(calls, options)?).collect();
        Ok(Box::new(items.into_iter().filter(|(is_lost, _)| !is_lost).map(|(_, item)| item)))
    }
}
