//! `map`: many inputs, results in input order.
//!
//! Owns the encoding of the items and the decoding of their results, both in the caller's thread.
//! What is sent when is the [`ChunkSource`]'s and the pool's.

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Weak};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::chunk;
use crate::chunk_source::{ChunkSource, Chunking, Feeder, FinishedChunk};
use crate::codec;
use crate::error::{CodecError, CodecStep, Error};
use crate::executor::ProcessPoolExecutor;
use crate::future::Outcome;
use crate::manager::Pool;
use crate::task::{self, decode_failure};
use crate::wire::Entry;

/// How the items of a `map` travel. Made by [`ProcessPoolExecutor::chunksize`].
#[derive(Debug)]
#[must_use = "nothing is submitted before `map` or `map_with`"]
pub struct MapOptions<'a, S> {
    executor: &'a ProcessPoolExecutor<S>,
    chunking: Chunking,
}

impl<S: 'static> ProcessPoolExecutor<S> {
    /// Calls `task` for every item and returns the results in the order of the items.
    ///
    /// The items are taken and their tasks started before this returns; the iterator then waits
    /// for each result in turn. Every item has a `Result` of its own: an error ends nothing.
    /// Items travel in chunks whose size adapts to how long they take; see
    /// [`chunksize`](Self::chunksize) to fix it. Dropping the iterator cancels what has not
    /// started.
    ///
    /// # Errors
    ///
    /// All are the items'. See [`Future::result`](crate::Future::result).
    ///
    /// # Panics
    ///
    /// When the iterator or an item's `Serialize` does.
    pub fn map<A, R, I>(&self, task: fn(A) -> R, items: I) -> Map<R>
    where
        A: Serialize + DeserializeOwned + 'static,
        R: Serialize + DeserializeOwned + 'static,
        I: IntoIterator<Item = A>,
    {
        MapOptions::new(self).map(task, items)
    }

    /// Calls `task` for every item, with the state of the worker that runs it.
    ///
    /// See [`map`](Self::map).
    pub fn map_with<A, R, I>(&self, task: fn(&mut S, A) -> R, items: I) -> Map<R>
    where
        A: Serialize + DeserializeOwned + 'static,
        R: Serialize + DeserializeOwned + 'static,
        I: IntoIterator<Item = A>,
    {
        MapOptions::new(self).map_with(task, items)
    }

    /// Fixes how many items of the next [`map`](MapOptions::map) travel together.
    ///
    /// # Examples
    ///
    /// ```
    /// fn main() -> Result<(), procpool::Error> {
    ///     procpool::init();
    ///     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
    ///     let lengths = executor.chunksize(2).map(|text: String| text.len(), ["a".into(), "bc".into()]);
    ///     assert_eq!(lengths.collect::<Result<Vec<_>, _>>()?, [1, 2]);
    ///     Ok(())
    /// }
    /// ```
    pub fn chunksize(&self, chunksize: usize) -> MapOptions<'_, S> {
        MapOptions::new(self).chunksize(chunksize)
    }
}

impl<'a, S: 'static> MapOptions<'a, S> {
    fn new(executor: &'a ProcessPoolExecutor<S>) -> Self {
        Self { executor, chunking: Chunking::Adaptive }
    }

    /// Sends `chunksize` items at a time, the last ones excepted. A chunk is one task to the pool:
    /// its items run one after another in one worker.
    pub fn chunksize(mut self, chunksize: usize) -> Self {
        self.chunking = Chunking::Fixed(chunksize);
        self
    }

    /// Calls `task` for every item; see [`ProcessPoolExecutor::map`].
    ///
    /// # Errors
    ///
    /// A chunksize of 0 submits nothing, leaves `items` alone and gives one
    /// [`Error::InvalidArgument`].
    pub fn map<A, R, I>(self, task: fn(A) -> R, items: I) -> Map<R>
    where
        A: Serialize + DeserializeOwned + 'static,
        R: Serialize + DeserializeOwned + 'static,
        I: IntoIterator<Item = A>,
    {
        self.start(task::chunk_entry(task), items)
    }

    /// Calls `task` for every item with the worker's state; see [`ProcessPoolExecutor::map_with`].
    ///
    /// # Errors
    ///
    /// As for [`map`](Self::map).
    pub fn map_with<A, R, I>(self, task: fn(&mut S, A) -> R, items: I) -> Map<R>
    where
        A: Serialize + DeserializeOwned + 'static,
        R: Serialize + DeserializeOwned + 'static,
        I: IntoIterator<Item = A>,
    {
        self.start(task::chunk_with_entry(task), items)
    }

    fn start<A, R, I>(self, entry: Result<Entry, Error>, items: I) -> Map<R>
    where
        A: Serialize + 'static,
        I: IntoIterator<Item = A>,
    {
        if self.chunking == Chunking::Fixed(0) {
            return Map::failed(Error::InvalidArgument("chunksize must be greater than 0"));
        }
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => return Map::failed(error),
        };
        let pool = self.executor.pool();
        let (source, feeder) =
            ChunkSource::new(entry, self.executor.pool().task_timeout(), self.chunking);
        if let Err(error) = pool.submit_chunks(Arc::clone(&source)) {
            source.stop(&error);
        }
        // From here on `map` owns the tail: if the iterator panics, what it gave so far is
        // cancelled when `map` is dropped, and the pool is told that no more will come.
        let mut map = Map {
            source: Some(source),
            pool: Arc::downgrade(pool),
            current: None,
            left: 0,
            result: PhantomData,
        };
        let mut feeding = Feeding { feeder: Some(feeder), pool };
        for value in items {
            if feeding.feeder.as_mut().is_some_and(|feeder| feeder.push(&value)) {
                pool.feed();
            }
            map.left += 1;
        }
        drop(feeding);
        map
    }
}

