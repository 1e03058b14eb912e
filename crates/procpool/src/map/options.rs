//! How a map is requested.
//!
//! Owns the executor's `map` methods, their options and the checks of those. Pushes the items of a
//! map without a buffersize; the iterators do everything after that.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use procpool_link::Entry;

use super::{BufferedMap, Map, Timeout};
use crate::chunk_source::{ChunkSource, Chunking, Feeder, Order, Pushed};
use crate::error::Error;
use crate::executor::ProcessPoolExecutor;
use crate::payload::Payload;
use crate::pool::Pool;
use crate::task;

impl<S: 'static> ProcessPoolExecutor<S> {
    /// Calls `task` for every item and returns the results in the order of the items.
    ///
    /// All items are taken and submitted before this returns; the iterator then waits for each
    /// result in turn. Every item has a `Result` of its own: an error ends nothing. Items are sent
    /// in chunks whose size adapts to how long they take. Until that is known, and if they take a
    /// millisecond or more, each is sent alone. So a result arrives within milliseconds of the end
    /// of its task and of those before it, even if short and long tasks mix, up to the sizes that
    /// [`chunksize`](MapOptions::chunksize) names.
    ///
    /// Dropping the iterator cancels items that have not started. So `executor.map(task, items);`
    /// as a statement, which runs every item in Python, runs few or none here, and the compiler
    /// warns about it. To run all items, read their results:
    /// `executor.map(task, items).collect::<Result<(), _>>()?` for tasks that return `()`, or
    /// `for result in …`.
    ///
    /// Use [`map_options`](Self::map_options) to pull items only as results are read, to get
    /// results as they finish, or to set a timeout or a fixed chunk size.
    ///
    /// # Errors
    ///
    /// All errors are those of items. See [`Future::result`](crate::Future::result).
    ///
    /// A pool that is shut down or breaks while `items` are taken refuses the next one. Its error,
    /// [`Error::Shutdown`] or [`Error::BrokenProcessPool`], is the last result, and nothing is
    /// taken after it. Items taken before return their results first; those in an incomplete chunk
    /// of a fixed size are refused as well. So `items` may itself end the pool, and the pool does
    /// not wait for `items` that block.
    ///
    /// # Panics
    ///
    /// Panics if the iterator or an item's `Serialize` does.
    ///
    /// # Examples
    ///
    /// Python's `map` takes several iterables. Here [`std::iter::zip`] combines them into one,
    /// which stops at the shortest, and the task takes a tuple:
    ///
    /// ```
    /// use std::iter::zip;
    ///
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
    /// let powers = executor.map(|(base, power)| u64::pow(base, power), zip([2, 3, 4], [5, 2]));
    /// assert_eq!(powers.collect::<Result<Vec<_>, _>>()?, [32, 9]);
    /// #     Ok(())
    /// # }
    /// ```
    pub fn map<A, R, I>(&self, task: fn(A) -> R, items: I) -> Map<R>
    where
        A: Payload,
        R: Payload,
        I: IntoIterator<Item = A>,
    {
        self.map_options().map(task, items)
    }

    /// Calls `task` for every item, with the state of the worker that runs it.
    ///
    /// See [`map`](Self::map).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// let executor = procpool::ProcessPoolExecutor::builder()
    /// #         .max_workers(1)
    ///     .initializer(|| Ok::<u64, String>(10))
    ///     .build()?;
    /// let sums: Result<Vec<u64>, _> = executor.map_with(|ten, x: u64| *ten + x, 0..3).collect();
    /// assert_eq!(sums?, [10, 11, 12]);
    /// #     Ok(())
    /// # }
    /// ```
    pub fn map_with<A, R, I>(&self, task: fn(&mut S, A) -> R, items: I) -> Map<R>
    where
        A: Payload,
        R: Payload,
        I: IntoIterator<Item = A>,
    {
        self.map_options().map_with(task, items)
    }

    /// Returns options for a map that differs from [`map`](Self::map).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(2).build()?;
    /// // There is no last number, so only as many are pulled as are needed.
    /// let squares = executor.map_options().buffersize(8).map(|x: u64| x * x, 1..);
    /// let sum = squares.take(10).sum::<Result<u64, _>>()?;
    /// assert_eq!(sum, 385);
    /// #     Ok(())
    /// # }
    /// ```
    pub fn map_options(&self) -> MapOptions<'_, S> {
        MapOptions {
            executor: self,
            chunking: Chunking::Adaptive,
            order: Order::OfItems,
            timeout: None,
            buffersize: (),
            timed: PhantomData,
        }
    }
}

