//! A run as a whole: the lives of workers, what each ran, and what became of each task.
//!
//! Puts the log of the program and the marks of the workers together. Within a life, stages and attempts
//! follow each other: where clocks or missing events contradict that, the later one is moved.

use std::collections::{BTreeMap, HashMap};

use procpool::{Event, EventKind, ExitReason, WorkerInfo};

use crate::log::{Contents, Settled, Submission};
use crate::marks::{Kind, Mark, nanos};

/// The events of a pool, with their times.
///
/// Made by [`Recorded::finish`](crate::Recorded::finish).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    /// The process of the program.
    pub(crate) program: u32,
    /// In the order of their starts.
    pub(crate) lives: Vec<Life>,
    /// In the order of their submission.
    pub(crate) tasks: Vec<Task>,
    /// In the order of time.
    pub(crate) incidents: Vec<Incident>,
    /// When the run ended. All times are in nanoseconds since its begin.
    pub(crate) end: u64,
    /// The omissions, in words.
    pub(crate) left_out: Vec<String>,
}

/// The life of a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Life {
    pub(crate) worker: WorkerInfo,
    pub(crate) started: u64,
    pub(crate) exit: Option<ExitReason>,
    /// When it ended, or the run.
    pub(crate) ended: u64,
    /// In the order of time, without overlap.
    pub(crate) stages: Vec<Stage>,
}

/// A part of a life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stage {
    pub(crate) what: What,
    pub(crate) begin: u64,
    pub(crate) end: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// From the start of the process to the initializer, or to the first task if there is none.
    Start,
    Initializer,
    /// The task with this number.
    Attempt(usize, Ended),
    /// The finalizer, and the exit.
    Finalizer,
}

/// How an attempt to run a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Returned,
    Panicked,
    /// It had not ended when its worker did.
    WithWorker,
}

/// An attempt to run a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Attempt {
    pub(crate) begin: u64,
    pub(crate) end: u64,
    pub(crate) ended: Ended,
}

/// A task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Task {
    pub(crate) submission: Submission,
    pub(crate) submitted: u64,
    /// When it had its outcome.
    pub(crate) ended: u64,
    /// In the order of time.
    pub(crate) attempts: Vec<Attempt>,
    /// `returned`, `panicked`, `failed`, `cancelled`, `not run` or `unsettled`.
    pub(crate) outcome: &'static str,
    pub(crate) error: Option<String>,
}

/// Something that happened to the pool or to a task, outside of any worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Incident {
    pub(crate) at: u64,
    /// A word or two.
    pub(crate) name: &'static str,
    pub(crate) title: String,
}

impl Timeline {
    pub(crate) fn new(program: u32, began: u64, contents: Contents, marks: &[Mark]) -> Self {
        let since = |at: u64| at.saturating_sub(began);
        let Contents { tasks, events, more_tasks, more_events, .. } = contents;
        let settled = tasks.iter().filter_map(|task| task.settled.as_ref().map(|(at, _)| *at));
        let times = events.iter().map(|event| nanos(event.at)).chain(settled);
        let times = times.chain(tasks.iter().map(|task| task.at));
        let end = since(times.chain(marks.iter().map(|mark| mark.at)).max().unwrap_or(began));
        let mut raw = RawLives::new(&events, began);
        let more_marks = raw.add_marks(marks, tasks.len(), began);
        let lives: Vec<Life> = raw.lives.into_iter().map(|life| life.finish(end)).collect();

        let mut attempts: Vec<Vec<Attempt>> = vec![Vec::new(); tasks.len()];
        for stage in lives.iter().flat_map(|life| &life.stages) {
            if let What::Attempt(task, ended) = stage.what {
                attempts[task].push(Attempt { begin: stage.begin, end: stage.end, ended });
            }
        }
        let tasks = tasks.into_iter().zip(attempts);
        let task = |(submission, mut attempts): (Submission, Vec<Attempt>)| {
            attempts.sort_unstable_by_key(|attempt| attempt.begin);
            Task::new(submission, attempts, end, began)
        };
        let tasks: Vec<Task> = tasks.map(task).collect();
        let left_out = [(more_tasks, "tasks"), (more_events, "events"), (more_marks, "notes")];
        let left_out = left_out.iter().filter(|(count, _)| *count > 0);
        let left_out = left_out.map(|(count, what)| format!("{count} {what} are left out"));
        let incidents = events.iter().filter_map(|event| Incident::of(event, began)).collect();
        Self { program, lives, tasks, incidents, end, left_out: left_out.collect() }
    }

