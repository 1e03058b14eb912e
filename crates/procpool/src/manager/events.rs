//! What the pool makes of what happens: frames, deaths, deadlines.
//!
//! Owns the meaning of every event and the patience with late workers. The rules that follow from
//! a change (who gets the next task, when the pool breaks) are `state`'s. Runs under the pool's
//! lock.

use std::time::{Duration, Instant};

use super::state::PoolState;
use super::worker::{Reader, Stage, Work, Worker};
use super::{Pool, Settled};
use crate::error::BrokenCause;
use crate::sys::image::ImageIdentity;
use crate::task::decode_failure;
use crate::wire::{
    Frame, Hello, InitializerFailure, Progress, RESULT_PAYLOAD, ResultStatus, VERSION,
};

/// How long a worker whose link has ended may take to end itself. An exiting process closes its
/// descriptors microseconds before it is gone; only one that closed the link and goes on is late.
/// Longer delays that discovery; shorter could blame a worker on a machine that stands still.
const LINK_LOST_GRACE: Duration = Duration::from_millis(500);

impl PoolState {
    /// Handles an event of the poller.
    pub(super) fn on_event(&mut self, pool: &Pool, number: u64, settled: &mut Settled) {
        // A worker that is gone has left no events behind: serials are not reused.
        let Some(index) = self.index_of(number / 2) else { return };
        if number == self.workers[index].process_number() {
            self.on_process_ended(pool, index, settled);
        } else if self.workers[index].reader == Reader::Manager {
            self.read_link(pool, index, settled);
            self.flush(pool, index);
        }
    }

    fn flush(&mut self, pool: &Pool, index: usize) {
        let worker = &mut self.workers[index];
        if worker.link.has_unsent() && worker.reader == Reader::Manager {
            let _ = worker.link.flush();
            let interest = worker.interest();
            pool.poller.modify(&worker.link, worker.link_number(), interest);
        }
    }

