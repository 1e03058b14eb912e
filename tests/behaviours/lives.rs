//! The lives of workers: pools, notes of workers, and the events of a pool.

use std::path::Path;
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal};
use procpool::{
    Builder, DeathPolicy, Event, EventKind, Events, ExitReason, ProcessPoolExecutor, WorkerInfo,
};
use procpool_testkit::crossing::{Places, cross};
use procpool_testkit::trace::{self, Record};
use procpool_testkit::watch;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Longer than any test takes: for limits that must not be reached.
pub(crate) const NEVER: Duration = Duration::from_secs(3600);

/// Short enough to be waited for: for limits that must be reached.
pub(crate) const SHORT: Duration = Duration::from_millis(20);

pub(crate) fn builder(max_workers: usize) -> Builder {
    crate::builder().max_workers(max_workers)
}

/// A pool that replaces dead workers, and retries their tasks `retries` times.
pub(crate) fn replacing(max_workers: usize, retries: u32) -> ProcessPoolExecutor {
    replacing_builder(max_workers, retries).build().expect("a pool can be made")
}

pub(crate) fn replacing_builder(max_workers: usize, retries: u32) -> Builder {
    builder(max_workers).death_policy(DeathPolicy::Replace { retries })
}

/// Takes a note, in a task or any other code in a worker.
pub(crate) fn note((path, what): (String, String)) -> u32 {
    trace::append(&path, what);
    std::process::id()
}

/// The notes, in their order: pid and text.
pub(crate) fn notes(path: &str) -> Vec<(u32, String)> {
    let records: Vec<Record<String>> = trace::read(Path::new(path));
    records.into_iter().map(|record| (record.pid, record.event)).collect()
}

/// The number of notes `what`.
pub(crate) fn count(path: &str, what: &str) -> usize {
    notes(path).iter().filter(|(_, noted)| noted == what).count()
}

/// The next event for which `wanted` returns a value.
pub(crate) fn await_event<T>(events: &mut Events, wanted: impl Fn(EventKind) -> Option<T>) -> T {
    loop {
        let event = events.next_timeout(watch::HANG).expect("it happens");
        if let Some(found) = wanted(event.kind) {
            return found;
        }
    }
}

/// Waits for the next start of a worker.
pub(crate) fn await_start(events: &mut Events) -> WorkerInfo {
    await_event(events, |kind| match kind {
        EventKind::WorkerStarted(worker) => Some(worker),
        _ => None,
    })
}

/// Waits for the next exit of a worker.
pub(crate) fn await_exit(events: &mut Events) -> (WorkerInfo, ExitReason) {
    await_event(events, exit_in)
}

fn exit_in(kind: EventKind) -> Option<(WorkerInfo, ExitReason)> {
    match kind {
        EventKind::WorkerExited(worker, reason) => Some((worker, reason)),
        _ => None,
    }
}

/// The exits of all workers, of a pool that has been or is being dropped.
pub(crate) fn exits(events: Events) -> Vec<ExitReason> {
    events.filter_map(|event: Event| exit_in(event.kind)).map(|(_, reason)| reason).collect()
}

/// Makes its process ignore SIGTERM.
pub(crate) fn refuse_sigterm() {
    SigSet::from(Signal::SIGTERM).thread_block().expect("a signal can be blocked");
}

/// An initializer or finalizer that reports its arrival, and waits to be released.
pub(crate) fn stop_at(places: Places) {
    cross(places);
}

/// Waits forever.
pub(crate) fn park() {
    loop {
        std::thread::park();
    }
}

/// Looks until `is_so`, now and then: others need the CPU. The watchdog ends an endless wait.
pub(crate) fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// Random numbers that can be repeated, by the seed that it prints.
pub(crate) fn random() -> StdRng {
    let given = std::env::var("POLICIES_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| rand::rng().next_u64());
    println!("POLICIES_SEED={seed}");
    StdRng::seed_from_u64(seed)
}
