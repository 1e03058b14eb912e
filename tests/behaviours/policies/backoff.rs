//! Delays between failing starts. A delay that must not end is longer than any test.

use std::path::Path;
use std::time::{Duration, SystemTime};

use procpool::{
    BrokenCause, Builder, DeathPolicy, Error, EventKind, Events, Future, ProcessPoolExecutor,
    ShutdownOptions,
};
use procpool_testkit::crossing::{Crossing, Places, cross};
use procpool_testkit::forked::report_of;
use procpool_testkit::limits::{Limit, first_free_descriptor};
use procpool_testkit::pool::cause_reported_by;
use procpool_testkit::task::{kill_self, pid};
use procpool_testkit::watch;

use crate::behaviours::lives::{
    NEVER, SHORT, await_event, await_exit, builder, count, note, until,
};

/// Short enough for many delays.
const SHORTEST: Duration = Duration::from_millis(1);

/// The file for notes, and the file of the service that the initializer needs.
type Files = (String, String);

/// An initializer that fails while its service is away.
fn connect((notes, service): Files) -> Result<(), String> {
    note((notes, "starts".to_owned()));
    if Path::new(&service).exists() { Ok(()) } else { Err("no answer".to_owned()) }
}

fn backing_off(max_workers: usize, first: Duration, max: Duration) -> Builder {
    let policy = DeathPolicy::Replace { retries: 0 };
    builder(max_workers).death_policy(policy).start_backoff(first, max)
}

/// A pool whose only task waits for a service that is away, and whose first start has failed.
struct Waiting {
    crossing: Crossing,
    executor: ProcessPoolExecutor,
    events: Events,
    future: Future<u32>,
}

impl Waiting {
    fn new(delay: Duration) -> Self {
        let crossing = Crossing::new();
        let files = (crossing.file("notes"), crossing.file("service"));
        let executor = backing_off(1, delay, delay).initializer_with_args(connect, files);
        let executor = executor.build().unwrap();
        let mut events = executor.events();
        let future = executor.submit(pid, ());
        assert_fails(&await_failure(&mut events));
        Self { crossing, executor, events, future }
    }

    fn begin_service(&self) {
        std::fs::write(self.crossing.file("service"), "").expect("the folder exists");
    }

    /// Asserts that no other worker is started: nothing happens after the first one's end.
    fn assert_no_start(&mut self) {
        await_exit(&mut self.events);
        let next = self.events.next_timeout(SHORT).map(|event| event.kind);
        assert_eq!((next, self.starts()), (None, 1));
    }

    fn starts(&self) -> usize {
        count(&self.crossing.file("notes"), "starts")
    }
}

fn await_failure(events: &mut Events) -> BrokenCause {
    await_event(events, |kind| match kind {
        EventKind::StartFailed(cause) => Some(cause),
        _ => None,
    })
}

fn assert_fails(cause: &BrokenCause) {
    let BrokenCause::InitializerFailed { message, .. } = cause else { panic!("{cause}") };
    assert_eq!(message, "no answer");
}

#[test]
fn a_failed_start_is_reported_and_delays_the_next_one() {
    watch::within(watch::HANG, || {
        let mut waiting = Waiting::new(NEVER);
        let stats = waiting.executor.stats();
        assert_eq!((stats.failed_starts, stats.queued, stats.failed), (1, 1, 0));
        let error = waiting.executor.start_workers(1).result_timeout(SHORT);
        assert_eq!(error, Err(Error::TimedOut(SHORT)), "nobody knows for how long it waits");
        waiting.assert_no_start();
        assert!(!waiting.future.done());
    });
}

#[test]
fn a_shutdown_waits_for_no_delay() {
    watch::within(watch::HANG, || {
        // The longest is no exception.
        for delay in [NEVER, Duration::MAX] {
            let mut waiting = Waiting::new(delay);
            waiting.assert_no_start();
            waiting.begin_service();
            waiting.executor.shutdown();
            assert!(waiting.future.result().is_ok());
            assert_eq!(waiting.starts(), 2);
        }
    });
}