/// Options of a map. Made by [`ProcessPoolExecutor::map_options`].
///
/// `B` is `()`, or `usize` once there is a [`buffersize`](Self::buffersize); `T` is `()`, or
/// [`Duration`] once there is a [`timeout`](Self::timeout).
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), procpool::Error> {
/// #     procpool::init();
/// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
/// let options = executor.map_options().chunksize(2).unordered();
/// assert_eq!(options.map(|x: u64| x * x, 0..4).filter_map(Result::ok).sum::<u64>(), 14);
/// #     Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "nothing is submitted before `map` or `map_with`"]
pub struct MapOptions<'a, S, B = (), T = ()> {
    executor: &'a ProcessPoolExecutor<S>,
    chunking: Chunking,
    order: Order,
    timeout: Option<Duration>,
    buffersize: B,
    timed: PhantomData<T>,
}

impl<'a, S: 'static, B, T> MapOptions<'a, S, B, T> {
    /// Sends `chunksize` items at a time; the last chunk may be smaller. A chunk is one task to the
    /// pool: one worker runs its items one after another. Their results arrive together if that
    /// takes at most a few milliseconds. Otherwise each arrives within milliseconds of its own end,
    /// up to 256 KiB of results of at most 16 KiB each; the rest arrives when the chunk is over.
    ///
    /// A chunksize of 0 is an [`Error::InvalidArgument`], the only result of such a map. One larger
    /// than the [`buffersize`](Self::buffersize) is reduced to it.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
    /// let squares = executor.map_options().chunksize(3).map(|x: u64| x * x, 0..4);
    /// assert_eq!(squares.filter_map(Result::ok).sum::<u64>(), 14);
    /// #     Ok(())
    /// # }
    /// ```
    pub fn chunksize(mut self, chunksize: usize) -> Self {
        self.chunking = Chunking::Fixed(chunksize);
        self
    }

    /// Returns the results as they finish instead of in the order of the items.
    ///
    /// Results of one worker keep the order in which it finished them. Results of several workers
    /// that finish at about the same time may be in any order.
    ///
    /// [`Map::indexed`] returns the item's index with each.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(2).build()?;
    /// let texts = ["one", "three"].map(String::from);
    /// let lengths = executor.map_options().unordered().map(|text| (text.len(), text), texts);
    /// let mut lengths = lengths.collect::<Result<Vec<(usize, String)>, _>>()?;
    /// lengths.sort();
    /// assert_eq!(lengths, [(3, "one".into()), (5, "three".into())]);
    /// #     Ok(())
    /// # }
    /// ```
    pub fn unordered(mut self) -> Self {
        self.order = Order::OfFinishing;
        self
    }

    /// Ends the map if a result does not arrive within `timeout`, counted from the call of `map`.
    ///
    /// The iterator then returns one [`Error::TimedOut`] and ends. Items that have not started are
    /// cancelled; running ones continue. Results that have already arrived are returned first,
    /// however late it is.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::time::Duration;
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
    /// let timeout = Duration::from_secs(60);
    /// let doubled = executor.map_options().timeout(timeout).map(|x: u32| 2 * x, 1..=3);
    /// assert_eq!(doubled.collect::<Result<Vec<_>, _>>()?, [2, 4, 6]);
    /// #     Ok(())
    /// # }
    /// ```
    pub fn timeout(self, timeout: Duration) -> MapOptions<'a, S, B, Duration> {
        let Self { executor, chunking, order, buffersize, .. } = self;
        let timeout = Some(timeout);
        MapOptions { executor, chunking, order, timeout, buffersize, timed: PhantomData }
    }

    /// Checks the options before any item is taken or submitted.
    fn check(&self) -> Result<(), Error> {
        if self.chunking == Chunking::Fixed(0) {
            return Err(Error::InvalidArgument("chunksize must be greater than 0".into()));
        }
        Ok(())
    }
}

