//! Checkers: one for each property, a pure function of a history.
//!
//! Each judges only its own property, so that its message is about that, and demands positive evidence
//! first: a plan with tasks whose workers left no trace proves nothing. Knows no pool.

use std::collections::BTreeMap;

use crate::history::History;
use crate::plan::How;
use crate::pool::Answer;
use crate::task::{Event, answer};

/// A property and its checker.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Checker {
    pub(crate) name: &'static str,
    /// Returns the fault, with the names of workers and tasks.
    pub(crate) judge: fn(&History) -> Result<(), String>,
}

/// Each worker initializes exactly once, before its first task.
pub(crate) const INITIALIZATION: Checker =
    Checker { name: "initialization", judge: judge_initialization };

/// No more workers than `max_workers`, nor than there are things to hand out.
pub(crate) const WIDTH: Checker = Checker { name: "width", judge: judge_width };

/// The initargs arrive equal in every worker.
pub(crate) const INITARGS: Checker = Checker { name: "initargs", judge: judge_initargs };

/// `map` equals the iterator's own `map`: same values, same order, same count; and `submit` gives each
/// task its own result.
pub(crate) const RESULTS: Checker = Checker { name: "results", judge: judge_results };

/// Each task runs exactly once.
pub(crate) const EXECUTIONS: Checker = Checker { name: "executions", judge: judge_executions };

/// Every checker.
pub(crate) const ALL: [Checker; 5] = [INITIALIZATION, WIDTH, INITARGS, RESULTS, EXECUTIONS];

fn judge_initialization(history: &History) -> Result<(), String> {
    demand_a_trace(history)?;
    history.events_of_workers().into_iter().try_for_each(|(pid, events)| {
        let is_task = |event: &&Event| matches!(event, Event::Started(_));
        let first = events.iter().position(is_task).unwrap_or(events.len());
        let (before, after) = events.split_at(first);
        let task = match after.first() {
            Some(Event::Started(task)) => format!("task {task}"),
            _ => "any task".to_owned(),
        };
        match (beginnings(before), beginnings(after)) {
            (0, 0) => Err(format!("worker {pid} began {task}, but never initialized")),
            (0, _) => Err(format!("worker {pid} began {task} before it initialized")),
            (1, 0) if before.contains(&&Event::Initialized) => Ok(()),
            (1, 0) => Err(format!("worker {pid} began {task} before its initializer returned")),
            (1, _) => Err(format!("worker {pid} initialized again after it began {task}")),
            (times, _) => Err(format!("worker {pid} initialized {times} times before {task}")),
        }
    })
}

fn beginnings(events: &[&Event]) -> usize {
    events.iter().filter(|event| matches!(event, Event::Initializing(_))).count()
}

fn judge_width(history: &History) -> Result<(), String> {
    demand_a_trace(history)?;
    let (max_workers, units) = (history.plan.max_workers, history.plan.units());
    let pids = history.workers();
    if pids.len() > max_workers {
        return Err(format!("more workers than max_workers ({max_workers}): {pids:?}"));
    }
    if pids.len() > units {
        return Err(format!("more workers than tasks and chunks ({units}): {pids:?}"));
    }
    Ok(())
}

fn judge_initargs(history: &History) -> Result<(), String> {
    let expected = &history.plan.initargs;
    let mut arrived = 0;
    for record in &history.trace {
        if let Event::Initializing(initargs) = &record.event {
            if initargs != expected {
                return Err(format!("worker {} got {initargs:?}, not {expected:?}", record.pid));
            }
            arrived += 1;
        }
    }
    match history.plan.tasks() {
        tasks if tasks > 0 && arrived == 0 => {
            Err(format!("{tasks} tasks, but no initargs arrived"))
        }
        _ => Ok(()),
    }
}

fn judge_results(history: &History) -> Result<(), String> {
    let operations = &history.plan.operations;
    let (asked, answered) = (operations.len(), history.seen.len());
    if asked != answered {
        return Err(format!("{answered} operations have results, of {asked}"));
    }
    let mut first = 0;
    for (number, (operation, seen)) in operations.iter().zip(&history.seen).enumerate() {
        let next = first + operation.efforts.len() as u32;
        let expected: Vec<Answer> = (first..next).map(answer).map(Ok).collect();
        let what = match operation.how {
            How::Submit => format!("submits (operation {number})"),
            How::Map { .. } => format!("map (operation {number})"),
        };
        let place = expected.iter().zip(seen).position(|(expected, seen)| expected != seen);
        if let Some(place) = place {
            let instead = describe(&seen[place], history.plan.tasks());
            let task = first + place as u32;
            return Err(format!("{what} gave, at position {place}, {instead}, not task {task}'s"));
        }
        if seen.len() != expected.len() {
            return Err(format!("{what} gave {} results, not {}", seen.len(), expected.len()));
        }
        first = next;
    }
    Ok(())
}

/// Names the task of a result, among `tasks` tasks.
fn describe(seen: &Answer, tasks: usize) -> String {
    match seen {
        Err(error) => format!("the error \"{error}\""),
        Ok(value) => match (0..tasks as u32).find(|task| answer(*task) == *value) {
            Some(task) => format!("the result of task {task}"),
            None => format!("{value}, which is no task's result"),
        },
    }
}

fn judge_executions(history: &History) -> Result<(), String> {
    let mut started: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let mut ended: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for record in &history.trace {
        match record.event {
            Event::Started(task) => started.entry(task).or_default().push(record.pid),
            Event::Ended(task) => ended.entry(task).or_default().push(record.pid),
            Event::Initializing(_) | Event::Initialized => {}
        }
    }
    let tasks = history.plan.tasks() as u32;
    for task in 0..tasks {
        let workers = started.remove(&task).unwrap_or_default();
        let finishers = ended.remove(&task).unwrap_or_default();
        match workers.len() {
            0 => return Err(format!("task {task} never ran")),
            1 if finishers == workers => {}
            1 => return Err(format!("task {task} began in {workers:?}, ended in {finishers:?}")),
            times => return Err(format!("task {task} ran {times} times, in workers {workers:?}")),
        }
    }
    match started.keys().chain(ended.keys()).next() {
        Some(task) => Err(format!("task {task} ran, but there are only {tasks}")),
        None => Ok(()),
    }
}

fn demand_a_trace(history: &History) -> Result<(), String> {
    match history.plan.tasks() {
        tasks if tasks > 0 && history.trace.is_empty() => {
            Err(format!("{tasks} tasks, but no worker left a trace"))
        }
        _ => Ok(()),
    }
}