    /// Says how long the run took, how many workers and tasks it had, and what became of these.
    pub(crate) fn summary(&self) -> String {
        let mut outcomes = BTreeMap::new();
        self.tasks.iter().for_each(|task| *outcomes.entry(task.outcome).or_insert(0) += 1);
        let mut parts = vec![format!("{:.1} ms", self.end as f64 / 1e6)];
        parts.push(format!("{} worker processes", self.lives.len()));
        parts.push(format!("{} tasks", self.tasks.len()));
        parts.extend(outcomes.iter().map(|(outcome, count)| format!("{count} {outcome}")));
        parts.extend(self.left_out.iter().cloned());
        parts.join(", ")
    }
}

/// A life before its events are put in order.
struct RawLife {
    worker: WorkerInfo,
    started: u64,
    initializing: Option<u64>,
    ready: Option<u64>,
    exiting: Option<u64>,
    exited: Option<(u64, ExitReason)>,
    attempts: Vec<RawAttempt>,
}

/// An attempt that may not have ended by itself.
struct RawAttempt {
    task: usize,
    begin: u64,
    end: Option<(u64, Ended)>,
}

impl RawLife {
    /// Puts its stages in order.
    fn finish(self, end: u64) -> Life {
        let ended = self.exited.map_or(end, |(at, _)| at);
        let begins = [self.initializing, self.ready, self.exiting];
        let next = |first: usize| begins[first..].iter().flatten().copied().next();
        let mut stages = vec![(What::Start, self.started, next(0).unwrap_or(ended))];
        if let Some(begin) = self.initializing {
            stages.push((What::Initializer, begin, next(1).unwrap_or(ended)));
        }
        for RawAttempt { task, begin, end } in self.attempts {
            let (end, ended) = end.unwrap_or((ended, Ended::WithWorker));
            stages.push((What::Attempt(task, ended), begin, end));
        }
        if let Some(begin) = self.exiting {
            stages.push((What::Finalizer, begin, ended));
        }
        let mut free = 0;
        let stages = stages.into_iter().map(|(what, begin, end)| {
            let begin = begin.max(free);
            free = end.max(begin);
            Stage { what, begin, end: free }
        });
        let stages: Vec<Stage> = stages.collect();
        let exit = self.exited.map(|(_, reason)| reason);
        Life { worker: self.worker, started: self.started, exit, ended: ended.max(free), stages }
    }
}

/// The lives, and the last one of each pid.
struct RawLives {
    lives: Vec<RawLife>,
    of_pid: HashMap<u32, Vec<usize>>,
}

impl RawLives {
    fn new(events: &[Event], began: u64) -> Self {
        let mut this = Self { lives: Vec::new(), of_pid: HashMap::new() };
        for event in events {
            let at = nanos(event.at).saturating_sub(began);
            match event.kind {
                EventKind::WorkerStarted(worker) => {
                    this.of_pid.entry(worker.pid).or_default().push(this.lives.len());
                    this.lives.push(RawLife {
                        worker,
                        started: at,
                        initializing: None,
                        ready: None,
                        exiting: None,
                        exited: None,
                        attempts: Vec::new(),
                    });
                }
                EventKind::WorkerInitializing(worker) => {
                    this.with_last(worker, |life| life.initializing = Some(at));
                }
                EventKind::WorkerReady(worker) => {
                    this.with_last(worker, |life| life.ready = Some(at));
                }
                EventKind::WorkerExiting(worker) => {
                    this.with_last(worker, |life| life.exiting = Some(at));
                }
                EventKind::WorkerExited(worker, reason) => {
                    this.with_last(worker, |life| life.exited = Some((at, reason)));
                }
                _ => {}
            }
        }
        this
    }