impl<'a, S: 'static, T> MapOptions<'a, S, (), T> {
    /// Pulls items only as results are read: `buffersize` items when the map starts, then one for
    /// each result that is requested, before waiting for that result.
    ///
    /// So the items may be infinite. Memory holds at most `buffersize` of them and their results,
    /// plus one while `next` waits. That is also how many can be in flight: use several items, or
    /// chunks, per worker. Such a map takes turns with other tasks that wait for a worker.
    ///
    /// A buffersize of 0 is an [`Error::InvalidArgument`], the only result of such a map.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
    /// let mut squares = executor.map_options().buffersize(2).map(|x: u64| x * x, 0..);
    /// assert_eq!(squares.nth(100), Some(Ok(10_000)));
    /// #     Ok(())
    /// # }
    /// ```
    pub fn buffersize(self, buffersize: usize) -> MapOptions<'a, S, usize, T> {
        let Self { executor, chunking, order, timeout, buffersize: (), timed } = self;
        MapOptions { executor, chunking, order, timeout, buffersize, timed }
    }

    /// Calls `task` for every item; see [`ProcessPoolExecutor::map`].
    ///
    /// # Errors
    ///
    /// - A chunksize of 0 submits nothing, does not touch `items` and returns one
    ///   [`Error::InvalidArgument`].
    /// - [`Error::TimedOut`]: the [`timeout`](Self::timeout) has passed.
    ///
    /// All others are those of [`ProcessPoolExecutor::map`].
    ///
    /// # Panics
    ///
    /// Panics if the iterator or an item's `Serialize` does.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
    /// let squares = executor.map_options().map(|x: u64| x * x, 0..4);
    /// assert_eq!(squares.filter_map(Result::ok).sum::<u64>(), 14);
    /// #     Ok(())
    /// # }
    /// ```
    pub fn map<A, R, I>(self, task: fn(A) -> R, items: I) -> Map<R, T>
    where
        A: Payload,
        R: Payload,
        I: IntoIterator<Item = A>,
    {
        self.start(task::chunk_entry(task), items)
    }

    /// Calls `task` for every item with the worker's state; see [`ProcessPoolExecutor::map_with`].
    ///
    /// # Errors
    ///
    /// As for [`map`](Self::map).
    ///
    /// # Panics
    ///
    /// As for [`map`](Self::map).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// let executor = procpool::ProcessPoolExecutor::builder()
    /// #         .max_workers(1)
    ///     .initializer(|| Ok::<u64, String>(10))
    ///     .build()?;
    /// let sums = executor.map_options().map_with(|ten, x: u64| *ten + x, 0..3);
    /// assert_eq!(sums.filter_map(Result::ok).sum::<u64>(), 33);
    /// #     Ok(())
    /// # }
    /// ```
    pub fn map_with<A, R, I>(self, task: fn(&mut S, A) -> R, items: I) -> Map<R, T>
    where
        A: Payload,
        R: Payload,
        I: IntoIterator<Item = A>,
    {
        self.start(task::chunk_entry(task), items)
    }

    fn start<A, R, I>(self, entry: Result<Entry, Error>, items: I) -> Map<R, T>
    where
        A: Payload,
        I: IntoIterator<Item = A>,
    {
        let timeout = self.timeout.and_then(Timeout::from_now);
        let entry = match self.check().and(entry) {
            Ok(entry) => entry,
            Err(error) => return Map::failed(error),
        };
        let pool = self.executor.pool();
        let (source, feeder) = ChunkSource::new(entry, self.chunking, self.order);
        if let Err(error) = pool.submit_chunks(Arc::clone(&source)) {
            let _no_waker = source.stop(&error);
        }
        // From here on `map` owns the rest: if the iterator panics, dropping `map` cancels the
        // items taken so far, and tells the pool that no more follow.
        let mut map = Map::new(source, pool, timeout);
        let mut feeding = Feeding { feeder: Some(feeder), pool };
        for value in items {
            // The iterator may have forked this process, and both copies continue the map.
            if !pool.is_ours() {
                break;
            }
            let Some(feeder) = &mut feeding.feeder else { break };
            map.left += 1;
            match feeder.push(&value) {
                Pushed::Quietly => {}
                Pushed::Wanted => pool.dispatch_now(),
                Pushed::Refused => break,
            }
        }
        drop(feeding);
        map
    }
}

