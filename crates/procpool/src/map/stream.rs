//! Maps as streams.
//!
//! Owns the check whether a map has a result. The [`ChunkSource`](crate::chunk_source::ChunkSource) keeps
//! the waker.

use std::task::Waker;

use serde::de::DeserializeOwned;

use super::{BufferedMap, Map};
use crate::future::IntoStream;
use crate::payload::Payload;

impl<R: DeserializeOwned + 'static> Map<R> {
    /// Converts it into a stream, for asynchronous code.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(2).build()?;
    /// use futures_lite::{StreamExt, future};
    ///
    /// let squares = executor.map_options().unordered().map(|x: u64| x * x, 1..=3).into_stream();
    /// let sum = future::block_on(squares.filter_map(Result::ok).fold(0, |sum, x| sum + x));
    /// assert_eq!(sum, 1 + 4 + 9);
    /// #     Ok(())
    /// # }
    /// ```
    pub fn into_stream(self) -> IntoStream<Self> {
        IntoStream(self, |map, waker| map.has_next(waker).then(|| map.next()))
    }

    /// Whether `next` returns without waiting. If not, `waker` will be woken.
    fn has_next(&self, waker: &Waker) -> bool {
        self.current.as_ref().is_some_and(|current| current.items > 0)
            || self.is_lost()
            || self.source.as_ref().is_none_or(|source| source.has_next(waker))
    }
}

impl<R: DeserializeOwned + 'static, I: Iterator<Item: Payload>> BufferedMap<R, I> {
    /// Converts it into a stream, for asynchronous code.
    ///
    /// The thread that polls it pulls the items: their iterator must not block.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(2).build()?;
    /// use futures_lite::{StreamExt, future};
    ///
    /// let squares = executor.map_options().buffersize(8).map(|x: u64| x * x, 1..).into_stream();
    /// let first: Vec<u64> = future::block_on(squares.filter_map(Result::ok).take(3).collect());
    /// assert_eq!(first, [1, 4, 9]);
    /// #     Ok(())
    /// # }
    /// ```
    pub fn into_stream(self) -> IntoStream<Self> {
        IntoStream(self, |map, waker| {
            if !map.results.is_lost() {
                map.pull();
            }
            (map.results.left == 0 || map.results.has_next(waker)).then(|| map.next())
        })
    }
}
