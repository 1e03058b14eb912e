//! Waiting for many futures: `wait` and `as_completed`.
//!
//! Owns the hand-over between futures that settle and the one thread or stream that waits for them. Listens
//! only to futures that it has to wait for, and stops when it is dropped.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::iter::FusedIterator;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use procpool_os::lineage::Lineage;

use super::listeners::{Listener, key};
use super::{Future, SharedFuture};
use crate::error::Error;

/// When [`wait`] returns.
///
/// The set is closed, as in Python: a future settles with or without an error, so there is no
/// fourth moment to wait for.
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), procpool::Error> {
/// #     procpool::init();
/// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
/// #     use procpool::{ReturnWhen, wait};
/// let futures = [executor.submit(|x: u32| x + 1, 1), executor.submit(|x: u32| x + 1, 2)];
/// let first = wait(&futures, ReturnWhen::FirstCompleted, None);
/// assert!(!first.done.is_empty());
/// let all = wait(&futures, ReturnWhen::AllCompleted, None);
/// assert_eq!((all.done.len(), all.not_done.len()), (2, 0));
/// #     Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReturnWhen {
    /// When at least one future is done.
    FirstCompleted,
    /// When a task has failed; if none fails, like `AllCompleted`. A cancelled task has not failed.
    FirstException,
    /// When all futures are done.
    AllCompleted,
}

/// The result of [`wait`]; each list is in the order of the call.
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), procpool::Error> {
/// #     procpool::init();
/// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
/// #     use procpool::{DoneAndNotDone, ReturnWhen, wait};
/// let futures = [executor.submit(|x: u32| x + 1, 1), executor.submit(|x: u32| x + 1, 2)];
/// let DoneAndNotDone { done, not_done } = wait(&futures, ReturnWhen::AllCompleted, None);
/// assert!(not_done.is_empty());
/// assert_eq!(done[1].result()?, 3);
/// #     Ok(())
/// # }
/// ```
pub struct DoneAndNotDone<'f, T> {
    /// The futures that are done: with a result, with an error or cancelled.
    pub done: Vec<&'f Future<T>>,
    /// The others.
    pub not_done: Vec<&'f Future<T>>,
}

impl<T> fmt::Debug for DoneAndNotDone<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DoneAndNotDone")
            .field("done", &self.done)
            .field("not_done", &self.not_done)
            .finish()
    }
}

/// Waits for `futures`, of one or several pools, until `return_when` or for at most `timeout`.
///
/// A future that is given twice counts once. Without futures it returns at once.
///
/// # Examples
///
/// ```
/// # use procpool::{ReturnWhen, wait};
/// # fn main() -> Result<(), procpool::Error> {
/// #     procpool::init();
/// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(2).build()?;
/// let futures: Vec<_> = (1..=3).map(|x| executor.submit(|x: u32| x * x, x)).collect();
/// let waited = wait(&futures, ReturnWhen::AllCompleted, None);
/// assert_eq!((waited.done.len(), waited.not_done.len()), (3, 0));
/// #     Ok(())
/// # }
/// ```
pub fn wait<'f, T: 'f>(
    futures: impl IntoIterator<Item = &'f Future<T>>,
    return_when: ReturnWhen,
    timeout: Option<Duration>,
) -> DoneAndNotDone<'f, T> {
    // A timeout beyond what the clock can represent is no timeout.
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let futures = distinct(futures);
    let mut completed = AsCompleted::new(futures.iter().copied());
    while let Ok(Some(future)) = completed.next_by(deadline) {
        match return_when {
            ReturnWhen::FirstCompleted => break,
            ReturnWhen::FirstException if future.shared.has_failed() => break,
            ReturnWhen::FirstException | ReturnWhen::AllCompleted => {}
        }
    }
    let (done, not_done) = futures.into_iter().partition(|future| future.done());
    DoneAndNotDone { done, not_done }
}

