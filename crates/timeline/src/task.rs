//! A task that notes its begin and its end, and the arguments with its number.
//!
//! Runs in the worker; in the program it only makes numbers. A task that ends its process leaves no note
//! of its end: that of its worker's end is the pool's event.

use std::sync::Arc;

use crate::log::{Log, NOT_RECORDED};
use crate::marks::{self, Kind};
use crate::sys;

/// The number of a task in the log, and its arguments.
pub type Marked<A> = (u64, A);

/// Notes that its task has begun, and when dropped, how it ended.
struct Running(u64);

impl Running {
    fn begin(task: u64) -> Self {
        if task != NOT_RECORDED {
            marks::note(task, Kind::Begun);
        }
        Self(task)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.0 != NOT_RECORDED {
            let kind = if std::thread::panicking() { Kind::Panicked } else { Kind::Returned };
            marks::note(self.0, kind);
        }
    }
}

/// Calls the task `F`.
pub(crate) fn call<F, A, R>((number, arguments): Marked<A>) -> R
where
    F: Fn(A) -> R + Copy + 'static,
{
    let _until_it_ends = Running::begin(number);
    sys::function::<F>()(arguments)
}

/// Calls the task `F` with the state of its worker.
pub(crate) fn call_with<F, S, A, R>(state: &mut S, (number, arguments): Marked<A>) -> R
where
    F: Fn(&mut S, A) -> R + Copy + 'static,
{
    let _until_it_ends = Running::begin(number);
    sys::function::<F>()(state, arguments)
}

/// The items of a map with their numbers, recorded as the pool takes them.
#[derive(Debug)]
pub struct Items<I> {
    log: Arc<Log>,
    name: &'static str,
    map: u64,
    index: u64,
    items: I,
}

impl<I> Items<I> {
    pub(crate) fn new(log: &Arc<Log>, name: &'static str, items: I) -> Self {
        Self { log: Arc::clone(log), name, map: log.next_map(), index: 0, items }
    }
}

impl<I: Iterator> Iterator for Items<I> {
    type Item = Marked<I::Item>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.items.next()?;
        self.index += 1;
        Some((self.log.submit(self.name, Some((self.map, self.index - 1))), item))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.items.size_hint()
    }
}