    fn with_last(&mut self, worker: WorkerInfo, change: impl FnOnce(&mut RawLife)) {
        if let Some(index) = self.of_pid.get(&worker.pid).and_then(|lives| lives.last()) {
            change(&mut self.lives[*index]);
        }
    }

    /// Adds what workers noted. Returns how many notes belong to no worker or task that is known.
    fn add_marks(&mut self, marks: &[Mark], tasks: usize, began: u64) -> u64 {
        let mut unknown = 0;
        for mark in marks {
            let at = mark.at.saturating_sub(began);
            let task = usize::try_from(mark.task).ok().filter(|task| *task < tasks);
            let lives = self.of_pid.get(&mark.pid).map_or(&[][..], |lives| lives);
            // The system may give a pid again.
            let has_begun = |index: &&usize| self.lives[**index].started <= at;
            let index = lives.iter().rfind(has_begun).or(lives.first()).copied();
            let (Some(task), Some(index)) = (task, index) else {
                unknown += 1;
                continue;
            };
            let attempts = &mut self.lives[index].attempts;
            let ended = match mark.kind {
                Kind::Begun => {
                    attempts.push(RawAttempt { task, begin: at, end: None });
                    continue;
                }
                Kind::Returned => Ended::Returned,
                Kind::Panicked => Ended::Panicked,
            };
            match attempts.iter_mut().rfind(|it| it.task == task && it.end.is_none()) {
                Some(attempt) => attempt.end = Some((at, ended)),
                None => unknown += 1,
            }
        }
        unknown
    }
}

impl Task {
    fn new(submission: Submission, attempts: Vec<Attempt>, end: u64, began: u64) -> Self {
        let submitted = submission.at.saturating_sub(began);
        let last = attempts.last().map(|attempt| (attempt.end, attempt.ended));
        let (ended, outcome, error) = match (&submission.settled, last) {
            (Some((at, settled)), _) => {
                let (outcome, error) = match settled {
                    Settled::Returned => ("returned", None),
                    Settled::Cancelled => ("cancelled", None),
                    Settled::Failed(error) if matches!(last, Some((_, Ended::Panicked))) => {
                        ("panicked", Some(error.clone()))
                    }
                    Settled::Failed(error) => ("failed", Some(error.clone())),
                };
                (at.saturating_sub(began), outcome, error)
            }
            (None, _) if submission.item.is_none() => (end, "unsettled", None),
            (None, Some((end, Ended::Returned))) => (end, "returned", None),
            (None, Some((end, Ended::Panicked))) => (end, "panicked", None),
            (None, Some((end, Ended::WithWorker))) => {
                (end, "failed", Some("its worker ended".to_owned()))
            }
            (None, None) => (end, "not run", None),
        };
        Self { ended: ended.max(submitted), submission, submitted, attempts, outcome, error }
    }

    /// The last part of the path of its function.
    pub(crate) fn name(&self) -> String {
        let path = self.submission.name.split('<').next().unwrap_or_default();
        let closed = path.trim_end_matches("::{{closure}}");
        let last = closed.rsplit("::").next().unwrap_or_default();
        if closed.len() < path.len() { format!("{last}::{{{{closure}}}}") } else { last.to_owned() }
    }
}

impl Incident {
    fn of(event: &Event, began: u64) -> Option<Self> {
        let (name, title) = match &event.kind {
            EventKind::StartFailed(cause) => ("start failed", cause.to_string()),
            EventKind::TimeLimitExceeded(id) => {
                ("time limit", format!("work item {id} exceeded its time limit"))
            }
            EventKind::TaskKilled(id) => ("kill", format!("work item {id} was killed")),
            EventKind::TaskRetried(id) => ("retry", format!("work item {id} is retried")),
            EventKind::ShutDown => ("shut down", "the pool was shut down".to_owned()),
            EventKind::Broken(cause) => ("broken", cause.to_string()),
            _ => return None,
        };
        Some(Self { at: nanos(event.at).saturating_sub(began), name, title })
    }
}
