//! What the pool makes of its server: the process that forks workers, where the start method has one.
//!
//! Owns what the manager waits for from the server (that it gets ready, or that it starts a worker:
//! one thing at a time), how long, and the workers of which it has to say how they ended. What the
//! server says is read by `procpool_launch`. Runs under the pool's lock; blocks nowhere.
//!
//! Whose fault a death is:
//!
//! 1. The server ends, and with it, by the kernel, its workers.
//! 2. The poller tells the end of a worker first, which would be the cause. ***That would be wrong***,
//!    were it not that a worker of a server is gone only when the server has said how it ended.
//! 3. The server's own end is told: that is the cause, and no word is expected any more.
//!
//! Where dead workers are replaced, so is a server: its workers end with it, their tasks are tried again
//! or fail as the policy says, and the next worker that is needed starts another server. One that ends
//! before it has done what was asked of it counts as a failed start. A copy of the program
//! (`StartMethod::Fork`) cannot be made again, so its end is that of the pool.

use std::time::{Duration, Instant};

use procpool_launch::WorkerExit;
use procpool_launch::{NotForkable, Notice, Phase, StartError};
use procpool_link::WorkerLink;

use super::Pool;
use super::state::PoolState;
use super::stderr::Captured;
use super::wakes::Wakes;
use crate::error::{Activity, BrokenCause};
use crate::failure::decode_panic;
use crate::lifecycle::{DeathPolicy, ExitReason};

/// The number of the server with the poller: no worker's, whose serials are counted from 0.
pub(super) const SERVER: u64 = u64::MAX - 1;

/// How long to wait for word of how a worker ended that is known to have. The server says it within
/// microseconds; only one that was stopped does not. Longer delays the news of such a death; shorter
/// loses exit statuses on a machine that stands still.
const WORD_GRACE: Duration = Duration::from_secs(1);

/// What is expected of the server.
#[derive(Debug, Default)]
pub(super) struct Expected {
    /// Whether it is to get ready, or to start a worker.
    answer: bool,
    /// Until when, unless `start_timeout` is beyond all times.
    deadline: Option<Instant>,
    /// Workers that have ended, and until when it is to say how.
    words: Vec<(u64, Instant)>,
    /// The worker that was asked for, which may exist and is not in the pool yet.
    arrival: Option<Arrival>,
    /// Why the server was given up: the cause of its end.
    cause: Option<BrokenCause>,
    /// What the system has refused the server, which ends over it.
    refused: Option<String>,
}

/// What the pool knows of a worker that is being started.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) serial: u64,
    pub(super) id: usize,
    pub(super) stderr: Option<Captured>,
}

impl Expected {
    /// Whether a worker can be started, as far as the server is concerned.
    pub(super) fn allows_start(&self) -> bool {
        !self.answer
    }

    /// Whether there may be a worker that is not in the pool yet.
    pub(super) fn owes_worker(&self) -> bool {
        self.arrival.is_some()
    }

    /// When [`attend_server`](PoolState::attend_server) has work.
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

impl Pool {
    /// Whether another server is started when one has ended.
    fn replaces_server(&self) -> bool {
        let replaces = matches!(self.settings.policies.death_policy, DeathPolicy::Replace { .. });
        replaces && self.settings.starter.lock().is_some_and(|server| !server.is_copy())
    }
}

impl PoolState {
    /// The server was started, or asked for a worker: nothing else is asked of it before it answers.
    pub(super) fn expect_answer(&mut self, pool: &Pool, arrival: Arrival, wakes: &mut Wakes) {
        let Some(mut server) = pool.settings.starter.lock() else { return };
        if let Err(errno) = server.watch(&pool.poller, SERVER) {
            server.end(&pool.poller);
            let error = StartError { what: "an epoll registration", errno };
            return self.break_pool(pool, error.into(), wakes);
        }
        self.expected.answer = true;
        self.expected.arrival = server.owes_worker().then_some(arrival);
        self.expected.deadline = Instant::now().checked_add(pool.settings.policies.start_timeout);
    }

    /// Handles what the server has said, and its end.
    pub(super) fn on_server_event(&mut self, pool: &Pool, wakes: &mut Wakes) {
        // Before what it has said is read: so nothing is missed of what it said before it ended.
        let ended = pool.settings.starter.lock().is_some_and(|server| server.has_ended());
        // One at a time: its lock is not held while the pool acts on it.
        let next = || pool.settings.starter.lock()?.next_notice(&pool.poller);
        while let Some(news) = next() {
            self.on_news_of_server(pool, news, wakes);
        }
        let reap = || pool.settings.starter.lock()?.reap(&pool.poller);
        if ended && let Some((pid, ended, phase)) = reap() {
            let copy = pool.settings.starter.lock().is_some_and(|server| server.is_copy());
            let (exit, activity) = (ended.exit, activity_in(phase));
            let refused = self.expected.refused.take();
            let died = BrokenCause::ServerDied { pid, exit, activity, refused, copy };
            let cause = self.expected.cause.take().unwrap_or(died);
            self.on_server_ended(pool, cause, wakes);
        }
    }