/// Returns `futures`, of one or several pools, as they complete.
///
/// Futures that are done at the start are returned first, without waiting; those that are done at
/// about the same time may be returned in any order. Each is returned once, even if it is given
/// twice. The iterator waits for the next one indefinitely, unless it has a
/// [`timeout`](AsCompleted::timeout).
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), procpool::Error> {
/// #     procpool::init();
/// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(2).build()?;
/// let futures: Vec<_> = (1..=3).map(|x| executor.submit(|x: u32| x * x, x)).collect();
/// let mut sum = 0;
/// for future in procpool::as_completed(&futures) {
///     sum += future.result()?;
/// }
/// assert_eq!(sum, 1 + 4 + 9);
/// #     Ok(())
/// # }
/// ```
pub fn as_completed<'f, T: 'f>(
    futures: impl IntoIterator<Item = &'f Future<T>>,
) -> AsCompleted<'f, T> {
    AsCompleted::new(distinct(futures).into_iter())
}

fn distinct<'f, T: 'f>(futures: impl IntoIterator<Item = &'f Future<T>>) -> Vec<&'f Future<T>> {
    let mut seen = HashSet::new();
    futures.into_iter().filter(|future| seen.insert(key(&future.shared))).collect()
}

/// The keys of futures that have settled, for the thread that waits for them.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    keys: Mutex<VecDeque<usize>>,
    arrived: Condvar,
    /// Has the waker of a stream.
    #[cfg(feature = "stream")]
    pub(super) slot: super::awaiting::Slot,
}

impl Listener for Arrivals {
    fn settled(&self, future: &SharedFuture) {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).push_back(key(future));
        self.arrived.notify_one();
        #[cfg(feature = "stream")]
        self.slot.settled(future);
    }
}

impl Arrivals {
    /// Waits for the next one. Returns `None` if `deadline` passes first.
    fn next_by(&self, deadline: Option<Instant>) -> Option<usize> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(key) = keys.pop_front() {
                return Some(key);
            }
            let Some(deadline) = deadline else {
                keys = self.arrived.wait(keys).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            let woken = self.arrived.wait_timeout(keys, left);
            keys = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Futures as they complete; made by [`as_completed`].
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), procpool::Error> {
/// #     procpool::init();
/// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
/// let futures = [executor.submit(|x: u32| x + 1, 1), executor.submit(|x: u32| x + 1, 2)];
/// let mut sum = 0;
/// for future in procpool::as_completed(&futures) {
///     sum += future.result()?;
/// }
/// assert_eq!(sum, 5);
/// #     Ok(())
/// # }
/// ```
#[must_use = "an iterator does nothing before it is read"]
pub struct AsCompleted<'f, T> {
    /// Done, and not returned yet.
    ready: VecDeque<&'f Future<T>>,
    /// Not done at the last check; not listened to yet.
    pending: Vec<&'f Future<T>>,
    /// Listened to, by key.
    awaited: HashMap<usize, &'f Future<T>>,
    /// The process in which it listens: in a forked copy nothing settles.
    owner: Lineage,
    pub(super) arrivals: Arc<Arrivals>,
}

/// No future was done by the deadline.
pub(super) struct Late;

impl<'f, T> AsCompleted<'f, T> {
    fn new(distinct: impl Iterator<Item = &'f Future<T>>) -> Self {
        let (ready, pending): (Vec<_>, Vec<_>) = distinct.partition(|future| future.done());
        let (awaited, arrivals) = (HashMap::new(), Arc::default());
        Self { ready: ready.into(), pending, awaited, owner: Lineage::current(), arrivals }
    }

    /// Ends the iterator `timeout` from now.
    ///
    /// It then returns every future that is done, one [`Error::TimedOut`] if there are others, and
    /// ends. The tasks continue.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::time::Duration;
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
    /// let futures: Vec<_> = (1..=3).map(|x| executor.submit(|x: u32| x, x)).collect();
    /// for future in procpool::as_completed(&futures).timeout(Duration::from_secs(60)) {
    ///     println!("{}", future?.result()?);
    /// }
    /// #     Ok(())
    /// # }
    /// ```
    pub fn timeout(self, timeout: Duration) -> AsCompletedTimeout<'f, T> {
        let deadline = Instant::now().checked_add(timeout);
        AsCompletedTimeout { completed: self, timeout, deadline, over: false }
    }

