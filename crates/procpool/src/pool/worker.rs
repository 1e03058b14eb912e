//! One worker, as the pool sees it.
//!
//! Owns its process, its link and the tasks that it has. Everything else that is known of a worker
//! belongs to the file with the rule: `stage`, `bells`, `affinity`, `ahead`, `limits`, `retirement`,
//! `broadcast`.
//!
//! A ready worker is busy if anything is in flight, otherwise idle. Two workers that have run the
//! initializer never share a slot. A worker is removed from the pool when its process descriptor
//! reports its end and it is reaped or, if it cannot be killed, when it is left behind.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use nix::sys::signal::Signal;
use procpool_capture::Captured;
use procpool_launch::{HostName, Killed, PERHAPS, Process, StartError, Started, set_oom_score};
use procpool_link::ParentEnd;

use super::ahead::Pace;
use super::bells::Bells;
use super::block::Slice;
use super::context::{Arrival, Context};
use super::limits::Limits;
use super::retirement::Service;
use super::settings::Settings;
use super::stage::Stage;
use super::wakes::Wakes;
use crate::chunk_source::ChunkCall;
use crate::error::Activity;
use crate::future::{Outcome, SharedFuture};
use crate::lifecycle::{ExitReason, WorkerInfo, WorkerState};

/// Calls that a worker has. Their indices on the link are consecutive, starting at `index`.
#[derive(Debug)]
pub(super) struct InFlight {
    pub(super) index: u64,
    pub(super) calls: Slice,
}

/// A worker process.
#[derive(Debug)]
pub(super) struct Worker {
    /// Unique in its pool, unlike the pid.
    pub(super) serial: u64,
    /// Which of the pool's slots it has: its number for users.
    pub(super) slot: usize,
    pub(super) pid: u32,
    pub(super) process: Process,
    /// Its host, if that is not this one.
    pub(super) host: Option<HostName>,
    /// Whether its process leads a group that includes whatever its tasks start.
    pub(super) leads_group: bool,
    ignores_sigterm: bool,
    pub(super) link: ParentEnd,
    /// Its stderr, if that is captured.
    pub(super) stderr: Option<Captured>,
    stage: Stage,
    /// Sent but not finished, in the order of their indices.
    pub(super) in_flight: VecDeque<InFlight>,
    /// Calls that wait for it, to be sent when it is idle: strict ones, and those of broadcasts.
    pub(super) reserved: VecDeque<Slice>,
    /// The last keys that it had, the last one first.
    pub(super) keys: VecDeque<u64>,
    /// The beginning of the next result, if that arrives in two frames.
    pub(super) part: Vec<u8>,
    /// Whether the socket has ended.
    pub(super) link_ended: bool,
    /// How many of its reports were read.
    pub(super) reports: u64,
    /// Whether its last words, which follow all its reports, were read.
    pub(super) has_last_words: bool,
    /// The index and the work item of the task that it ran when its calls were taken away.
    given_up: Option<(u64, u64)>,
    pub(super) bells: Bells,
    pub(super) pace: Pace,
    pub(super) limits: Limits,
    pub(super) service: Service,
    /// The number of the first step before its tasks that it was not sent.
    pub(super) next_step: u64,
    /// At the last pulse: the first unfinished task, and how many bytes of results had been read.
    pub(super) at_pulse: Option<(u64, u64)>,
    /// The worker's own count of busy nanoseconds at the last read.
    pub(super) busy_nanos: u64,
    /// Whether the system refused to kill it: if its lifeline does not end it, nobody waits for it.
    pub(super) left_alone: bool,
    /// When the pool takes the next step against it: it has not said Hello; it has not exited after
    /// Exit, SIGTERM, its last words or the end of its link; or it could not be killed.
    pub(super) deadline: Option<Instant>,
}

impl Worker {
    /// Takes on a process that has just started, and registers it with the poller; all or nothing.
    pub(super) fn adopt(
        cx: &Context,
        arrival: Arrival,
        started: Started<ParentEnd>,
    ) -> Result<Self, StartError> {
        let worker = Self::new(arrival, started, &cx.settings);
        let watched = cx
            .poller
            .add(&worker.process, worker.process_number())
            .and_then(|()| cx.poller.add(&worker.link, worker.link_number()))
            .map_err(|errno| StartError { what: "an epoll registration", errno });
        let score = cx.settings.policies.oom_score_adj;
        let scored = |score| set_oom_score(worker.pid, &worker.process, score);
        if let Err(error) = watched.and_then(|()| score.map_or(Ok(()), scored)) {
            worker.unwatch(cx);
            worker.process.end();
            return Err(error);
        }
        Ok(worker)
    }

