//! The lives of workers: pools, notes that workers take, and the story of a pool.

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

/// Longer than any test takes: for limits that are not to be reached.
pub(crate) const NEVER: Duration = Duration::from_secs(3600);

/// Short enough to be waited for: for limits that are to be reached.
pub(crate) const SHORT: Duration = Duration::from_millis(20);

pub(crate) fn builder(max_workers: usize) -> Builder {
    crate::builder().max_workers(max_workers)
}

/// A pool that replaces dead workers, and tries their tasks again so often.
pub(crate) fn replacing(max_workers: usize, retries: u32) -> ProcessPoolExecutor {
    let policy = DeathPolicy::Replace { retries };
    builder(max_workers).death_policy(policy).build().expect("a pool can be made")
}

/// Takes a note, as a task or anything else that runs in a worker.
pub(crate) fn note((path, what): (String, String)) -> u32 {
    trace::append(&path, what);
    std::process::id()
}

/// The notes that were taken, in their order: who, and what.
pub(crate) fn notes(path: &str) -> Vec<(u32, String)> {
    let records: Vec<Record<String>> = trace::read(Path::new(path));
    records.into_iter().map(|record| (record.pid, record.event)).collect()
}

/// How often `what` was noted.
pub(crate) fn count(path: &str, what: &str) -> usize {
    notes(path).iter().filter(|(_, noted)| noted == what).count()
}

/// The next event that `wanted` makes something of.
pub(crate) fn await_event<T>(events: &mut Events, wanted: impl Fn(EventKind) -> Option<T>) -> T {
    loop {
        let event = events.next_timeout(watch::HANG).expect("it happens");
        if let Some(found) = wanted(event.kind) {
            return found;
        }
    }
}

/// Waits for the next worker that is started.
pub(crate) fn await_start(events: &mut Events) -> WorkerInfo {
    await_event(events, |kind| match kind {
        EventKind::WorkerStarted(worker) => Some(worker),
        _ => None,
    })
}

/// Waits for the next worker that ends.
pub(crate) fn await_exit(events: &mut Events) -> (WorkerInfo, ExitReason) {
    await_event(events, exit_in)
}

fn exit_in(kind: EventKind) -> Option<(WorkerInfo, ExitReason)> {
    match kind {
        EventKind::WorkerExited(worker, reason) => Some((worker, reason)),
        _ => None,
    }
}

/// How every worker ended, of a pool that is gone or goes.
pub(crate) fn exits(events: Events) -> Vec<ExitReason> {
    events.filter_map(|event: Event| exit_in(event.kind)).map(|(_, reason)| reason).collect()
}

/// Makes the process that runs it deaf to SIGTERM.
pub(crate) fn refuse_sigterm() {
    SigSet::from(Signal::SIGTERM).thread_block().expect("a signal can be blocked");
}

/// An initializer or finalizer that says that it has arrived, and waits to be let go.
pub(crate) fn stop_at(places: Places) {
    cross(places);
}

/// Waits for ever.
pub(crate) fn park() {
    loop {
        std::thread::park();
    }
}

/// Looks until `is_so`. The watchdog ends what never is.
pub(crate) fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        std::thread::yield_now();
    }
}

/// Chance that can be repeated: by the seed that it prints.
pub(crate) fn random() -> StdRng {
    let given = std::env::var("POLICIES_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| rand::rng().next_u64());
    println!("POLICIES_SEED={seed}");
    StdRng::seed_from_u64(seed)
}
