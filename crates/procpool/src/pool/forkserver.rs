//! The pool's side of its forkserver: the process that forks workers, if the start method has one.
//!
//! Owns what the manager awaits from the forkserver (that it becomes ready or starts a worker; one
//! thing at a time), for how long, and the workers whose exit the forkserver has to report.
//! `procpool_launch` reads the forkserver's messages. Runs under the pool's lock; never blocks.
//!
//! Which death is the cause:
//!
//! 1. The forkserver ends, and the kernel ends its workers with it.
//! 2. The poller reports the end of a worker first, which would be taken for the cause. ***That is
//!    wrong.*** The rule against it: a forkserver's worker counts as gone only once the forkserver has
//!    reported how it ended.
//! 3. The end of the forkserver is reported: that is the cause, and no exit report is awaited any more.
//!
//! If dead workers are replaced, so is a forkserver: its workers end with it, their tasks are retried
//! or fail as the policy says, and the next worker that is needed starts another forkserver. A forkserver
//! that ends before it has done what was asked of it counts as a failed start. A copy of the
//! program (`StartMethod::Fork`) cannot be made again, so its end is the end of the pool.

use std::time::{Duration, Instant};

use procpool_launch::{Forkserver, NotForkable, Notice, Phase, StartError, WorkerExit};
use procpool_link::ParentEnd;

use super::context::{Arrival, Context};
use super::state::PoolState;
use super::wakes::Wakes;
use super::worker::Worker;
use crate::error::{Activity, BrokenCause};
use crate::failure::decode_panic;
use crate::lifecycle::{DeathPolicy, ExitReason};

/// The forkserver's number with the poller. No worker has it: their serials count up from 0.
pub(super) const FORKSERVER: u64 = u64::MAX - 1;

/// How long to wait for the exit report of a worker that is known to have ended. The forkserver sends
/// it within microseconds unless it was stopped. Longer delays the handling of such a death;
/// shorter loses exit statuses on a stalled machine.
const WORD_GRACE: Duration = Duration::from_secs(1);

/// The replies that the manager awaits from the forkserver.
#[derive(Debug, Default)]
pub(super) struct Expected {
    /// Whether the forkserver is to become ready, or to start a worker.
    answer: bool,
    /// The deadline for that; `None` if `start_timeout` is beyond what the clock can represent.
    deadline: Option<Instant>,
    /// Workers that have ended, and until when their exit report is awaited.
    words: Vec<(u64, Instant)>,
    /// The requested worker, which may exist without being in the pool yet.
    arrival: Option<Arrival>,
    /// Why the forkserver was given up: the cause of its end.
    cause: Option<BrokenCause>,
    /// The system's refusal because of which the forkserver ends.
    refused: Option<String>,
}

impl Expected {
    /// Whether the forkserver's state allows a worker to be started.
    pub(super) fn allows_start(&self) -> bool {
        !self.answer
    }

    /// Whether a worker may exist that is not in the pool yet.
    pub(super) fn owes_worker(&self) -> bool {
        self.arrival.is_some()
    }

    /// When [`check_forkserver`](PoolState::check_forkserver) has work next.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.words.iter().map(|(_, until)| *until).chain(self.deadline).min()
    }

    /// Moves every deadline by `late`.
    pub(super) fn move_on(&mut self, late: Duration) {
        self.deadline = self.deadline.and_then(|deadline| deadline.checked_add(late));
        self.words.iter_mut().for_each(|(_, until)| *until += late);
    }

    fn answered(&mut self) {
        (self.answer, self.deadline, self.arrival) = (false, None, None);
    }
}

impl Context {
    /// Whether a forkserver that has ended is replaced by another one.
    fn replaces_forkserver(&self) -> bool {
        let replaces = matches!(self.settings.policies.death_policy, DeathPolicy::Replace { .. });
        replaces && self.settings.starter.lock().is_some_and(|forkserver| !forkserver.is_copy())
    }
}

impl PoolState {
    /// Notes that the forkserver was started, or asked for a worker: nothing else is requested until it
    /// answers.
    pub(super) fn expect_answer(&mut self, cx: &Context, arrival: Arrival, wakes: &mut Wakes) {
        let Some(mut forkserver) = cx.settings.starter.lock() else { return };
        if let Err(errno) = forkserver.watch(&cx.poller, FORKSERVER) {
            forkserver.end(&cx.poller);
            let error = StartError { what: "an epoll registration", errno };
            return self.break_pool(cx, BrokenCause::from_start_error(error), wakes);
        }
        self.expected.answer = true;
        self.expected.arrival = forkserver.owes_worker().then_some(arrival);
        self.expected.deadline = Instant::now().checked_add(cx.settings.policies.start_timeout);
    }

    /// Handles the forkserver's messages, and its end.
    pub(super) fn on_forkserver_event(&mut self, cx: &Context, wakes: &mut Wakes) {
        // Checked before its messages are read, so that none sent before its end is missed.
        let ended = cx.settings.starter.lock().is_some_and(|forkserver| forkserver.has_ended());
        // One at a time: its lock is not held while the pool handles a message.
        let next = || cx.settings.starter.lock()?.next_notice(&cx.poller);
        while let Some(news) = next() {
            self.on_notice(cx, news, wakes);
        }
        let reap = || cx.settings.starter.lock()?.reap(&cx.poller);
        if ended && let Some((pid, ended, phase)) = reap() {
            let is = |kind: fn(&Forkserver<ParentEnd>) -> bool| {
                cx.settings.starter.lock().is_some_and(|forkserver| kind(&forkserver))
            };
            let (exit, activity, copy) = (ended.exit, activity_in(phase), is(Forkserver::is_copy));
            let refused = self.expected.refused.take();
            let died = match refused {
                Some(what) if is(Forkserver::is_elsewhere) => BrokenCause::HostsLost(what),
                refused => BrokenCause::ForkserverDied { pid, exit, activity, refused, copy },
            };
            let cause = self.expected.cause.take().unwrap_or(died);
            self.on_forkserver_ended(cx, cause, wakes);
        }
    }

