//! How the pool reacts to events: frames and lost links.
//!
//! Owns the meaning of every frame. `ends` handles the end of a process, and `lateness` what did not
//! happen; `dispatch` and `state` have the rules that follow from a change (which worker gets the
//! next task, when the pool breaks). Runs under the pool's lock.

use std::io;
use std::time::{Duration, Instant};

use procpool_link::Scribbled;
use procpool_link::{Frame, Hello, Payload, Progress, ResultStatus, VERSION};
use procpool_os::image::ImageIdentity;

use super::context::Context;
use super::forkserver::FORKSERVER;
use super::stage::Stage;
use super::state::PoolState;
use super::wakes::Wakes;
use super::worker::{InFlight, Worker};
use crate::error::{Activity, BrokenCause, CodecStep, Error};
use crate::failure::{Failure, decode_failure};
use crate::future::Body;
use crate::lifecycle::{DeathPolicy, ExitReason};

/// How long a worker may take to exit after its link has ended. An exiting process closes its
/// descriptors microseconds before it is gone; only one that closes the link and keeps running is
/// late. Longer delays that discovery; shorter could blame a worker on a stalled machine.
const LINK_LOST_GRACE: Duration = Duration::from_millis(500);

/// How many threads of a worker may report at once before some of their reports are read a moment later.
const MANY_THREADS: u64 = 64;

/// The shortest time that a call is assumed to take, in nanoseconds.
const LEAST_NANOS: u64 = 50;

impl PoolState {
    /// Handles the events of the poller.
    pub(super) fn on_events(&mut self, cx: &Context, numbers: &[u64], wakes: &mut Wakes) {
        numbers.iter().for_each(|number| self.on_event(cx, *number, wakes));
    }

    fn on_event(&mut self, cx: &Context, number: u64, wakes: &mut Wakes) {
        if number == FORKSERVER {
            return self.on_forkserver_event(cx, wakes);
        }
        // A worker that is gone leaves no valid events behind: serials are not reused.
        let Some(index) = self.index_of(number / 2) else { return };
        if number == self.workers[index].process_number() {
            self.on_process_ended(cx, index, wakes);
        } else {
            self.read_news(cx, index, wakes);
            self.read_results(cx, index, wakes);
        }
    }

    /// Reads and settles the results that a worker has sent. Returns whether there were any or the
    /// worker was given up. Removes no worker from the pool and dispatches nothing: the caller
    /// dispatches once it has read everything.
    pub(super) fn read_results(&mut self, cx: &Context, index: usize, wakes: &mut Wakes) -> bool {
        let read = self.read_whole_results(cx, index, wakes);
        let worker = &mut self.workers[index];
        worker.link.wake_worker();
        worker.nudge();
        match read {
            Ok(settled) => {
                self.retire_if_due(cx, index, settled, wakes);
                // After one turn of a long result the manager looks again later: it holds the lock
                // for one turn only.
                let has_more = self.workers[index].has_unseen_results();
                self.alarm.note_unreported(has_more);
                settled
            }
            Err(what) => {
                self.on_nonsense(cx, index, what, wakes);
                true
            }
        }
    }

    /// Like `read_results`; the error says what was wrong.
    fn read_whole_results(
        &mut self,
        cx: &Context,
        index: usize,
        wakes: &mut Wakes,
    ) -> Result<bool, String> {
        let (mut settled, mut calls, mut read_news) = (0, 0, false);
        loop {
            let worker = &mut self.workers[index];
            if worker.link.fill().map_err(|error| said(&error))? != Progress::Frame {
                break;
            }
            // Reports of a task precede its result. Those of the result that was found are there now.
            if worker.has_reports() && !std::mem::replace(&mut read_news, true) {
                self.read_news(cx, index, wakes);
                continue;
            }
            read_news = false;
            let is_task = worker.front_chunk().is_none();
            if worker.on_result(wakes)? {
                settled += 1;
                calls += u64::from(is_task);
            }
        }
        let worker = &mut self.workers[index];
        let busy = worker.link.busy_nanos();
        if calls > 0 && calls == settled {
            let each = busy.wrapping_sub(worker.busy_nanos) / calls;
            self.task_nanos = each.max(self.task_nanos / 2).max(LEAST_NANOS);
        }
        worker.busy_nanos = busy;
        worker.note_results(settled > 0);
        Ok(settled > 0)
    }

