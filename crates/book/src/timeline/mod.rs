//! Timelines: the processes of one pool over time, from a trace that they wrote themselves.
//!
//! Owns the events, their conversion to lanes, and the refusal of an inconsistent trace. [`svg`]
//! and [`text`] get a complete [`Timeline`], turn it into lanes and sentences, and cannot fail.
//! `procpool_drawing` draws it.
//!
//! ```text
//! worker:  Started ─ InitializerBegins ─ InitializerEnds ─ (TaskBegins ─ TaskEnds)* ─┬─ Exits
//!                                                                                    └─ [TaskBegins ─] Dies
//! parent:  Started ─ MapCalled ─ (ResultGiven | ErrorGiven)*
//! ```

pub mod svg;
pub mod text;

use std::collections::BTreeMap;

use procpool::HostName;
pub use procpool_drawing::timeline::Span;
use procpool_testkit::trace::Record;
use serde::{Deserialize, Serialize};

/// The records of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// The process reached `main`.
    Started,
    /// Parent: `map` is about to be called. Time is counted from here.
    MapCalled,
    /// Worker: the initializer runs.
    InitializerBegins,
    /// Worker: the initializer is about to return.
    InitializerEnds,
    /// Worker: a task runs.
    TaskBegins {
        /// Its number.
        identifier: u32,
    },
    /// Worker: a task is about to return.
    TaskEnds {
        /// Its number.
        identifier: u32,
    },
    /// Parent: the iterator returned the next result.
    ResultGiven {
        /// Its number.
        identifier: u32,
    },
    /// Parent: the iterator returned an error instead.
    ErrorGiven {
        /// The number of the item.
        identifier: u32,
    },
    /// Worker: it has exited, as the pool saw it.
    Exits,
    /// Worker: it has died or was killed, as the pool saw it. Its task, if any, is lost.
    Dies,
    /// Worker: it ran on another host, as the pool saw it.
    RanOn {
        /// The host.
        host: HostName,
    },
}

/// The lane of one worker.
#[derive(Debug, Clone, PartialEq)]
pub struct Lane {
    /// When it reached `main`.
    pub started: f64,
    /// Its initializer.
    pub initializer: Span,
    /// Its tasks, in order.
    pub tasks: Vec<(u32, Span)>,
    /// The task that it did not finish.
    pub lost: Option<(u32, Span)>,
    /// When it exited.
    pub exit: f64,
    /// Whether it died or was killed.
    pub died: bool,
    /// Its host, if that is another one than the program's.
    pub host: Option<HostName>,
}

/// The lanes of a pool.
#[derive(Debug, Clone, PartialEq)]
pub struct Timeline {
    /// The workers, in the order in which they started.
    pub lanes: Vec<Lane>,
    /// The times and numbers of the results in the parent, in order.
    pub results: Vec<(u32, f64)>,
    /// The same of the errors.
    pub errors: Vec<(u32, f64)>,
}

impl Timeline {
    /// Makes a timeline of the records of one run, sorted by time.
    ///
    /// # Errors
    ///
    /// The event that is missing, duplicate or out of order, and its process.
    pub fn new(records: &[Record<Event>]) -> Result<Self, String> {
        let called = records.iter().find(|record| record.event == Event::MapCalled);
        let called = called.ok_or("no process called `map`")?;
        let since = |nanos: u64| (nanos as f64 - called.nanos as f64) / 1e6;

        let mut workers: BTreeMap<u32, Vec<(Event, f64)>> = BTreeMap::new();
        let (mut results, mut errors) = (Vec::new(), Vec::new());
        for record in records {
            let time = since(record.nanos);
            if record.pid != called.pid {
                workers.entry(record.pid).or_default().push((record.event, time));
            } else if let Event::ResultGiven { identifier } = record.event {
                results.push((identifier, time));
            } else if let Event::ErrorGiven { identifier } = record.event {
                errors.push((identifier, time));
            }
        }
        let lanes = workers.iter().map(|(pid, events)| {
            Lane::new(events).map_err(|problem| format!("worker {pid}: {problem}"))
        });
        let mut lanes = lanes.collect::<Result<Vec<_>, _>>()?;
        lanes.sort_by(|a, b| a.started.total_cmp(&b.started));
        Ok(Self { lanes, results, errors })
    }

    /// Returns the time of the last event.
    pub fn end(&self) -> f64 {
        let exits = self.lanes.iter().map(|lane| lane.exit);
        let given = self.results.iter().chain(&self.errors);
        exits.chain(given.map(|&(_, time)| time)).fold(0.0, f64::max)
    }
}

impl Lane {
    /// Its name, of which `index` counts the workers from 0.
    pub(crate) fn name(&self, index: usize) -> String {
        let host = self.host.map(|host| format!(" on {host}")).unwrap_or_default();
        format!("worker {}{host}", index + 1)
    }

    /// Whether it had been initialized when `map` was called.
    pub(crate) fn was_ready(&self) -> bool {
        self.initializer.end < 0.0
    }

    /// Walks through the events of one worker, which come in one order only.
    fn new(events: &[(Event, f64)]) -> Result<Self, String> {
        let mut rest = events.iter().copied();
        let mut expect = |wanted: Event| match rest.next() {
            Some((event, time)) if event == wanted => Ok(time),
            Some((event, _)) => Err(format!("{event:?} where {wanted:?} belongs")),
            None => Err(format!("the trace ends where {wanted:?} belongs")),
        };
        let started = expect(Event::Started)?;
        let initializer =
            Span { begin: expect(Event::InitializerBegins)?, end: expect(Event::InitializerEnds)? };
        let mut tasks = Vec::new();
        let host = events.iter().find_map(|(event, _)| match event {
            Event::RanOn { host } => Some(*host),
            _ => None,
        });
        let lane =
            |tasks, lost, exit, died| Self { started, initializer, tasks, lost, exit, died, host };
        loop {
            match rest.next() {
                Some((Event::TaskBegins { identifier }, begin)) => match rest.next() {
                    Some((Event::TaskEnds { identifier: same }, end)) if same == identifier => {
                        tasks.push((identifier, Span { begin, end }));
                    }
                    Some((Event::Dies, end)) if rest.len() == 0 => {
                        let lost = Some((identifier, Span { begin, end }));
                        return Ok(lane(tasks, lost, end, true));
                    }
                    other => return Err(format!("{other:?} where task {identifier} should end")),
                },
                Some((end @ (Event::Exits | Event::Dies), exit))
                    if rest.len() == usize::from(host.is_some()) =>
                {
                    return Ok(lane(tasks, None, exit, end == Event::Dies));
                }
                other => return Err(format!("{other:?} where a task or the exit belongs")),
            }
        }
    }
}