    /// Waits for the next one until `deadline`. Returns `None` if all were returned.
    pub(super) fn next_by(
        &mut self,
        deadline: Option<Instant>,
    ) -> Result<Option<&'f Future<T>>, Late> {
        if self.ready.is_empty() {
            self.listen();
        }
        if !self.owner.is_current() {
            self.ready.extend(self.awaited.drain().map(|(_, future)| future));
        }
        while self.ready.is_empty() && !self.awaited.is_empty() {
            let key = self.arrivals.next_by(deadline).ok_or(Late)?;
            self.ready.extend(self.awaited.remove(&key));
        }
        Ok(self.ready.pop_front())
    }

    /// Listens to the futures that are not done.
    fn listen(&mut self) {
        for future in self.pending.drain(..) {
            if future.listen(Arc::clone(&self.arrivals) as Arc<dyn Listener>) {
                self.awaited.insert(key(&future.shared), future);
            } else {
                self.ready.push_back(future);
            }
        }
    }
}

impl<'f, T> Iterator for AsCompleted<'f, T> {
    type Item = &'f Future<T>;

    fn next(&mut self) -> Option<&'f Future<T>> {
        // Without a deadline nothing is late.
        self.next_by(None).unwrap_or(None)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.ready.len() + self.pending.len() + self.awaited.len();
        (left, Some(left))
    }
}

impl<T> ExactSizeIterator for AsCompleted<'_, T> {}

impl<T> FusedIterator for AsCompleted<'_, T> {}

impl<T> Drop for AsCompleted<'_, T> {
    /// Stops listening. No future is affected.
    fn drop(&mut self) {
        let listener = Arc::clone(&self.arrivals) as Arc<dyn Listener>;
        self.awaited.values().for_each(|future| future.shared.stop_listening(&listener));
    }
}

impl<T> fmt::Debug for AsCompleted<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsCompleted").field("left", &self.len()).finish_non_exhaustive()
    }
}

/// Futures as they complete, until a deadline; made by [`AsCompleted::timeout`].
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), procpool::Error> {
/// #     procpool::init();
/// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
/// #     use std::time::Duration;
/// let futures = [executor.submit(|x: u32| x + 1, 1), executor.submit(|x: u32| x + 1, 2)];
/// for future in procpool::as_completed(&futures).timeout(Duration::from_secs(60)) {
///     assert!(future?.result()? > 1);
/// }
/// #     Ok(())
/// # }
/// ```
#[must_use = "an iterator does nothing before it is read"]
pub struct AsCompletedTimeout<'f, T> {
    completed: AsCompleted<'f, T>,
    timeout: Duration,
    deadline: Option<Instant>,
    /// Whether the deadline passed before all futures were done.
    over: bool,
}

impl<'f, T> Iterator for AsCompletedTimeout<'f, T> {
    type Item = Result<&'f Future<T>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        match self.completed.next_by(self.deadline) {
            Ok(future) => future.map(Ok),
            Err(Late) => {
                self.over = true;
                Some(Err(Error::TimedOut(self.timeout)))
            }
        }
    }
}

impl<T> FusedIterator for AsCompletedTimeout<'_, T> {}

impl<T> fmt::Debug for AsCompletedTimeout<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsCompletedTimeout")
            .field("completed", &self.completed)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::future::listeners::count;

    /// A future that belongs to no pool and never settles.
    fn pending() -> Future<u32> {
        Future::of(SharedFuture::new(), None)
    }

    #[test]
    fn a_wait_that_times_out_leaves_no_listener_behind() {
        let futures = [pending(), pending()];
        for way in [ReturnWhen::FirstCompleted, ReturnWhen::AllCompleted] {
            let waited = wait(&futures, way, Some(Duration::ZERO));
            assert_eq!((waited.done.len(), waited.not_done.len()), (0, 2));
        }
        let mut completed = as_completed(&futures).timeout(Duration::ZERO);
        assert!(completed.next().is_some_and(|next| next.is_err()));
        assert_eq!(futures.each_ref().map(|future| count(&future.shared)), [1, 1]);
        drop(completed);
        assert_eq!(futures.each_ref().map(|future| count(&future.shared)), [0, 0]);
    }
}
