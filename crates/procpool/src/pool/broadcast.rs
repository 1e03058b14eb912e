//! Functions that every worker runs: those that take tasks now, and each later one before its first
//! task.
//!
//! Owns the *pinned* calls, which a certain worker runs or none, and the list of functions for later
//! workers.
//!
//! ```text
//!             ┌─ of a worker that takes tasks: reserved ──is idle──▶ in flight ──▶ result ─┐
//! broadcast ──┤                                     ◀──taken back──                        ▼
//!             │                                                   all there: the future settles
//!             └─ standing ──in each worker that does not take tasks yet──▶ Initialize ──▶ Ready
//! ```
//!
//! - A worker takes tasks from the moment at which it becomes ready, and both parts of a broadcast
//!   happen in one change under the pool's lock: a worker that is starting then gets the function
//!   from the list, once. A worker that is due takes tasks until it is relieved.
//! - A pinned call is reserved for its worker, as strict ones are (`affinity`): in the order of arrival,
//!   before all that is in the queue. So the worker runs it before every task that is submitted later.
//! - Wherever calls are taken back from a worker, a pinned one stays reserved. It fails if the worker dies
//!   while it runs it, is never retried, and does not count for `max_tasks_per_child`. One that its worker
//!   never starts is cancelled, or has the error of the worker's death: the worker that replaces it runs the
//!   function anew, from the list.
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
use super::state::{Broadcast, PoolState};
use super::wakes::Wakes;
use super::worker::Worker;
use crate::codec;
use crate::error::{CodecStep, Error};
use crate::future::{Body, SharedFuture};

impl Pool {
    /// Has every worker run a function: by `entry` in those that take tasks, by `first` in later ones. Returns
    /// the future of the results.
    ///
    /// # Errors
    ///
    /// The pool is broken or shut down.
    pub(crate) fn broadcast(
        &self,
        entry: Entry,
        first: Entry,
        arguments: Bytes,
    ) -> Result<Arc<SharedFuture>, Error> {
        let inbox = &self.context.inbox;
        let callee = Callee { entry, time_limit: self.task_time_limit(), key: None };
        self.enter(|state, _| {
            inbox.accepts()?;
            let mut calls = Vec::new();
            // One that asks to be replaced starts nothing more.
            let takes_tasks = |worker: &&mut Worker| {
                worker.stage() == Stage::Ready && !worker.link.wants_replacement()
            };
            for worker in state.workers.iter_mut().filter(takes_tasks) {
                let call = SharedFuture::new();
                calls.push((worker.info(), Arc::clone(&call)));
                let call = Slice::pinned(inbox.next_id(), callee, arguments.clone(), call);
                worker.reserved.push_back(call);
            }
            calls.sort_by_key(|(worker, _)| worker.id);
            state.standing.retain(|(_, entry, _)| *entry != first);
            state.standing.push((inbox.next_id(), first, arguments));
            let future = SharedFuture::new();
            // It stands for several calls, and cannot be cancelled.
            let _ = future.mark_sent();
            state.broadcasts.push((calls, Arc::clone(&future)));
            Ok(future)
        })?
    }
}

impl PoolState {
    /// Settles the broadcasts that every worker has finished. Called at the end of each dispatch.
    pub(super) fn settle_broadcasts(&mut self, wakes: &mut Wakes) {
        let is_over = |(calls, _): &mut Broadcast| calls.iter().all(|(_, call)| call.is_settled());
        for (calls, future) in self.broadcasts.extract_if(.., is_over) {
            // Each result as its worker has encoded it.
            let result = |call: &SharedFuture| call.outcome().map(|result| result.to_vec());
            let all: Vec<_> = calls.iter().map(|(worker, call)| (*worker, result(call))).collect();
            let mut bytes = Vec::new();
            let encoded = codec::encode(&all, &mut bytes, CodecStep::EncodeResult);
            let encoded = encoded.map(|()| Body::from(Payload::Large(bytes)));
            wakes.settle(&future, encoded.map_err(|error| Box::new(Error::Codec(*error))));
        }
    }

    /// Has a worker run the next step before its first task: the initializer, or the function of a
    /// broadcast. After the last one it takes tasks.
    pub(super) fn initialize_next(&mut self, cx: &Context, index: usize, wakes: &mut Wakes) {
        let worker = &mut self.workers[index];
        let mut steps = cx.settings.initialize.iter().chain(&self.standing);
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
    /// Fails the pinned calls that it will not start: all that is left of what was reserved for it.
    pub(super) fn fail_pinned(&mut self, error: &Error, wakes: &mut Wakes) {
        self.reserved.drain(..).for_each(|call| call.fail(error, wakes));
    }
}
