//! `map`: many inputs and their results.
//!
//! Owns the reading of results, which the asking thread decodes, and the early end of a map.
//! `options` is how a map is requested; `buffered` is the map that pulls its items as results are
//! read. The [`ChunkSource`] and the pool decide what is sent when.

mod buffered;
mod options;
#[cfg(feature = "stream")]
mod stream;

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;

use crate::chunk;
use crate::chunk_source::{ChunkSource, FinishedChunk, Next};
use crate::codec::{self, number};
use crate::error::{CodecError, CodecStep, Error};
use crate::failure::decode_failure;
use crate::future::Outcome;
use crate::pool::Pool;

pub use buffered::BufferedMap;
pub use options::MapOptions;

/// The results of a [`map`](crate::ProcessPoolExecutor::map), in the order of its items unless they
/// are requested [as they finish](MapOptions::unordered).
///
/// `next` waits for the next result. Dropping the iterator cancels the items that have not started;
/// running ones finish, and their results are discarded. So read a map even if its results do not
/// matter, as below.
///
/// `T` is `()`, or [`Duration`] for a map with a [timeout](MapOptions::timeout), which may end
/// before its length: only a map without one is an [`ExactSizeIterator`].
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), procpool::Error> {
/// #     procpool::init();
/// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
/// let mut squares: procpool::Map<u64> = executor.map(|x: u64| x * x, 0..4);
/// assert_eq!(squares.size_hint(), (4, Some(4)));
/// assert_eq!(squares.nth(3), Some(Ok(9)));
/// // Runs every item, and stops at the first error.
/// executor.map(|x: u64| println!("{x}"), 0..4).collect::<Result<(), _>>()?;
/// #     Ok(())
/// # }
/// ```
#[must_use = "dropping a map cancels its items that have not started: read its results, with `for` or `collect`"]
pub struct Map<R, T = ()> {
    /// `None` if the map ended early.
    source: Option<Arc<ChunkSource>>,
    pool: Weak<Pool>,
    timeout: Option<Timeout>,
    current: Option<Current>,
    /// How many results are left.
    left: usize,
    result: PhantomData<fn() -> (R, T)>,
}

/// When waiting ends.
#[derive(Debug, Clone, Copy)]
struct Timeout {
    /// How long the caller waits in total.
    length: Duration,
    deadline: Instant,
}

impl Timeout {
    /// The timeout of a call made now; `None` if it is beyond what the clock can represent.
    fn from_now(length: Duration) -> Option<Self> {
        Some(Self { length, deadline: Instant::now().checked_add(length)? })
    }
}

/// The chunk whose results are being returned.
struct Current {
    /// How many items there are up to and including its last one.
    end: u64,
    /// How many of its items are left.
    items: usize,
    outcome: Outcome,
    /// How far its outcome was read.
    position: usize,
}

impl<R, T> Map<R, T> {
    fn new(source: Arc<ChunkSource>, pool: &Arc<Pool>, timeout: Option<Timeout>) -> Self {
        Self {
            source: Some(source),
            pool: Arc::downgrade(pool),
            timeout,
            current: None,
            left: 0,
            result: PhantomData,
        }
    }

    /// A map over a source whose items have finished.
    #[cfg(fuzzing)]
    pub(crate) fn of_finished(source: Arc<ChunkSource>, items: usize) -> Self {
        let mut map = Self::failed(Error::Shutdown);
        (map.source, map.current, map.left) = (Some(source), None, items);
        map
    }

    /// A map that returns one error and nothing else.
    fn failed(error: Error) -> Self {
        let current = Current { end: 1, items: 1, outcome: Err(Box::new(error)), position: 0 };
        Self {
            source: None,
            pool: Weak::new(),
            timeout: None,
            current: Some(current),
            left: 1,
            result: PhantomData,
        }
    }

    /// Waits for the next chunk. If there is none, the map ends, possibly with an error.
    ///
    /// Separate from `next`, so that an available result does not pay for waiting.
    #[cold]
    fn go_on(&mut self) -> Result<(), Option<Error>> {
        // Returned results are not kept while this waits.
        self.current = None;
        if self.is_lost() {
            (self.source, self.left) = (None, 0);
            return Err(Some(Error::ForkedCopy));
        }
        let source = self.source.as_ref().ok_or(None)?;
        match source.next_chunk(self.timeout.as_ref().map(|timeout| timeout.deadline)) {
            Next::Chunk(FinishedChunk { end, items, outcome, shown }) => {
                self.current = Some(Current { end, items, outcome, position: shown });
                Ok(())
            }
            Next::Late => Err(self.time_out()),
            Next::End => Err(None),
        }
    }

    /// Ends the map: its timeout has passed.
    fn time_out(&mut self) -> Option<Error> {
        self.cancel();
        self.left = 0;
        self.source = None;
        self.timeout.take().map(|timeout| Error::TimedOut(timeout.length))
    }

    /// Whether no more results will arrive: this process is a forked copy of the pool's.
    fn is_lost(&self) -> bool {
        self.source.is_some() && self.pool.upgrade().is_some_and(|pool| !pool.is_ours())
    }

    /// Cancels items that have not started.
    fn cancel(&self) {
        let Some(source) = self.source.as_ref().filter(|_| !self.is_lost()) else { return };
        // This is the reader: it need not be woken.
        drop(source.stop(&Error::Cancelled));
        // A map that was read to its end has nothing left to cancel.
        let pool = self.pool.upgrade().filter(|_| self.left > 0);
        pool.iter().for_each(|pool| pool.cancel_chunks(source));
    }
}

impl<R: DeserializeOwned + 'static, T> Map<R, T> {
    /// Returns each result with the index of its item, counted from 0, to tell results apart that
    /// arrive [as they finish](MapOptions::unordered).
    ///
    /// An error that belongs to no item, [`Error::TimedOut`], has the number of results returned
    /// before it.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(2).build()?;
    /// let names = ["one", "three"].map(String::from);
    /// let lengths = executor.map_options().unordered().map(|name: String| name.len(), names);
    /// for (index, length) in lengths.indexed() {
    ///     assert_eq!(length?, [3, 5][index]);
    /// }
    /// #     Ok(())
    /// # }
    /// ```
    pub fn indexed(mut self) -> impl Iterator<Item = (usize, Result<R, Error>)> {
        let mut given = 0;
        std::iter::from_fn(move || {
            let result = self.next()?;
            given += 1;
            Some((self.index().unwrap_or(given - 1), result))
        })
    }

    /// The index of the item whose result was returned last.
    fn index(&self) -> Option<usize> {
        let current = self.current.as_ref()?;
        usize::try_from(current.end - 1 - current.items as u64).ok()
    }
}

