//! How far a worker is sent ahead of the task that it runs.
//!
//! Owns what is known of each worker's progress, and the rules that follow from it: a worker that
//! has finished something since it was last fed is sent as many calls ahead as it can run in
//! [`AHEAD`], so that it need not wait for the next one to arrive. Nothing is sent behind a long
//! task, and what was sent there is taken back if another worker could run it; see `take_back`.

use std::time::Duration;

use super::state::PoolState;
use super::worker::Worker;

/// How much work a worker is sent ahead. More rings less often; less leaves less to take back, and
/// shares the end of the queue more evenly.
pub(super) const AHEAD: Duration = Duration::from_micros(500);

/// The most calls that are sent ahead, however short. More takes more memory in the ring; fewer
/// rings more often.
const MOST_AHEAD: usize = 1024;

/// The longest that chunks sent behind a running one may take. Chunks are sized to take a
/// millisecond; a longer one would wait too long if its turn were late.
const CHUNK_AHEAD: Duration = Duration::from_millis(2);

/// A worker's progress.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// How many tasks had been sent at the last tick, and the first unfinished one at that time.
    sent_at_tick: u64,
    front_at_tick: Option<u64>,
    /// Whether it has finished something since it was last sent work: if so, more may be sent
    /// ahead.
    moves: bool,
    /// The task behind which others had to be taken back: nothing is sent ahead while it runs.
    stuck_at: Option<u64>,
}

impl PoolState {
    /// How many calls of the usual length fit into `time`: at least one, and exactly one while that
    /// length is unknown.
    pub(super) fn calls_within(&self, time: Duration) -> usize {
        match self.call_nanos {
            0 => 1,
            nanos => {
                let calls = time.as_nanos() as u64 / nanos;
                usize::try_from(calls).unwrap_or(MOST_AHEAD).clamp(1, MOST_AHEAD)
            }
        }
    }
}

impl Worker {
    /// Whether it may be sent work behind its current work: as far as is known, it makes progress,
    /// and no pinned call comes first.
    pub(super) fn may_be_sent_ahead(&self) -> bool {
        self.pace.moves && !self.is_stuck() && self.pinned.is_empty()
    }

    /// How many more calls it is sent if it should have `ahead`: none until half of them are done,
    /// so that one ring serves many results, and none behind a chunk.
    pub(super) fn room_behind(&self, ahead: usize) -> usize {
        let tasks = self.tasks();
        let any_chunk = self.in_flight.iter().any(|in_flight| in_flight.calls.chunk().is_some());
        if !any_chunk && tasks <= ahead / 2 { ahead - tasks } else { 0 }
    }

    /// Whether it may be sent a chunk behind its current one.
    pub(super) fn takes_chunk_behind(&self) -> bool {
        let expected = self.front_chunk().and_then(|chunk| chunk.expected_nanos);
        let is_short = expected.is_some_and(|nanos| u128::from(nanos) <= CHUNK_AHEAD.as_nanos());
        is_short && self.in_flight.len() == 1
    }

    /// Whether it runs a long task, behind which nothing is sent.
    pub(super) fn is_stuck(&self) -> bool {
        self.pace.stuck_at.is_some()
    }

    /// Notes that its first unfinished task is a long one.
    pub(super) fn mark_stuck(&mut self) {
        self.pace.stuck_at = self.front();
    }

    /// Notes that results were read; whether any task has settled by that.
    pub(super) fn note_results(&mut self, any: bool) {
        self.pace.moves |= any;
        if self.is_stuck() && self.pace.stuck_at != self.front() {
            self.pace.stuck_at = None;
        }
    }

    /// Notes that all work there is was shared out.
    pub(super) fn note_fed(&mut self) {
        self.pace.moves = false;
    }

    /// Called at each tick: a worker that made no progress since the last one runs a long task.
    pub(super) fn note_tick(&mut self) {
        if self.front().is_some() && self.front() == self.pace.front_at_tick {
            self.mark_stuck();
        }
        self.pace.front_at_tick = self.front();
    }

    /// Whether the task with this index was sent before the last tick.
    pub(super) fn was_sent_before_tick(&self, index: u64) -> bool {
        index < self.pace.sent_at_tick
    }

    /// Called at the end of each tick.
    pub(super) fn end_tick(&mut self) {
        self.pace.sent_at_tick = self.link.sent();
    }
}