    /// Reads and handles what a worker has sent through its socket, and no reports that it sends
    /// meanwhile. Removes no worker from the pool.
    pub(super) fn read_news(&mut self, cx: &Context, index: usize, wakes: &mut Wakes) {
        let worker = &self.workers[index];
        // Each thread may have sent one that is not counted yet.
        let most = worker.link.reports_sent().max(worker.reports).saturating_add(MANY_THREADS);
        loop {
            let worker = &mut self.workers[index];
            if worker.link_ended {
                return;
            }
            match worker.link.fill_news(worker.reports <= most) {
                Ok(Progress::Frame) => self.on_news(cx, index, wakes),
                Ok(Progress::Pending) => return,
                Ok(Progress::Ended { .. }) => return self.on_link_ended(cx, index, wakes),
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    self.on_link_ended(cx, index, wakes);
                    return self.on_nonsense(cx, index, said(&error), wakes);
                }
                // ECONNRESET: the worker ended with one of our frames unread.
                Err(_) => return self.on_link_ended(cx, index, wakes),
            }
        }
    }

    fn on_news(&mut self, cx: &Context, index: usize, wakes: &mut Wakes) {
        let worker = &mut self.workers[index];
        let received = worker.link.news();
        let frame = received.frame();
        let payload = received.payload.into_vec();
        match (frame, worker.stage()) {
            (Ok(Frame::Report { index: task }), _) => {
                worker.reports = worker.reports.saturating_add(1);
                let (receipt, work_item) = (worker.link.receipt(), worker.work_item(task));
                let hooks = &cx.settings.policies.hooks;
                wakes.queue_hook(hooks.report(worker.info(), work_item, payload, receipt));
            }
            // Sent by a killed worker before it died.
            (_, Stage::Killed(_)) => {}
            // The caller reads results in any case.
            (Ok(Frame::Bell), _) => {}
            (Ok(Frame::Skipped { from, to }), Stage::Ready) => {
                let is_sent = from < to && to <= worker.link.sent();
                if !is_sent || (from..to).any(|index| worker.work_item(index).is_some()) {
                    self.on_nonsense(cx, index, said(&Scribbled), wakes);
                }
            }
            (Ok(Frame::Skipped { .. }), Stage::Dying(_) | Stage::Exiting(_)) => {}
            (Ok(Frame::Hello(hello)), Stage::Starting) => {
                self.on_hello(cx, index, hello, wakes);
            }
            (Ok(Frame::Ready), Stage::Initializing) => self.initialize_next(cx, index, wakes),
            (Ok(Frame::InitializerFailed), stage @ (Stage::Starting | Stage::Initializing)) => {
                let Ok(failure) = postcard::from_bytes(&payload) else {
                    let what = "sent an initializer failure that cannot be decoded".to_owned();
                    return self.on_nonsense(cx, index, what, wakes);
                };
                let cause = initializer_cause(worker.pid, failure);
                // Its exit handlers may take a while, and their effects no longer matter.
                worker.kill(ExitReason::InitializerFailed);
                let breaks = cx.settings.policies.death_policy == DeathPolicy::Break;
                if stage == Stage::Initializing && breaks {
                    return self.break_pool(cx, cause, wakes);
                }
                self.start_failed(cx, cause, wakes);
            }
            (
                Ok(Frame::ResultItem { index: task, status: ResultStatus::LastWords }),
                Stage::Ready,
            ) => {
                // Results that it finished before are in the ring, and their reports were read.
                worker.has_last_words = true;
                self.read_results(cx, index, wakes);
                self.on_last_words(cx, index, task, &payload, wakes);
            }
            (Ok(frame), _) => {
                let what = format!("sent a frame out of turn: {frame:.80?}");
                self.on_nonsense(cx, index, what, wakes);
            }
            (Err(malformed), _) => self.on_nonsense(cx, index, said(&malformed), wakes),
        }
    }

    fn on_last_words(
        &mut self,
        cx: &Context,
        index: usize,
        task: u64,
        payload: &[u8],
        wakes: &mut Wakes,
    ) {
        let worker = &mut self.workers[index];
        let given = worker.give_draft(wakes).is_ok();
        let (Activity::Running(id) | Activity::RunningItem { work_item: id, .. }) =
            worker.activity()
        else {
            let what = "reported the failure of a task that it did not run".to_owned();
            return self.on_nonsense(cx, index, what, wakes);
        };
        if worker.stage() != Stage::Ready || worker.front() != Some(task) {
            let what = format!("reported the failure of task {task}, which it did not run");
            return self.on_nonsense(cx, index, what, wakes);
        }
        // The items that it has not started run elsewhere.
        let rest = given.then(|| worker.split_front_chunk(cx)).flatten();
        worker.finish_front(Err(Box::new(decode_failure(payload))), wakes);
        // The worker runs nothing more.
        self.take_back(cx, index, wakes);
        self.requeue(rest.into_iter().collect());
        let worker = &mut self.workers[index];
        if worker.stage() != Stage::Ready {
            return;
        }
        worker.enter(Stage::Dying(id));
        // A SIGABRT handler may do anything, but not forever.
        let grace = cx.settings.policies.grace.max(LINK_LOST_GRACE);
        worker.deadline = Instant::now().checked_add(grace);
        worker.note_last_task(task);
        worker.nudge();
    }

    fn on_hello(&mut self, cx: &Context, index: usize, hello: Hello, wakes: &mut Wakes) {
        let worker = &mut self.workers[index];
        let ImageIdentity { device, inode } = ImageIdentity::current();
        let problem = if hello.pid != worker.pid {
            "is not the process that was started: does the program fork before init()?"
        } else if (hello.version, hello.device, hello.inode) != (VERSION, device, inode) {
            "is another program: /proc/self/exe is not this one, as under an interpreter or emulator"
        } else {
            worker.enter(Stage::Waiting);
            worker.deadline = None;
            return self.admit(cx, index, wakes);
        };
        self.on_nonsense(cx, index, problem.to_owned(), wakes);
    }

    pub(super) fn on_nonsense(
        &mut self,
        cx: &Context,
        index: usize,
        what: String,
        wakes: &mut Wakes,
    ) {
        let worker = &mut self.workers[index];
        let pid = worker.pid;
        let is_starting = worker.is_starting();
        let (mut in_doubt, not_started) = worker.split_claimed();
        // Nothing that it sends from here on counts, including its task's result.
        drop(worker.kill(ExitReason::Killed));
        match cx.settings.policies.death_policy {
            DeathPolicy::Replace { .. } if is_starting => {
                self.start_failed(cx, BrokenCause::Protocol { pid, what }, wakes);
            }
            DeathPolicy::Replace { retries } => {
                let error = Error::Protocol { pid, what };
                self.redistribute(in_doubt, not_started, &error, retries, wakes);
            }
            DeathPolicy::Break => {
                let calls = not_started.into_iter().map(|calls| InFlight { index: 0, calls });
                in_doubt.extend(calls);
                self.break_pool_over(cx, BrokenCause::Protocol { pid, what }, in_doubt, wakes);
            }
        }
    }

    /// The link has ended: the process should exit at once. Tasks that it has not started go to
    /// other workers.
    fn on_link_ended(&mut self, cx: &Context, index: usize, wakes: &mut Wakes) {
        let worker = &mut self.workers[index];
        if !worker.link_ended {
            worker.link_ended = true;
            cx.poller.remove(&worker.link);
            // A worker that was asked to exit, or killed, has its own deadline.
            if !matches!(worker.stage(), Stage::Exiting(_) | Stage::Killed(_)) {
                worker.deadline = Some(Instant::now() + LINK_LOST_GRACE);
            }
            // A task that it was receiving may be the cause: that counts as a delivery once it has
            // ended.
            if worker.stage() == Stage::Ready
                && matches!(worker.activity(), Activity::Running(_) | Activity::RunningItem { .. })
            {
                self.take_back(cx, index, wakes);
            }
        }
    }
}