    fn new(arrival: Arrival, started: Started<ParentEnd>, settings: &Settings) -> Self {
        let Arrival { serial, slot, stderr } = arrival;
        let policies = &settings.policies;
        let Started { pid, process, link, host } = started;
        Self {
            serial,
            slot,
            pid,
            process,
            host,
            leads_group: settings.surroundings.process_groups,
            ignores_sigterm: settings.ignores_group_signals,
            link,
            stderr,
            stage: Stage::Starting,
            in_flight: VecDeque::new(),
            reserved: VecDeque::new(),
            keys: VecDeque::new(),
            part: Vec::new(),
            link_ended: false,
            reports: 0,
            has_last_words: false,
            given_up: None,
            bells: Bells::default(),
            pace: Pace::default(),
            limits: Limits::new(),
            service: Service::new(policies, serial),
            next_step: 0,
            at_pulse: None,
            busy_nanos: 0,
            left_alone: false,
            deadline: Instant::now().checked_add(policies.start_timeout),
        }
    }

    pub(super) fn stage(&self) -> Stage {
        self.stage
    }

    /// Changes its stage; the only place that does.
    pub(super) fn enter(&mut self, stage: Stage) {
        debug_assert!(stage.may_follow(self.stage), "{:?} after {:?}", stage, self.stage);
        self.stage = stage;
    }

    /// The number under which its link is registered with the poller.
    pub(super) fn link_number(&self) -> u64 {
        self.serial * 2
    }

    /// The number under which its process is registered.
    pub(super) fn process_number(&self) -> u64 {
        self.serial * 2 + 1
    }

    /// Whether it has results that nobody was rung for.
    pub(super) fn has_unseen_results(&self) -> bool {
        !self.is_watched() && self.link.has_results()
    }

    pub(super) fn info(&self) -> WorkerInfo {
        WorkerInfo { id: self.slot, pid: self.pid, host: self.host }
    }