/// Is there while the caller's iterator runs, and tells the pool when it has ended, however that
/// was.
struct Feeding<'a> {
    feeder: Option<Feeder>,
    pool: &'a Pool,
}

impl Drop for Feeding<'_> {
    fn drop(&mut self) {
        drop(self.feeder.take());
        self.pool.feed();
    }
}

/// The results of a [`map`](ProcessPoolExecutor::map), in the order of its items.
///
/// `next` waits for the result that comes next. Dropping the iterator cancels the items that have
/// not started; those that run finish, and their results are thrown away.
pub struct Map<R> {
    source: Option<Arc<ChunkSource>>,
    pool: Weak<Pool>,
    current: Option<Current>,
    /// How many results are still to come.
    left: usize,
    result: PhantomData<fn() -> R>,
}

/// The chunk whose results are being given out.
struct Current {
    items: usize,
    outcome: Outcome,
    /// How far the outcome was read.
    position: usize,
}

impl<R> Map<R> {
    /// One error, and nothing else.
    fn failed(error: Error) -> Self {
        let current = Current { items: 1, outcome: Err(Box::new(error)), position: 0 };
        Self {
            source: None,
            pool: Weak::new(),
            current: Some(current),
            left: 1,
            result: PhantomData,
        }
    }
}

impl<R: DeserializeOwned + 'static> Iterator for Map<R> {
    type Item = Result<R, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(current) = &mut self.current
                && current.items > 0
            {
                current.items -= 1;
                self.left = self.left.saturating_sub(1);
                return match current.next() {
                    Ok(result) => Some(Ok(result)),
                    Err(error) => unboxed(error),
                };
            }
            let FinishedChunk { items, outcome } = self.source.as_ref()?.next_chunk()?;
            // A chunk's result starts with the time that it took.
            self.current = Some(Current { items, outcome, position: 8 });
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<R: DeserializeOwned + 'static> ExactSizeIterator for Map<R> {}
impl<R: DeserializeOwned + 'static> std::iter::FusedIterator for Map<R> {}

impl Current {
    /// The error is boxed so that a result stays in registers until it is where it belongs.
    #[inline]
    fn next<R: DeserializeOwned + 'static>(&mut self) -> Result<R, Box<Error>> {
        let body = match &self.outcome {
            Ok(body) => &body[..],
            Err(error) => return Err(error.clone()),
        };
        let mut rest = body.get(self.position..).unwrap_or_default();
        let Some(item) = chunk::take(&mut rest) else { return Err(too_few::<R>()) };
        self.position = body.len() - rest.len();
        if item.failed {
            return Err(Box::new(decode_failure(item.bytes)));
        }
        codec::decode(item.bytes, CodecStep::DecodeResult)
            .map_err(|error| Box::new(Error::Codec(*error)))
    }
}

/// Apart, so that a result is not copied together with the room that an error would need.
#[cold]
#[inline(never)]
#[expect(clippy::boxed_local, reason = "unboxing is what it is for")]
fn unboxed<R>(error: Box<Error>) -> Option<Result<R, Error>> {
    Some(Err(*error))
}

#[cold]
fn too_few<R>() -> Box<Error> {
    Box::new(Error::Codec(CodecError {
        step: CodecStep::DecodeResult,
        type_name: std::any::type_name::<R>().to_owned(),
        message: "the worker sent fewer results than it got items".to_owned(),
    }))
}

impl<R> Drop for Map<R> {
    fn drop(&mut self) {
        match (&self.source, self.pool.upgrade()) {
            // Nothing can be left of a map that was read to its end.
            (Some(source), Some(pool)) if self.left > 0 => pool.cancel_chunks(source),
            (Some(source), _) => source.cancel_waiting(),
            (None, _) => {}
        }
    }
}

impl<R> fmt::Debug for Map<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Map").field("left", &self.left).finish_non_exhaustive()
    }
}
