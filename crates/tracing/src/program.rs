//! The program's side: packets become events and spans of its subscriber.
//!
//! Owns the spans of each worker: its own, that of its task, those of its calls and those that it opened itself. Runs
//! on the thread of the pool's hooks.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use procpool::{ExitReason, Report, WorkerInfo};
use tracing::dispatcher::{self, Dispatch};
use tracing::{Event, Span, error_span, warn};
use tracing_core::span::Id;

use crate::TARGET;
use crate::call::callers;
use crate::packet::{FieldValue, Packet, Values};
use crate::site::Site;

/// See the module.
pub(crate) struct Program {
    /// The subscriber of the thread that attached this.
    subscriber: Dispatch,
    workers: Mutex<HashMap<WorkerInfo, Worker>>,
}

impl Program {
    pub(crate) fn new(subscriber: Dispatch) -> Self {
        Self { subscriber, workers: Mutex::default() }
    }

    pub(crate) fn on_report(&self, report: Report<Packet>) {
        dispatcher::with_default(&self.subscriber, || {
            let mut workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
            let new = || Worker::new(report.worker);
            let worker = workers.entry(report.worker).or_insert_with(new);
            match report.value {
                Ok(packet) => worker.on_packet(packet, report.work_item),
                Err(error) => warn!(target: TARGET, parent: &worker.own, "no record: {error}"),
            }
        });
    }

    pub(crate) fn on_exit(&self, info: WorkerInfo, reason: ExitReason) {
        use ExitReason::{Finished, Idle, InitializerFailed, Recycled, StartTimeout};
        let worker = self.workers.lock().unwrap_or_else(PoisonError::into_inner).remove(&info);
        dispatcher::with_default(&self.subscriber, || {
            if !matches!(reason, Finished | Idle | Recycled | InitializerFailed | StartTimeout) {
                let lost = "each of its threads may have lost one record";
                warn!(target: TARGET, worker = info.id, pid = info.pid, "{info} {reason}: {lost}");
            }
            drop(worker);
        });
    }
}

/// The spans of a worker.
struct Worker {
    own: Span,
    /// That of the task which recorded something last, or the worker's own.
    task: (Option<u64>, Span),
    /// Spans that the worker opened. In place of one that the subscriber does not want is its parent, and `false`.
    opened: HashMap<u64, (Span, bool)>,
}

impl Worker {
    fn new(info: WorkerInfo) -> Self {
        let own = error_span!(target: TARGET, parent: None, "worker", id = info.id, pid = info.pid);
        Self { task: (None, own.clone()), own, opened: HashMap::new() }
    }

    fn on_packet(&mut self, packet: Packet, work_item: Option<u64>) {
        match packet {
            Packet::Event { site, parent, values } => {
                inside(self.parent(parent, work_item), |parent| {
                    if let Some(metadata) = site.wanted() {
                        values.pass(metadata, |values| Event::child_of(parent, metadata, values));
                    }
                })
            }
            Packet::SpanOpened { id, site, parent, mut values } => {
                let caller = caller_in(&site, &mut values);
                let is_call = caller.is_some();
                let caller = caller.and_then(|caller| callers().get(&caller).cloned());
                let of_task = work_item.filter(|_| !is_call);
                let parent = caller.unwrap_or_else(|| self.parent(parent, of_task).clone());
                let opened = inside(&parent, |parent| {
                    let metadata = site.wanted()?;
                    Some(values.pass(metadata, |values| Span::child_of(parent, metadata, values)))
                });
                if is_call && let Some(span) = &opened {
                    span.record("work_item", work_item);
                }
                self.opened.insert(id, opened.map_or((parent, false), |span| (span, true)));
            }
            Packet::SpanRecorded { id, values } => {
                if let Some((span, true)) = self.opened.get(&id)
                    && let Some(metadata) = span.metadata()
                {
                    values.pass(metadata, |values| span.record_all(values).id());
                }
            }
            Packet::SpanClosed { id } => drop(self.opened.remove(&id)),
        }
    }

    /// Returns the span that an event or span of the worker is in: one that it opened itself, or that of its task.
    fn parent(&mut self, opened: Option<u64>, work_item: Option<u64>) -> &Span {
        if let Some((span, _)) = opened.and_then(|opened| self.opened.get(&opened)) {
            return span;
        }
        if self.task.0 != work_item {
            let span = work_item.map(
                |item| error_span!(target: TARGET, parent: &self.own, "task", work_item = item),
            );
            self.task = (work_item, span.unwrap_or_else(|| self.own.clone()));
        }
        &self.task.1
    }
}

/// Takes the caller out of the fields of a call's span, of which it is the last one. The spans of a pool in a worker
/// have none any more.
fn caller_in(site: &Site, values: &mut Values) -> Option<u64> {
    let last = site.fields.iter().rposition(|name| site.target == TARGET && name == "caller")?;
    match values.0.pop_if(|(place, _)| *place == last)? {
        (_, FieldValue::U64(caller)) => Some(caller),
        _ => None,
    }
}

/// Runs `then` with the number of `parent`, where the subscriber of `parent` is the current one.
fn inside<T>(parent: &Span, then: impl FnOnce(Option<Id>) -> T) -> T {
    match parent.with_subscriber(|(id, subscriber)| (id.clone(), subscriber.clone())) {
        Some((id, subscriber)) => dispatcher::with_default(&subscriber, || then(Some(id))),
        None => then(None),
    }
}