impl<R: DeserializeOwned + 'static, T> Iterator for Map<R, T> {
    type Item = Result<R, Error>;

    // A loop over results calls this for each: the call would cost more than reading a number.
    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(current) = &mut self.current
                && current.items > 0
            {
                current.items -= 1;
                self.left = self.left.saturating_sub(1);
                return match current.next_number() {
                    Some(result) => Some(Ok(result)),
                    None if number::is::<R>() => current.next_apart(),
                    None => current.next(),
                };
            }
            if let Err(end) = self.go_on() {
                return end.map(Err);
            }
        }
    }

    /// Exact, unless a timeout may end it sooner.
    fn size_hint(&self) -> (usize, Option<usize>) {
        let least = if self.timeout.is_some() { self.left.min(1) } else { self.left };
        (least, Some(self.left))
    }
}

impl<R: DeserializeOwned + 'static> ExactSizeIterator for Map<R> {}

impl<R: DeserializeOwned + 'static, T> std::iter::FusedIterator for Map<R, T> {}

impl Current {
    /// The next result, if it is a number written in one piece.
    #[inline]
    fn next_number<R: 'static>(&mut self) -> Option<R> {
        let body = self.outcome.as_ref().ok()?;
        let mut rest = body.get(self.position..)?;
        let result = chunk::take_number(&mut rest)?;
        self.position = body.len() - rest.len();
        Some(result)
    }

    #[inline]
    fn next<R: DeserializeOwned + 'static>(&mut self) -> Option<Result<R, Error>> {
        match self.decode() {
            Ok(result) => Some(Ok(result)),
            Err(error) => unboxed(error),
        }
    }

    /// Like `next`, but out of line: this path is rare, and inlining it would spill registers in
    /// the hot one.
    #[inline(never)]
    fn next_apart<R: DeserializeOwned + 'static>(&mut self) -> Option<Result<R, Error>> {
        self.next()
    }

    /// The error is boxed so that a result stays in registers until it reaches its destination.
    #[inline]
    fn decode<R: DeserializeOwned + 'static>(&mut self) -> Result<R, Box<Error>> {
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

/// Out of line, so that a result is not copied along with the space an error would need.
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

impl<R, T> Drop for Map<R, T> {
    fn drop(&mut self) {
        self.cancel();
    }
}

impl<R, T> fmt::Debug for Map<R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Map").field("left", &self.left).finish_non_exhaustive()
    }
}