    /// The server is gone, and its workers with it.
    fn on_server_ended(&mut self, pool: &Pool, cause: BrokenCause, wakes: &mut Wakes) {
        let was_asked = std::mem::take(&mut self.expected.answer);
        self.expected.answered();
        self.workers.iter_mut().for_each(|worker| worker.process.lost_forkserver());
        if !pool.replaces_server() {
            self.break_pool(pool, cause, wakes);
        } else if self.broken.is_none() {
            // They have no tasks, and their failure to start is the server's.
            for worker in self.workers.iter_mut().filter(|worker| worker.is_coming()) {
                drop(worker.kill(ExitReason::Died(WorkerExit::WithServer)));
            }
            if was_asked {
                self.start_failed(pool, cause, wakes);
            } else {
                wakes.warn_later(format!("another server is started when it is needed: {cause}"));
            }
            // Nothing says that the system is full.
            (self.start_again, self.wake) = (None, true);
        }
        for (serial, _) in std::mem::take(&mut self.expected.words) {
            self.on_word(pool, serial, wakes);
        }
    }

    fn on_news_of_server(&mut self, pool: &Pool, news: Notice<WorkerLink>, wakes: &mut Wakes) {
        match news {
            Notice::Ready => self.expected.answered(),
            Notice::Failed(pid, why) => self.break_pool(pool, cause_of(pid, why), wakes),
            Notice::Started(serial, started) => {
                let arrival = self.expected.arrival.take();
                self.expected.answered();
                let Some(arrival) = arrival.filter(|arrival| arrival.serial == serial) else {
                    // Nobody has asked for it: it ends when its link is closed.
                    return;
                };
                match pool.adopt(arrival, *started) {
                    Ok(worker) => self.add_worker(worker),
                    Err(error) => self.on_start_error(pool, error, wakes),
                }
            }
            Notice::StartFailed(error) => {
                self.expected.answered();
                self.on_start_error(pool, error, wakes);
            }
            // Its end follows.
            Notice::GivesUp(refused) => self.expected.refused = Some(refused),
            Notice::Ended(serial, ended) => {
                if let Some(index) = self.index_of(serial) {
                    self.workers[index].process.exit_reported(ended);
                    self.on_word(pool, serial, wakes);
                }
            }
        }
    }

    /// A worker could not be started, for a reason of the system's.
    pub(super) fn on_start_error(&mut self, pool: &Pool, error: StartError, wakes: &mut Wakes) {
        self.start_failed(pool, error.into(), wakes);
    }

    /// Waits for word of how a worker ended that is known to have.
    pub(super) fn expect_word(&mut self, pool: &Pool, index: usize) {
        let worker = &mut self.workers[index];
        if pool.settings.starter.lock().is_some() {
            // It has ended, so it is late for nothing.
            worker.deadline = None;
            pool.poller.remove(&worker.process);
            self.expected.words.push((worker.serial, Instant::now() + WORD_GRACE));
            self.wake = true;
        }
    }

    /// There is word of how a worker ended, or none to be had.
    fn on_word(&mut self, pool: &Pool, serial: u64, wakes: &mut Wakes) {
        self.expected.words.retain(|(other, _)| *other != serial);
        if let Some(index) = self.index_of(serial) {
            self.on_process_ended(pool, index, wakes);
        }
    }

    /// Gives up a server that is late.
    pub(super) fn attend_server(&mut self, pool: &Pool, now: Instant, wakes: &mut Wakes) {
        if self.expected.deadline.is_some_and(|deadline| now >= deadline) {
            self.expected.deadline = None;
            // Its end is told as any other; until then it may owe a worker.
            let late = pool.settings.starter.lock().and_then(|server| {
                server.kill();
                server.identity()
            });
            if let Some((pid, phase)) = late {
                let timeout = pool.settings.policies.start_timeout;
                let activity = activity_in(phase);
                let cause = BrokenCause::ServerTimeout { pid, timeout, activity };
                if pool.replaces_server() {
                    self.expected.cause = Some(cause);
                } else {
                    self.break_pool(pool, cause, wakes);
                }
            }
        }
        while let Some((serial, _)) =
            self.expected.words.iter().find(|(_, until)| now >= *until).copied()
        {
            if let Some(index) = self.index_of(serial) {
                self.workers[index].process.expect_no_exit_report();
            }
            self.on_word(pool, serial, wakes);
        }
    }
}

/// What a server does in this phase.
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
