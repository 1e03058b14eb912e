//! Functions that every worker runs: those that take tasks now, and each later one before its first
//! task.
//!
//! Owns the *pinned* calls of each worker, which no other worker may run, and the list of functions
//! for later workers.
//!
//! ```text
//!             ┌─ of a worker that takes tasks: pinned ──is idle──▶ in flight ──▶ result ─┐
//! broadcast ──┤                                   ◀──taken back──                        ▼
//!             │                                                 all there: the future settles
//!             └─ standing ──in each worker that does not take tasks yet──▶ Initialize ──▶ Ready
//! ```
//!
//! - A worker takes tasks from the moment at which it becomes ready, and both parts of a broadcast
//!   happen in one change under the pool's lock: a worker that is starting then gets the function
//!   from the list, once.
//! - A pinned call is sent when its worker has nothing in flight, before anything else, and nothing
//!   is sent behind its current work until then. So the worker runs it before every task that is
//!   submitted later, and in the order of the broadcasts.
//! - Wherever calls are taken back from a worker, a pinned one waits for the same worker again. It
//!   fails if the worker dies while it runs it, is never retried, and does not count for
//!   `max_tasks_per_child`. One that its worker never starts is cancelled, or has the error of the
//!   worker's death: whoever replaces the worker runs the function anew, from the list.
//! - For a worker that starts, the function is one more initializer, and fails like one.
//! - The list keeps the last call of each function. So it has at most as many entries as the
//!   program has such functions.
//!
//! The name is that of rayon's `ThreadPool::broadcast`, whose threads, too, run the function after
//! their own work. Its threads are always there; later workers are this pool's addition.

use std::sync::Arc;

use bytes::Bytes;
use procpool_link::{Entry, Frame, Payload};

use super::Pool;
use super::block::{Callee, Slice};
use super::context::Context;
use super::stage::Stage;
use super::state::PoolState;
use super::wakes::Wakes;
use super::worker::Worker;
use crate::codec;
use crate::error::{CodecStep, Error};
use crate::future::{Body, SharedFuture};
use crate::lifecycle::WorkerInfo;

/// A broadcast that some worker has not finished: its calls and its future.
pub(super) type Awaited = (Vec<(WorkerInfo, Arc<SharedFuture>)>, Arc<SharedFuture>);

/// The value of a broadcast's future: each result as its worker has encoded it.
type EncodedResults = Vec<(WorkerInfo, Result<Vec<u8>, Error>)>;

/// What a worker runs before its first task: a number that grows, the function, its arguments.
pub(super) type Standing = (u64, Entry, Bytes);

impl Pool {
    /// Has every worker run a function: by `callee` in those that take tasks, by `later` in others.
    /// Returns the future of the results.
    ///
    /// # Errors
    ///
    /// The pool is broken or shut down.
    pub(crate) fn broadcast(
        &self,
        callee: Callee,
        later: Entry,
        arguments: Bytes,
    ) -> Result<Arc<SharedFuture>, Error> {
        let inbox = &self.context.inbox;
        self.enter(|state, _| {
            inbox.accepts()?;
            let mut calls = Vec::new();
            for worker in state.workers.iter_mut().filter(|worker| worker.takes_tasks()) {
                let future = SharedFuture::new();
                calls.push((worker.info(), Arc::clone(&future)));
                let call = Slice::pinned(inbox.next_id(), callee, arguments.clone(), future);
                worker.pinned.push(call);
            }
            calls.sort_by_key(|(worker, _)| worker.id);
            let number = state.standing.last().map_or(1, |(last, ..)| last + 1);
            state.standing.retain(|(_, entry, _)| *entry != later);
            state.standing.push((number, later, arguments));
            let future = SharedFuture::new();
            // It stands for several calls, and cannot be cancelled.
            let _ = future.mark_sent();
            state.broadcasts.push((calls, Arc::clone(&future)));
            Ok(future)
        })?
    }
}

impl PoolState {
    /// Sends each idle worker its next pinned call. Called at the beginning of each dispatch.
    pub(super) fn send_pinned(&mut self, cx: &Context, wakes: &mut Wakes) {
        // Most pools have none.
        let looked_at = if self.broadcasts.is_empty() { 0 } else { self.workers.len() };
        for index in 0..looked_at {
            let worker = &mut self.workers[index];
            if worker.is_idle() && !worker.pinned.is_empty() {
                let call = worker.pinned.remove(0);
                worker.report_at_once();
                worker.note_uncounted(1);
                let sent = self.send_run(index, call);
                self.check(cx, index, sent, wakes);
            }
        }
    }

    /// Settles the broadcasts that every worker has finished. Called at the end of each dispatch.
    pub(super) fn settle_broadcasts(&mut self, wakes: &mut Wakes) {
        let is_over = |(calls, _): &mut Awaited| calls.iter().all(|(_, call)| call.is_settled());
        for (calls, future) in self.broadcasts.extract_if(.., is_over) {
            let result = |call: Arc<SharedFuture>| call.outcome().map(|result| result.to_vec());
            let calls = calls.into_iter().map(|(worker, call)| (worker, result(call)));
            let (results, mut bytes): (EncodedResults, _) = (calls.collect(), Vec::new());
            let encoded = codec::encode(&results, &mut bytes, CodecStep::EncodeResult);
            let encoded = encoded.map(|()| Body::from(Payload::Large(bytes)));
            wakes.settle(&future, encoded.map_err(|error| Box::new(Error::Codec(*error))));
        }
    }

    /// Has a worker run the next thing before its first task: the initializer, or the function of a
    /// broadcast. After the last one it takes tasks.
    pub(super) fn initialize_next(&mut self, cx: &Context, index: usize, wakes: &mut Wakes) {
        let worker = &mut self.workers[index];
        let mut steps = self.standing.iter();
        let Some((number, entry, arguments)) = steps.find(|step| step.0 >= worker.next_step) else {
            return self.become_ready(cx, index, wakes);
        };
        worker.next_step = number + 1;
        worker.enter(Stage::Initializing);
        let sent = worker.link.send(Frame::Initialize { entry: *entry }, arguments);
        let sent = sent.and_then(|()| worker.link.publish());
        self.check(cx, index, sent, wakes);
    }
}

impl Worker {
    /// Whether it may be sent another task. One that asks to be replaced claims none.
    fn takes_tasks(&self) -> bool {
        self.stage() == Stage::Ready && !self.link_ended && !self.link.wants_replacement()
    }

    /// Fails the pinned calls that it will not start.
    pub(super) fn fail_pinned(&mut self, error: &Error, wakes: &mut Wakes) {
        self.pinned.drain(..).for_each(|call| call.fail(error, wakes));
    }
}