    /// Reads and handles every frame that a worker has sent. It removes no worker from the pool.
    pub(super) fn read_link(&mut self, pool: &Pool, index: usize, settled: &mut Settled) {
        loop {
            match self.workers[index].link.fill() {
                Ok(Progress::Frame) => self.on_frame(pool, index, settled),
                Ok(Progress::Pending) => return,
                Ok(Progress::Ended { .. }) => return self.on_link_ended(pool, index),
                Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                    self.on_link_ended(pool, index);
                    return self.on_nonsense(pool, index, format!("sent {error}"), settled);
                }
                // ECONNRESET: it ended with a frame of ours unread.
                Err(_) => return self.on_link_ended(pool, index),
            }
        }
    }

    fn on_frame(&mut self, pool: &Pool, index: usize, settled: &mut Settled) {
        let worker = &mut self.workers[index];
        let received = worker.link.frame();
        let frame = Frame::decode(received.bytes());
        match (frame, &worker.stage) {
            (Ok(Frame::Hello(hello)), Stage::Starting) => {
                self.on_hello(pool, index, hello, settled);
            }
            (Ok(Frame::Ready), Stage::Initializing) => {
                worker.stage = Stage::Idle;
                self.dispatch(pool);
            }
            // It found no room for its second thread, say: as if it had not been started.
            (Ok(Frame::InitializerFailed(failure)), Stage::Starting) => {
                let cause = initializer_cause(worker.pid, failure);
                worker.kill();
                self.start_failed(pool, cause, settled);
            }
            (Ok(Frame::InitializerFailed(failure)), Stage::Initializing) => {
                let cause = initializer_cause(worker.pid, failure);
                self.break_pool(pool, cause, settled);
            }
            (Ok(Frame::ResultItem { id, status, payload }), Stage::Busy(in_flight))
                if in_flight.id == id =>
            {
                let outcome = match status {
                    ResultStatus::Value => Ok(received.into_body(RESULT_PAYLOAD)),
                    _ => Err(decode_failure(payload)),
                };
                let next = match status {
                    ResultStatus::LastWords => Stage::Dying(id),
                    _ => Stage::Idle,
                };
                let Stage::Busy(in_flight) = std::mem::replace(&mut worker.stage, next) else {
                    return;
                };
                match in_flight.work {
                    Work::Call(future) => settled.push((future, outcome)),
                    Work::Chunk(source, number) => source.finish(number, outcome),
                }
                self.dispatch(pool);
            }
            // What a killed worker had sent before it died.
            (_, Stage::Killed) => {}
            (Ok(frame), _) => {
                let what = format!("sent a frame out of turn: {frame:.80?}");
                self.on_nonsense(pool, index, what, settled);
            }
            (Err(malformed), _) => {
                let what = format!("sent {}", malformed.0);
                self.on_nonsense(pool, index, what, settled);
            }
        }
    }

    fn on_hello(&mut self, pool: &Pool, index: usize, hello: Hello, settled: &mut Settled) {
        let worker = &mut self.workers[index];
        let ImageIdentity { device, inode } = ImageIdentity::current();
        let problem = if hello.pid != worker.pid {
            "is not the process that was started: does the program fork before init()?"
        } else if (hello.version, hello.device, hello.inode) != (VERSION, device, inode) {
            "is another program: is this one run by an interpreter or emulator?"
        } else {
            worker.deadline = None;
            match pool.settings.initialize.clone() {
                Some(frame) => {
                    worker.stage = Stage::Initializing;
                    self.send(pool, index, frame);
                }
                None => {
                    worker.stage = Stage::Idle;
                    self.dispatch(pool);
                }
            }
            return;
        };
        self.on_nonsense(pool, index, problem.to_owned(), settled);
    }

    fn on_nonsense(&mut self, pool: &Pool, index: usize, what: String, settled: &mut Settled) {
        let worker = &mut self.workers[index];
        let pid = worker.pid;
        // Nothing that it says from here on counts, its task's result included.
        let in_flight = worker.kill();
        self.break_pool_over(pool, BrokenCause::Protocol { pid, what }, in_flight, settled);
    }

    /// The link has ended: the process should follow at once.
    fn on_link_ended(&mut self, pool: &Pool, index: usize) {
        let worker = &mut self.workers[index];
        if worker.reader != Reader::Nobody {
            worker.reader = Reader::Nobody;
            pool.poller.remove(&worker.link);
            worker.deadline = Some(Instant::now() + LINK_LOST_GRACE);
            self.wake = true;
        }
    }

    /// The process has ended: takes what it had sent, reaps it, and draws the consequences.
    fn on_process_ended(&mut self, pool: &Pool, index: usize, settled: &mut Settled) {
        self.read_link(pool, index, settled);
        let Some(exit) = self.workers[index].process.reap() else { return };
        let worker = self.workers.swap_remove(index);
        worker.unwatch(pool);
        let (pid, activity) = (worker.pid, worker.activity());
        match worker.stage {
            Stage::Leaving | Stage::Killed => {}
            Stage::Starting => {
                self.start_failed(pool, BrokenCause::WorkerDied { pid, exit, activity }, settled);
            }
            stage => {
                let cause = BrokenCause::WorkerDied { pid, exit, activity };
                let in_flight = match stage {
                    Stage::Busy(in_flight) => Some(in_flight),
                    _ => None,
                };
                self.break_pool_over(pool, cause, in_flight, settled);
            }
        }
    }

    /// The next instant at which [`enforce_deadlines`](Self::enforce_deadlines) or the start of a
    /// worker has work: how long the manager may sleep.
    pub(super) fn next_deadline(&mut self, pool: &Pool) -> Option<Instant> {
        let workers = self.workers.iter().filter_map(|worker| worker.deadline).min();
        let start = self.start_again.filter(|_| self.wants_worker(pool));
        self.start_armed = start.is_some();
        [workers, start].into_iter().flatten().min()
    }

    /// Gives up workers that are late.
    pub(super) fn enforce_deadlines(&mut self, pool: &Pool, now: Instant, settled: &mut Settled) {
        let late = |worker: &Worker| worker.deadline.is_some_and(|deadline| now >= deadline);
        while let Some(index) = self.workers.iter().position(late) {
            let worker = &mut self.workers[index];
            worker.deadline = None;
            let pid = worker.pid;
            match worker.stage {
                // It has been dealt with, and only takes its time to end.
                Stage::Killed => {}
                Stage::Starting if worker.reader != Reader::Nobody => {
                    worker.kill();
                    let limit = pool.settings.start_timeout;
                    self.start_failed(pool, BrokenCause::StartTimeout { pid, limit }, settled);
                }
                _ => {
                    let what = "closed its link to the pool and went on".to_owned();
                    self.on_nonsense(pool, index, what, settled);
                }
            }
        }
    }
}

fn initializer_cause(pid: u32, failure: InitializerFailure) -> BrokenCause {
    match failure {
        InitializerFailure::Returned(message) => BrokenCause::InitializerFailed { pid, message },
        InitializerFailure::Panicked(panic) => BrokenCause::InitializerPanicked { pid, panic },
        InitializerFailure::Codec(error) => BrokenCause::InitargsLost { pid, error },
        InitializerFailure::Setup(what) => {
            BrokenCause::Protocol { pid, what: format!("could not set itself up: {what}") }
        }
    }
}