#[test]
fn tasks_that_wait_for_a_start_fail_at_shutdown_if_starts_fail() {
    watch::within(watch::HANG, || {
        let waiting = Waiting::new(NEVER);
        waiting.executor.shutdown();
        assert_fails(&cause_reported_by(&waiting.future));
        assert_eq!(waiting.starts(), 3);
    });
}

#[test]
fn tasks_that_wait_for_a_start_can_be_cancelled_and_killed() {
    watch::within(watch::HANG, || {
        let mut waiting = Waiting::new(NEVER);
        waiting.assert_no_start();
        waiting.executor.shutdown_with(ShutdownOptions::new().cancel_futures(true));
        assert_eq!(waiting.future.result(), Err(Error::Cancelled));
        assert_eq!(waiting.starts(), 1);
        let mut waiting = Waiting::new(NEVER);
        waiting.assert_no_start();
        waiting.executor.kill_workers();
        assert_eq!(cause_reported_by(&waiting.future), BrokenCause::Killed);
        assert_eq!(waiting.starts(), 1);
    });
}

#[test]
fn waiters_for_workers_fail_with_the_cause() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let files = (crossing.file("notes"), crossing.file("service"));
        let executor = backing_off(2, NEVER, NEVER).initializer_with_args(connect, files);
        let executor = executor.build().unwrap();
        let Err(Error::WorkersNotStarted(cause)) = executor.start_workers(2).result() else {
            panic!("there is no service")
        };
        assert_fails(&cause);
    });
}

#[test]
fn a_service_that_is_away_for_long_does_not_break_the_pool() {
    watch::within(watch::HANG, || {
        // Without a longest delay the last one would be more than a minute.
        let mut waiting = Waiting::new(SHORTEST);
        (0..17).for_each(|_| assert_fails(&await_failure(&mut waiting.events)));
        assert!(waiting.executor.stats().failed_starts >= 17);
        waiting.begin_service();
        assert!(waiting.future.result().is_ok());
        assert_eq!(waiting.executor.stats().failed_starts, 0);
    });
}

#[test]
fn max_failed_starts_still_breaks_the_pool_if_it_is_set() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let notes = crossing.file("notes");
        let files = (notes.clone(), crossing.file("service"));
        let builder = backing_off(1, SHORTEST, SHORTEST).max_failed_starts(5);
        let executor = builder.initializer_with_args(connect, files).build().unwrap();
        let events = executor.events();
        assert_fails(&cause_reported_by(&executor.submit(pid, ())));
        drop(executor);
        assert_eq!(count(&notes, "starts"), 5);
        let failed = |kind: &EventKind| matches!(kind, EventKind::StartFailed(_));
        assert_eq!(events.filter(|event| failed(&event.kind)).count(), 4, "the last one broke it");
    });
}

#[test]
fn a_refusal_of_the_system_delays_the_next_start_too() {
    watch::within(watch::HANG, || {
        // A copy of this program, because the limit applies to the whole process.
        let report = report_of(|| {
            let executor = backing_off(1, SHORTEST, SHORTEST).build().unwrap();
            let mut events = executor.events();
            Limit::Descriptors.set(first_free_descriptor());
            let future = executor.submit(pid, ());
            let causes = [(); 5].map(|()| await_failure(&mut events));
            Limit::Descriptors.open();
            let refused = |cause: &BrokenCause| matches!(cause, BrokenCause::StartFailed { .. });
            format!("{}, then {}", causes.iter().all(refused), future.result().is_ok())
        });
        assert_eq!(report, "true, then true");
    });
}

/// Fails after it was let go.
fn fail_together((notes, places): (String, Places)) -> Result<(), String> {
    note((notes, "starts".to_owned()));
    cross(places);
    Err("no answer".to_owned())
}

#[test]
fn while_starts_fail_one_is_tried_after_each_delay_and_delays_double() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let args = (crossing.file("notes"), crossing.places());
        let builder = backing_off(3, SHORT, NEVER).initializer_with_args(fail_together, args);
        let executor = builder.build().unwrap();
        let mut events = executor.events();
        let futures = [(); 3].map(|()| executor.submit(pid, ()));
        crossing.wait_for(3);
        crossing.let_go(20);
        let mut times: Vec<SystemTime> = Vec::new();
        while times.len() < 7 {
            let event = events.next_timeout(watch::HANG).expect("it happens");
            if let EventKind::WorkerStarted(_) = event.kind {
                times.push(event.at);
            }
        }
        // Three before the first failure, and one after the first delay.
        for (index, pair) in times[3..].windows(2).enumerate() {
            let between = pair[1].duration_since(pair[0]).expect("nobody sets the clock");
            assert!(between >= SHORT * (2 << index), "{index}: {between:?}");
        }
        executor.kill_workers();
        assert!(futures.iter().all(Future::done));
    });
}