fn initializer_cause(pid: u32, failure: Failure) -> BrokenCause {
    match failure {
        Failure::Returned(message) => BrokenCause::InitializerFailed { pid, message },
        Failure::Panicked(panic) => BrokenCause::InitializerPanicked { pid, panic },
        Failure::Codec(error) => BrokenCause::InitargsLost { pid, error },
        Failure::OutOfMemory(bytes) => {
            let what = format!(
                "has no memory for its initargs, {bytes} bytes: see the limits of the process (`ulimit \
                 -v`) and of its cgroup (`memory.max`)"
            );
            BrokenCause::Protocol { pid, what }
        }
        Failure::Setup(what) => {
            BrokenCause::Protocol { pid, what: format!("could not set itself up: {what}") }
        }
    }
}

/// The description of invalid bytes from a worker.
pub(super) fn said(problem: &impl std::fmt::Display) -> String {
    format!("sent {problem}")
}

impl Worker {
    /// Handles the result that was read. Returns whether a task has settled; the error says what was
    /// wrong with the result.
    fn on_result(&mut self, wakes: &mut Wakes) -> Result<bool, String> {
        let front = self.front();
        let stage = self.stage();
        let received = self.link.frame();
        let frame = received.frame();
        match (frame, stage) {
            (_, Stage::Killed(_)) => Ok(false),
            (Ok(Frame::ResultItem { index, status }), Stage::Ready) if front == Some(index) => {
                let part = std::mem::take(&mut self.part);
                let outcome = match (received.payload, status) {
                    (payload, ResultStatus::Part) => {
                        self.part = payload.into_vec();
                        return Ok(false);
                    }
                    (Payload::Lost(bytes), _) => {
                        let (step, bytes) = (CodecStep::DecodeResult, bytes as u64);
                        Err(Box::new(Error::OutOfMemory { step, bytes }))
                    }
                    (payload, ResultStatus::Value) if part.is_empty() => Ok(Body::from(payload)),
                    (payload, ResultStatus::Value) => {
                        Ok(Body::from(Payload::Large([&part[..], &payload].concat())))
                    }
                    (payload, _) => Err(Box::new(decode_failure(&payload))),
                };
                if let (Ok(result), Some(chunk)) = (&outcome, self.front_chunk()) {
                    chunk.measure(result);
                }
                self.finish_front(outcome, wakes);
                Ok(true)
            }
            (Ok(frame), _) => Err(format!("sent a frame out of turn: {frame:.80?}")),
            (Err(malformed), _) => Err(said(&malformed)),
        }
    }
}