impl<S: 'static, T> MapOptions<'_, S, usize, T> {
    /// Calls `task` for every item. Each item is pulled once reading results makes room for it.
    ///
    /// The iterator keeps `items`: a borrow in it ends when the map is dropped.
    ///
    /// # Errors
    ///
    /// - A buffersize or a chunksize of 0 submits nothing, does not touch `items` and returns one
    ///   [`Error::InvalidArgument`].
    /// - [`Error::TimedOut`]: the [`timeout`](Self::timeout) has passed.
    /// - [`Error::Shutdown`] or [`Error::BrokenProcessPool`], last: an item was pulled after the
    ///   pool stopped accepting. Items pulled before return their results first, and nothing more
    ///   is pulled. A map that ends without an error has reached the end of its items.
    ///
    /// All others are those of items. See [`Future::result`](crate::Future::result).
    ///
    /// # Panics
    ///
    /// Panics, here or in `next`, if the iterator or an item's `Serialize` does.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
    /// let squares = executor.map_options().buffersize(2).map(|x: u64| x * x, 0..4);
    /// assert_eq!(squares.filter_map(Result::ok).sum::<u64>(), 14);
    /// #     Ok(())
    /// # }
    /// ```
    pub fn map<A, R, I>(self, task: fn(A) -> R, items: I) -> BufferedMap<R, I::IntoIter, T>
    where
        A: Payload,
        R: Payload,
        I: IntoIterator<Item = A>,
    {
        self.start(task::chunk_entry(task), items)
    }

    /// Calls `task` for every item with the worker's state; see [`map`](Self::map).
    ///
    /// # Errors
    ///
    /// As for [`map`](Self::map).
    ///
    /// # Panics
    ///
    /// As for [`map`](Self::map).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// let executor = procpool::ProcessPoolExecutor::builder()
    /// #         .max_workers(1)
    ///     .initializer(|| Ok::<u64, String>(10))
    ///     .build()?;
    /// let sums = executor.map_options().buffersize(2).map_with(|ten, x: u64| *ten + x, 0..3);
    /// assert_eq!(sums.filter_map(Result::ok).sum::<u64>(), 33);
    /// #     Ok(())
    /// # }
    /// ```
    pub fn map_with<A, R, I>(
        self,
        task: fn(&mut S, A) -> R,
        items: I,
    ) -> BufferedMap<R, I::IntoIter, T>
    where
        A: Payload,
        R: Payload,
        I: IntoIterator<Item = A>,
    {
        self.start(task::chunk_entry(task), items)
    }

    fn start<R, I>(self, entry: Result<Entry, Error>, items: I) -> BufferedMap<R, I::IntoIter, T>
    where
        I: IntoIterator<Item: Payload>,
    {
        if self.buffersize == 0 {
            let what = "buffersize must be greater than 0";
            return BufferedMap::failed(Error::InvalidArgument(what.into()));
        }
        let timeout = self.timeout.and_then(Timeout::from_now);
        let entry = match self.check().and(entry) {
            Ok(entry) => entry,
            Err(error) => return BufferedMap::failed(error),
        };
        let Self { executor, chunking, order, buffersize, .. } = self;
        let items = items.into_iter();
        BufferedMap::start(executor.pool(), entry, chunking, order, timeout, items, buffersize)
    }
}

/// Exists while the caller's iterator runs, and tells the pool of its end, however it ends.
struct Feeding<'a> {
    feeder: Option<Feeder>,
    pool: &'a Pool,
}

impl Drop for Feeding<'_> {
    fn drop(&mut self) {
        let feeder = self.feeder.take();
        if self.pool.is_ours() {
            drop(feeder);
            self.pool.dispatch_now();
        } else {
            // Its lock may be held by a thread that does not exist in this copy of the process.
            std::mem::forget(feeder);
        }
    }
}
