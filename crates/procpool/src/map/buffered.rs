//! A map that pulls its items as its results are read.
//!
//! Owns the caller's iterator, and the end of a map that the pool refused to continue. The results
//! themselves are read through a [`Map`].

use std::fmt;
use std::iter::FusedIterator;
use std::sync::{Arc, Weak};

use procpool_link::Entry;
use serde::de::DeserializeOwned;

use super::{Map, Timeout};
use crate::chunk_source::{ChunkSource, Chunking, Order, PulledFeeder, Pushed};
use crate::error::Error;
use crate::payload::Payload;
use crate::pool::Pool;

/// The results of a map with a [`buffersize`](super::MapOptions::buffersize), and the items not yet
/// pulled.
///
/// Each `next` pulls one item and then waits for the next result, both in the calling thread.
/// Dropping the iterator cancels the items that have not started, and drops those not yet pulled.
///
/// `T` is `()`, or [`Duration`](std::time::Duration) for a map with a
/// [timeout](super::MapOptions::timeout).
///
/// # Panics
///
/// `next` panics if the iterator of the items, or an item's `Serialize`, does.
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), procpool::Error> {
/// #     procpool::init();
/// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
/// // An endless input, of which ten items are taken ahead.
/// let mut squares = executor.map_options().buffersize(10).map(|x: u64| x * x, 0..);
/// assert_eq!(squares.next(), Some(Ok(0)));
/// assert_eq!(squares.nth(2), Some(Ok(9)));
/// #     Ok(())
/// # }
/// ```
#[must_use = "dropping a map cancels its items that have not started: read its results, with `for` or `collect`"]
pub struct BufferedMap<R, I, T = ()> {
    // Dropped first: it cancels items that the end of the input would still send.
    pub(super) results: Map<R, T>,
    /// `None` once nothing more is pulled.
    input: Option<Input<I>>,
    /// How many results may be left before an item is pulled for the next one.
    buffersize: usize,
}

struct Input<I> {
    items: I,
    feeder: Option<PulledFeeder>,
    pool: Weak<Pool>,
}

impl<R, I, T> BufferedMap<R, I, T> {
    /// A map that returns one error and nothing else.
    pub(super) fn failed(error: Error) -> Self {
        Self { results: Map::failed(error), input: None, buffersize: 0 }
    }
}

impl<R, I, T> BufferedMap<R, I, T>
where
    I: Iterator<Item: Payload>,
{
    /// Starts a map and pulls the first `buffersize` items.
    pub(super) fn start(
        pool: &Arc<Pool>,
        entry: Entry,
        chunking: Chunking,
        order: Order,
        timeout: Option<Timeout>,
        items: I,
        buffersize: usize,
    ) -> Self {
        // While `next` waits, one item more than the buffer holds is in flight, so the awaited
        // result is never in an incomplete chunk.
        let chunking = match chunking {
            Chunking::Fixed(size) => Chunking::Fixed(size.min(buffersize)),
            Chunking::Adaptive => Chunking::Adaptive,
        };
        let (source, feeder) = ChunkSource::pulled(entry, chunking, order);
        if let Err(error) = pool.submit_chunks(Arc::clone(&source)) {
            let _no_waker = source.stop(&error);
        }
        let input = Input { items, feeder: Some(feeder), pool: Arc::downgrade(pool) };
        let results = Map::new(source, pool, timeout);
        let mut map = Self { results, input: Some(input), buffersize };
        for _ in 0..buffersize {
            if map.input.is_none() {
                break;
            }
            map.pull();
        }
        map
    }

    /// Pulls the next item, if there is room for it and it is allowed, and pushes it to the pool. If the
    /// pool refuses it, it is the last.
    pub(super) fn pull(&mut self) {
        let has_room = self.results.left <= self.buffersize;
        let Some(input) = self.input.as_mut().filter(|_| has_room) else { return };
        let next = input.items.next();
        if self.results.is_lost() {
            // The iterator forked this process; see `next`.
            return std::mem::forget(self.input.take());
        }
        let pushed = next.map(|value| input.push(&value));
        self.results.left += usize::from(pushed.is_some());
        if !pushed.is_some_and(|pushed| pushed != Pushed::Refused) {
            self.input = None;
        }
    }
}

impl<I> Input<I> {
    fn push<A: Payload>(&self, value: &A) -> Pushed {
        let Some(feeder) = &self.feeder else { return Pushed::Refused };
        let pushed = feeder.push(value);
        if pushed == Pushed::Wanted
            && let Some(pool) = self.pool.upgrade()
        {
            pool.dispatch_now();
        }
        pushed
    }
}

impl<I> Drop for Input<I> {
    /// Tells the pool that no more items follow.
    fn drop(&mut self) {
        match (self.feeder.take(), self.pool.upgrade()) {
            // Its lock may be held by a thread that does not exist in this copy of the process.
            (feeder, Some(pool)) if !pool.is_ours() => std::mem::forget(feeder),
            (feeder, pool) => {
                drop(feeder);
                pool.iter().for_each(|pool| pool.dispatch_now());
            }
        }
    }
}

impl<R, I, T> Iterator for BufferedMap<R, I, T>
where
    R: DeserializeOwned + 'static,
    I: Iterator<Item: Payload>,
{
    type Item = Result<R, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.results.is_lost() {
            // The feeder's lock may be held by a thread that does not exist in this copy of the
            // process.
            std::mem::forget(self.input.take());
            return self.results.next();
        }
        self.pull();
        if self.results.left == 0 {
            return None;
        }
        let result = self.results.next();
        if self.results.source.is_none() {
            // Its timeout has passed and ended it.
            self.input = None;
        }
        result
    }

    /// At least what remains if the pool refuses the next item.
    fn size_hint(&self) -> (usize, Option<usize>) {
        let input = self.input.as_ref().map(|input| input.items.size_hint());
        let (least, most) = input.unwrap_or((0, Some(0)));
        let left = self.results.left;
        let end = left + least.min(1);
        let sooner = if self.results.timeout.is_some() { end.min(1) } else { end };
        (sooner, most.and_then(|most| most.checked_add(left)))
    }
}

impl<R, I, T> FusedIterator for BufferedMap<R, I, T>
where
    R: DeserializeOwned + 'static,
    I: Iterator<Item: Payload>,
{
}

impl<R, I, T> BufferedMap<R, I, T>
where
    R: DeserializeOwned + 'static,
    I: Iterator<Item: Payload>,
{
    /// Returns each result with the index of its item; see [`Map::indexed`].
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(2).build()?;
    /// let squares = executor.map_options().unordered().buffersize(4).map(|x: u64| x * x, 0..);
    /// for (index, square) in squares.indexed().take(10) {
    ///     assert_eq!(square?, (index * index) as u64);
    /// }
    /// #     Ok(())
    /// # }
    /// ```
    pub fn indexed(mut self) -> impl Iterator<Item = (usize, Result<R, Error>)> {
        let mut given = 0;
        std::iter::from_fn(move || {
            let result = self.next()?;
            given += 1;
            Some((self.results.index().unwrap_or(given - 1), result))
        })
    }
}

impl<R, I, T> fmt::Debug for BufferedMap<R, I, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufferedMap")
            .field("buffered", &self.results.left)
            .field("more", &self.input.is_some())
            .finish_non_exhaustive()
    }
}