#[test]
fn a_delay_counts_from_the_failure_and_not_from_the_start() {
    watch::within(watch::HANG, || {
        /// Much longer than a process takes to start.
        const DELAY: Duration = Duration::from_secs(1);
        let crossing = Crossing::new();
        let args = (crossing.file("notes"), crossing.places());
        let builder = backing_off(1, DELAY, DELAY).initializer_with_args(fail_together, args);
        let executor = builder.build().unwrap();
        let mut events = executor.events();
        let future = executor.submit(pid, ());
        crossing.wait_for(1);
        // The start is longer ago than the delay when it fails.
        std::thread::sleep(2 * DELAY);
        crossing.let_go(20);
        let mut at = |wanted: fn(&EventKind) -> bool| loop {
            let event = events.next_timeout(watch::HANG).expect("it happens");
            if wanted(&event.kind) {
                return event.at;
            }
        };
        let failed = at(|kind| matches!(kind, EventKind::StartFailed(_)));
        let started = at(|kind| matches!(kind, EventKind::WorkerStarted(_)));
        let between = started.duration_since(failed).expect("nobody sets the clock");
        assert!(between >= DELAY, "{between:?}");
        executor.kill_workers();
        assert!(future.done());
    });
}

/// Every third worker gets ready.
fn fail_twice_of_three(notes: String) -> Result<(), String> {
    note((notes.clone(), "starts".to_owned()));
    if count(&notes, "starts").is_multiple_of(3) { Ok(()) } else { Err("no answer".to_owned()) }
}

#[test]
fn after_a_success_the_next_delay_is_the_first_again() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let notes = crossing.file("notes");
        // If delays only grew, the last one would be hours.
        let builder = backing_off(1, SHORTEST, Duration::MAX);
        let executor = builder.initializer_with_args(fail_twice_of_three, notes.clone());
        let executor = executor.build().unwrap();
        for round in 1..=12 {
            let dies = executor.submit(|()| kill_self(), ());
            assert!(matches!(dies.result(), Err(Error::WorkerDied(_))));
            assert_eq!(count(&notes, "starts"), 3 * round);
        }
    });
}

#[test]
fn a_success_ends_the_delay() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let args = (crossing.file("notes"), crossing.places());
        let executor = backing_off(2, NEVER, NEVER).initializer_with_args(fail_first, args);
        let executor = executor.build().unwrap();
        let mut events = executor.events();
        let futures = [(); 2].map(|()| executor.submit(cross, crossing.places()));
        await_failure(&mut events);
        assert_eq!(executor.stats().failed_starts, 1);
        // The second worker's initializer, and then both tasks, each in a worker of its own.
        crossing.wait_for(1);
        crossing.let_go(1);
        crossing.wait_for(2);
        crossing.let_go(2);
        assert!(futures.iter().all(|future| future.result().is_ok()));
    });
}

/// The first worker fails once the second one has begun, which stops at the crossing.
fn fail_first((notes, places): (String, Places)) -> Result<(), String> {
    let me = note((notes.clone(), "starts".to_owned()));
    until(|| count(&notes, "starts") > 1);
    let all = crate::behaviours::lives::notes(&notes);
    if all[0].0 == me {
        return Err("no answer".to_owned());
    }
    if all[1].0 == me {
        cross(places);
    }
    Ok(())
}

#[test]
fn a_delay_of_nothing_and_a_range_without_delays_are_refused() {
    let expected = "start_backoff must begin with more than 0, and not end with less";
    for (first, max) in [(Duration::ZERO, NEVER), (SHORT, SHORTEST)] {
        let error = backing_off(1, first, max).build().unwrap_err();
        assert_eq!(error, Error::InvalidArgument(expected.into()));
    }
}