    /// The forkserver is gone, and its workers with it.
    fn on_forkserver_ended(&mut self, cx: &Context, cause: BrokenCause, wakes: &mut Wakes) {
        let was_asked = std::mem::take(&mut self.expected.answer);
        self.expected.answered();
        self.workers.iter_mut().for_each(|worker| worker.process.lost_forkserver());
        if !cx.replaces_forkserver() {
            self.break_pool(cx, cause, wakes);
        } else if self.broken.is_none() {
            // They have no tasks, and their failure to start is the forkserver's.
            for worker in self.workers.iter_mut().filter(|worker| worker.is_starting()) {
                drop(worker.kill(ExitReason::Died(WorkerExit::WithForkserver)));
            }
            if was_asked {
                self.start_failed(cx, cause, wakes);
            } else {
                wakes.warn_later(format!(
                    "another forkserver is started when it is needed: {cause}"
                ));
            }
            if cx.settings.policies.start_backoff.is_none() {
                // Nothing indicates that the system is full.
                self.alarm.allow_starts();
            }
        }
        for (serial, _) in std::mem::take(&mut self.expected.words) {
            self.on_word(cx, serial, wakes);
        }
    }

    fn on_notice(&mut self, cx: &Context, news: Notice<ParentEnd>, wakes: &mut Wakes) {
        match news {
            Notice::Ready => self.expected.answered(),
            Notice::Failed(pid, why) => self.break_pool(cx, cause_of(pid, why), wakes),
            Notice::Started(serial, started) => {
                let arrival = self.expected.arrival.take();
                self.expected.answered();
                let Some(arrival) = arrival.filter(|arrival| arrival.serial == serial) else {
                    // Not the requested worker: it exits when its link is closed.
                    return;
                };
                match Worker::adopt(cx, arrival, *started) {
                    Ok(worker) => self.add_worker(worker),
                    Err(error) => self.on_start_error(cx, error, wakes),
                }
            }
            Notice::StartFailed(error) => {
                self.expected.answered();
                self.on_start_error(cx, error, wakes);
            }
            // The forkserver ends next.
            Notice::GivesUp(refused) => self.expected.refused = Some(refused),
            Notice::Ended(serial, ended) => {
                if let Some(index) = self.index_of(serial) {
                    self.workers[index].process.exit_reported(ended);
                    self.on_word(cx, serial, wakes);
                }
            }
        }
    }

    /// Handles a worker that could not be started because the system refused something.
    pub(super) fn on_start_error(&mut self, cx: &Context, error: StartError, wakes: &mut Wakes) {
        self.start_failed(cx, BrokenCause::from_start_error(error), wakes);
    }

    /// Awaits the exit report of a worker that is known to have ended.
    pub(super) fn expect_word(&mut self, cx: &Context, index: usize) {
        let worker = &mut self.workers[index];
        if cx.settings.starter.lock().is_some() {
            // It has ended, so it can no longer be late.
            worker.deadline = None;
            cx.poller.remove(&worker.process);
            self.expected.words.push((worker.serial, Instant::now() + WORD_GRACE));
        }
    }

    /// A worker's exit report has arrived, or never will.
    fn on_word(&mut self, cx: &Context, serial: u64, wakes: &mut Wakes) {
        self.expected.words.retain(|(other, _)| *other != serial);
        if let Some(index) = self.index_of(serial) {
            self.on_process_ended(cx, index, wakes);
        }
    }

    /// Gives up a late forkserver.
    pub(super) fn check_forkserver(&mut self, cx: &Context, now: Instant, wakes: &mut Wakes) {
        if self.expected.deadline.is_some_and(|deadline| now >= deadline) {
            self.expected.deadline = None;
            // Its end is reported like any other; until then it may owe a worker.
            let late = cx.settings.starter.lock().and_then(|forkserver| {
                forkserver.kill();
                forkserver.identity()
            });
            if let Some((pid, phase)) = late {
                let timeout = cx.settings.policies.start_timeout;
                let activity = activity_in(phase);
                let cause = BrokenCause::ForkserverTimeout { pid, timeout, activity };
                if cx.replaces_forkserver() {
                    self.expected.cause = Some(cause);
                } else {
                    self.break_pool(cx, cause, wakes);
                }
            }
        }
        while let Some((serial, _)) =
            self.expected.words.iter().find(|(_, until)| now >= *until).copied()
        {
            if let Some(index) = self.index_of(serial) {
                self.workers[index].process.expect_no_exit_report();
            }
            self.on_word(cx, serial, wakes);
        }
    }
}

/// The activity of a forkserver in this phase.
fn activity_in(phase: Phase) -> Activity {
    match phase {
        Phase::Absent | Phase::Starting => Activity::Starting,
        Phase::Preloading => Activity::Preloading,
        Phase::Ready | Phase::Gone => Activity::Idle,
    }
}

fn cause_of(pid: u32, why: NotForkable) -> BrokenCause {
    match why {
        NotForkable::Panicked(report) => {
            BrokenCause::PreloadPanicked { pid, panic: decode_panic(&report) }
        }
        NotForkable::ThreadsBefore(threads) => BrokenCause::ThreadsBeforeInit { pid, threads },
        NotForkable::ThreadsAfter(threads) => BrokenCause::PreloadLeftThreads { pid, threads },
    }
}
