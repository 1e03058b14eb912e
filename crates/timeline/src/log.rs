//! The program's record of a run: its tasks, and the events of the pool.
//!
//! Owns the limits. Knows neither workers' notes nor drawings.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use procpool::{Error, Event};

use crate::marks::nanos;

/// The most tasks that [`record`](crate::Record::record) records; of a map each item counts as one. More make
/// a trace that takes long to load.
pub const TASKS: usize = 20_000;

/// The most events of a pool that are recorded.
const EVENTS: usize = 20_000;

/// The most letters of an error that are kept.
const LETTERS: usize = 200;

/// The number of a task that is not recorded.
pub(crate) const NOT_RECORDED: u64 = u64::MAX;

/// How a task ended for the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Settled {
    Returned,
    Cancelled,
    Failed(String),
}

/// A task, as the program knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Submission {
    /// The path of its function.
    pub(crate) name: &'static str,
    /// In nanoseconds since 1970.
    pub(crate) at: u64,
    /// The number of its map and its index there, if it is an item of one.
    pub(crate) item: Option<(u64, u64)>,
    /// Its number in the pool, unless it is an item.
    pub(crate) work_item: Option<u64>,
    /// When and how its future settled, unless it is an item.
    pub(crate) settled: Option<(u64, Settled)>,
}

/// The contents of a log.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) tasks: Vec<Submission>,
    pub(crate) events: Vec<Event>,
    pub(crate) maps: u64,
    /// How many tasks and events were not recorded.
    pub(crate) more_tasks: u64,
    pub(crate) more_events: u64,
}

/// A record that several threads write.
#[derive(Debug)]
pub(crate) struct Log {
    /// The most tasks in it.
    pub(crate) most: usize,
    contents: Mutex<Contents>,
}

impl Log {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, contents: Mutex::default() }
    }

    /// Records a task that is about to be submitted. Returns its number.
    pub(crate) fn submit(&self, name: &'static str, item: Option<(u64, u64)>) -> u64 {
        let mut contents = self.lock();
        if contents.tasks.len() >= self.most {
            contents.more_tasks += 1;
            return NOT_RECORDED;
        }
        let at = nanos(SystemTime::now());
        contents.tasks.push(Submission { name, at, item, work_item: None, settled: None });
        contents.tasks.len() as u64 - 1
    }

    /// Returns the number of the next map.
    pub(crate) fn next_map(&self) -> u64 {
        let mut contents = self.lock();
        contents.maps += 1;
        contents.maps - 1
    }

    /// Records the end of a task, and its number in the pool.
    pub(crate) fn settle(&self, task: u64, work_item: u64, error: Option<Error>) {
        let at = nanos(SystemTime::now());
        let settled = match error {
            None => Settled::Returned,
            Some(Error::Cancelled) => Settled::Cancelled,
            Some(error) => Settled::Failed(error.to_string().chars().take(LETTERS).collect()),
        };
        let mut contents = self.lock();
        let Some(task) = usize::try_from(task).ok().and_then(|task| contents.tasks.get_mut(task))
        else {
            return;
        };
        task.work_item = Some(work_item);
        task.settled = Some((at, settled));
    }

    pub(crate) fn event(&self, event: Event) {
        let mut contents = self.lock();
        if contents.events.len() < EVENTS {
            contents.events.push(event);
        } else {
            contents.more_events += 1;
        }
    }

    pub(crate) fn take(&self) -> Contents {
        std::mem::take(&mut *self.lock())
    }

    /// No user code runs under this lock.
    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_beyond_the_limit_are_counted_and_not_kept() {
        let log = Log::new(2);
        let numbers: Vec<u64> = (0..5).map(|_| log.submit("task", None)).collect();
        assert_eq!(numbers, [0, 1, NOT_RECORDED, NOT_RECORDED, NOT_RECORDED]);
        log.settle(NOT_RECORDED, 7, None);
        log.settle(0, 7, Some(Error::InvalidArgument("x".repeat(1000).into())));
        let contents = log.take();
        assert_eq!((contents.tasks.len(), contents.more_tasks), (2, 3));
        let settled = contents.tasks.iter().filter_map(|task| task.settled.as_ref());
        let texts: Vec<_> = settled.map(|(_, settled)| settled.clone()).collect();
        let [Settled::Failed(text)] = &texts[..] else { panic!("one has settled: {texts:?}") };
        assert_eq!(text.chars().count(), LETTERS);
    }
}