    pub(super) fn state(&self) -> WorkerState {
        match self.stage {
            Stage::Starting | Stage::Waiting | Stage::Initializing => WorkerState::Starting,
            Stage::Ready if self.is_idle() => WorkerState::Idle,
            Stage::Ready | Stage::Dying(_) => WorkerState::Busy,
            Stage::Exiting(_) | Stage::Killed(_) => WorkerState::Leaving,
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.stage == Stage::Ready && self.in_flight.is_empty() && !self.link_ended
    }

    /// Whether it has not become ready yet.
    pub(super) fn is_starting(&self) -> bool {
        self.state() == WorkerState::Starting
    }

    /// How many calls it has.
    pub(super) fn calls(&self) -> usize {
        self.in_flight.iter().map(|in_flight| in_flight.calls.len()).sum()
    }

    /// Whether tasks wait behind the running one.
    pub(super) fn has_backlog(&self) -> bool {
        match self.in_flight.front() {
            Some(first) => self.in_flight.len() > 1 || first.calls.len() > 1,
            None => false,
        }
    }

    /// The index of its first unfinished task.
    pub(super) fn front(&self) -> Option<u64> {
        self.in_flight.front().map(|in_flight| in_flight.index)
    }

    /// Whether it has sent reports that were not read.
    #[inline]
    pub(super) fn has_reports(&self) -> bool {
        self.link.reports_sent() > self.reports && !self.has_last_words
    }

    /// The work item of the task with this index, if it has it or ran it when it was given up.
    pub(super) fn work_item(&self, index: u64) -> Option<u64> {
        let of = |in_flight: &InFlight| {
            let position = index.checked_sub(in_flight.index)?;
            (position < in_flight.calls.len() as u64).then(|| in_flight.calls.id() + position)
        };
        let given_up = self.given_up.filter(|(task, _)| *task == index);
        self.in_flight.iter().find_map(of).or(given_up.map(|(_, work_item)| work_item))
    }

    /// The chunk that its first unfinished task runs, if that is one of a map.
    pub(super) fn front_chunk(&self) -> Option<&Arc<ChunkCall>> {
        self.in_flight.front()?.calls.chunk()
    }

    /// The index of the task of `future`, if this worker has it.
    pub(super) fn index_of(&self, future: &SharedFuture) -> Option<u64> {
        self.in_flight.iter().find_map(|in_flight| {
            let mut futures = in_flight.calls.futures();
            let position = futures.position(|theirs| std::ptr::eq(&**theirs, future))?;
            Some(in_flight.index + position as u64)
        })
    }

    /// Settles the first unfinished task.
    pub(super) fn finish_front(&mut self, outcome: Outcome, wakes: &mut Wakes) {
        let Some(first) = self.in_flight.front_mut() else { return };
        if let Some(future) = first.calls.first() {
            wakes.finish(future, outcome);
        }
        if let Some(chunk) = first.calls.chunk() {
            chunk.pass_on();
        }
        first.calls.skip_first();
        first.index += 1;
        if first.calls.len() == 0
            && let Some(InFlight { calls, .. }) = self.in_flight.pop_front()
            && let Some(memory) = calls.into_memory()
        {
            self.link.reuse(memory);
        }
    }

    /// Removes the calls from index `first` on and those that are reserved, which the worker will not run.
    /// Those among them that only it may run stay reserved.
    pub(super) fn split_in_flight(&mut self, first: u64) -> Vec<Slice> {
        let (mut kept, mut unclaimed) = (VecDeque::new(), VecDeque::new());
        for InFlight { index, mut calls } in std::mem::take(&mut self.in_flight) {
            let before = usize::try_from(first.saturating_sub(index)).unwrap_or(usize::MAX);
            let stay = calls.split_to(before.min(calls.len()));
            if stay.len() > 0 {
                kept.push_back(InFlight { index, calls: stay });
            }
            if calls.len() > 0 {
                // A pinned call was not counted when it was sent.
                self.note_uncounted(if calls.is_pinned() { 0 } else { calls.len() });
                unclaimed.push_back(calls);
            }
        }
        unclaimed.append(&mut self.reserved);
        let (pinned, taken): (Vec<_>, _) = unclaimed.into_iter().partition(Slice::is_pinned);
        (self.in_flight, self.reserved) = (kept, pinned.into());
        taken
    }

    /// Takes all its calls away: returns claimed and unclaimed ones apart.
    pub(super) fn split_claimed(&mut self) -> (VecDeque<InFlight>, Vec<Slice>) {
        let claimed = self.link.take_back();
        // An impossible claim word says nothing: then every task is in doubt.
        let not_started = self.split_in_flight(claimed.unwrap_or(u64::MAX));
        (self.take_in_flight(), not_started)
    }

    /// Takes all its calls away but those that only it may run and that it was not sent. It may have sent
    /// reports of the first.
    pub(super) fn take_in_flight(&mut self) -> VecDeque<InFlight> {
        let first = self.in_flight.front().map(|first| (first.index, first.calls.id()));
        self.given_up = first.or(self.given_up);
        let reserved = self.split_in_flight(u64::MAX);
        self.in_flight.extend(reserved.into_iter().map(|calls| InFlight { index: 0, calls }));
        std::mem::take(&mut self.in_flight)
    }

    /// Removes it from the poller. The caller also nudges a thread that watches its link: that wait
    /// must end even if another process holds the worker's end.
    pub(super) fn unwatch(&self, cx: &Context) {
        cx.poller.remove(&self.process);
        if !self.link_ended {
            cx.poller.remove(&self.link);
        }
    }

    pub(super) fn activity(&mut self) -> Activity {
        match self.stage {
            Stage::Starting | Stage::Waiting => Activity::Starting,
            Stage::Initializing => Activity::Initializing,
            Stage::Dying(id) => Activity::Running(id),
            Stage::Ready => match self.in_flight.front() {
                // Its own record of its claims is trusted for this purpose only.
                Some(first) if self.link.first_unclaimed() != Ok(first.index) => {
                    let work_item = first.calls.id();
                    match first.calls.chunk().map(|chunk| chunk.next_item()) {
                        Some(next) => {
                            let item = next.saturating_add(self.link.undrafted() as u64);
                            let item = u32::try_from(item).unwrap_or(u32::MAX);
                            Activity::RunningItem { work_item, item }
                        }
                        None => Activity::Running(work_item),
                    }
                }
                Some(first) => Activity::Receiving(first.calls.id()),
                None => Activity::Idle,
            },
            Stage::Exiting(_) | Stage::Killed(_) => Activity::Idle,
        }
    }

    /// Kills its process group, if it leads one. It is not reaped yet: it is in the pool, and the
    /// pool's lock is held.
    pub(super) fn kill_group(&self) {
        if self.leads_group {
            self.process.kill_group(self.pid);
        }
    }

    /// Kills the process and returns its work. The process is reaped when its descriptor reports
    /// its end. The first reason stays.
    pub(super) fn kill(&mut self, reason: ExitReason) -> VecDeque<InFlight> {
        self.kill_group();
        self.left_alone = self.process.kill() == Killed::Perhaps;
        self.deadline = self.left_alone.then(|| Instant::now() + PERHAPS);
        self.give_up(reason)
    }

    /// Sends the process SIGTERM, with `deadline` to exit; otherwise like [`kill`](Self::kill). A
    /// process that already has a deadline keeps it. One that ignores SIGTERM is killed.
    pub(super) fn terminate(
        &mut self,
        reason: ExitReason,
        deadline: Option<Instant>,
    ) -> VecDeque<InFlight> {
        if self.ignores_sigterm {
            return self.kill(reason);
        }
        self.process.signal(Signal::SIGTERM);
        if !matches!(self.stage, Stage::Killed(_)) {
            self.deadline = deadline;
        }
        self.give_up(reason)
    }

    fn give_up(&mut self, reason: ExitReason) -> VecDeque<InFlight> {
        if !matches!(self.stage, Stage::Killed(_)) {
            self.enter(Stage::Killed(reason));
        }
        self.nudge();
        self.take_in_flight()
    }
}
