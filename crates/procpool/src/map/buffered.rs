//! A map that pulls its items as its results are read.
//!
//! Owns the caller's iterator, and the end of a map that the pool would not take to its end. The
//! results themselves are a [`Map`]'s.

use std::fmt;
use std::iter::FusedIterator;
use std::sync::{Arc, Weak};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Map, Timeout};
use crate::chunk_source::{ChunkSource, Chunking, Order, PulledFeeder};
use crate::error::Error;
use crate::manager::Pool;
use crate::wire::Entry;

/// The results of a map with a [`buffersize`](super::MapOptions::buffersize), and the items that are
/// still to be pulled.
///
/// Each `next` pulls one item, then waits for the result that comes next; both happen in the thread
/// that calls it. Dropping the iterator cancels the items that have not started, and drops those
/// that were not pulled.
///
/// # Panics
///
/// `next` does when the iterator of the items, or an item's `Serialize`, does.
///
/// # Examples
///
/// ```
/// fn main() -> Result<(), procpool::Error> {
///     procpool::init();
///     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
///     // An endless input, of which ten items are taken ahead.
///     let mut squares = executor.map_options().buffersize(10).map(|x: u64| x * x, 0..);
///     assert_eq!(squares.next(), Some(Ok(0)));
///     assert_eq!(squares.nth(2), Some(Ok(9)));
///     Ok(())
/// }
/// ```
pub struct BufferedMap<R, I> {
    // Dropped first: it cancels what the end of the input would still send.
    results: Map<R>,
    /// `None` when nothing is pulled any more.
    input: Option<Input<I>>,
    /// Why the item that was pulled last was not taken: the last result.
    refused: Option<Error>,
}

struct Input<I> {
    items: I,
    feeder: Option<PulledFeeder>,
    pool: Weak<Pool>,
}

impl<R, I> BufferedMap<R, I> {
    /// One error, and nothing else.
    pub(super) fn failed(error: Error) -> Self {
        Self { results: Map::failed(error), input: None, refused: None }
    }
}

impl<R, I> BufferedMap<R, I>
where
    I: Iterator<Item: Serialize + 'static>,
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
        // One more than the buffer holds is out while `next` waits, so that the result it waits for
        // is never in a chunk that is not whole.
        let chunking = match chunking {
            Chunking::Fixed(size) => Chunking::Fixed(size.min(buffersize)),
            Chunking::Adaptive => Chunking::Adaptive,
        };
        let (source, feeder) = ChunkSource::pulled(entry, chunking, order);
        if let Err(error) = pool.submit_chunks(Arc::clone(&source)) {
            source.stop(&error);
        }
        let input = Input { items, feeder: Some(feeder), pool: Arc::downgrade(pool) };
        let results = Map::new(source, pool, timeout);
        let mut map = Self { results, input: Some(input), refused: None };
        for _ in 0..buffersize {
            if map.input.is_none() {
                break;
            }
            map.pull();
        }
        map
    }

    /// Pulls the next item, if there may be one, and gives it to the pool, if that takes it.
    fn pull(&mut self) {
        let Some(input) = &mut self.input else { return };
        let pushed = input.items.next().map(|value| input.push(&value));
        match pushed {
            Some(Ok(())) => self.results.left += 1,
            Some(Err(error)) => {
                self.refused = Some(error);
                self.input = None;
            }
            None => self.input = None,
        }
    }
}

impl<I> Input<I> {
    fn push<A: Serialize + 'static>(&self, value: &A) -> Result<(), Error> {
        let Some(feeder) = &self.feeder else { return Ok(()) };
        if feeder.push(value)?
            && let Some(pool) = self.pool.upgrade()
        {
            pool.feed();
        }
        Ok(())
    }
}

impl<I> Drop for Input<I> {
    /// Tells the pool that no more comes.
    fn drop(&mut self) {
        match (self.feeder.take(), self.pool.upgrade()) {
            // Its lock may be held by a thread that this copy of the process does not have.
            (feeder, Some(pool)) if !pool.is_ours() => std::mem::forget(feeder),
            (feeder, pool) => {
                drop(feeder);
                pool.iter().for_each(|pool| pool.feed());
            }
        }
    }
}

impl<R, I> Iterator for BufferedMap<R, I>
where
    R: DeserializeOwned + 'static,
    I: Iterator<Item: Serialize + 'static>,
{
    type Item = Result<R, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.results.is_lost() {
            // The feeder's lock may be held by a thread that this copy of the process does not have.
            std::mem::forget(self.input.take());
            self.refused = None;
            return self.results.next();
        }
        self.pull();
        if self.results.left == 0 {
            return self.refused.take().map(Err);
        }
        let result = self.results.next();
        if self.results.source.is_none() {
            // Its timeout has passed, and ended it.
            self.input = None;
            self.refused = None;
        }
        result
    }

    /// The least is that the pool refuses the next item.
    fn size_hint(&self) -> (usize, Option<usize>) {
        let input = self.input.as_ref().map(|input| input.items.size_hint());
        let (least, most) = input.unwrap_or((0, Some(0)));
        let refused = usize::from(self.refused.is_some());
        let left = self.results.left + refused;
        let end = left + least.min(1);
        let sooner = if self.results.timeout.is_some() { end.min(1) } else { end };
        (sooner, most.and_then(|most| most.checked_add(left)))
    }
}

impl<R, I> FusedIterator for BufferedMap<R, I>
where
    R: DeserializeOwned + 'static,
    I: Iterator<Item: Serialize + 'static>,
{
}

impl<R, I> fmt::Debug for BufferedMap<R, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufferedMap")
            .field("buffered", &self.results.left)
            .field("more", &self.input.is_some())
            .finish_non_exhaustive()
    }
}
