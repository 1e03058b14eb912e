//! Iterators of this crate as streams.
//!
//! Owns the type of these streams, and the stream of `as_completed`. An iterator knows whether it has an
//! item; if not, it keeps the waker.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use futures_core::Stream;

use super::wait::AsCompleted;

/// An iterator of this crate as a stream; made by `into_stream` of [`Map`](crate::Map),
/// [`BufferedMap`](crate::BufferedMap) and [`AsCompleted`].
///
/// It yields what the iterator would return, and ends where that would, without blocking the thread that
/// polls. Dropping it does what dropping the iterator does. Dropping a `next()` before it is ready, as
/// `select!` does, loses no item.
///
/// A map with a [timeout](crate::MapOptions::timeout) cannot be converted, because nothing would wake the
/// stream at that time: use the time limits of the asynchronous runtime.
///
/// # Panics
///
/// Polling panics if the iterator's `next` would.
///
/// # Examples
///
/// ```
/// use futures_lite::StreamExt;
///
/// async fn sum(executor: &procpool::ProcessPoolExecutor) -> Result<u64, procpool::Error> {
///     let mut squares = executor.map(|x: u64| x * x, 1..=3).into_stream();
///     let mut sum = 0;
///     while let Some(square) = squares.next().await {
///         sum += square?;
///     }
///     Ok(sum)
/// }
///
/// # fn main() -> Result<(), procpool::Error> {
/// #     procpool::init();
/// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(2).build()?;
/// #     assert_eq!(futures_lite::future::block_on(sum(&executor))?, 1 + 4 + 9);
/// #     Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a stream does nothing before it is polled, and dropping that of a map cancels its items"]
pub struct IntoStream<I: Iterator>(pub(crate) I, pub(crate) PollNext<I>);

/// Returns what the iterator's `next` would. If that would wait, returns `None`, and has the waker woken
/// once it would not.
pub(crate) type PollNext<I> = fn(&mut I, &Waker) -> Option<Option<<I as Iterator>::Item>>;

// Nothing in it is pinned.
impl<I: Iterator> Unpin for IntoStream<I> {}

impl<I: Iterator> Stream for IntoStream<I> {
    type Item = I::Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<I::Item>> {
        let Self(iterator, poll_next) = &mut *self;
        poll_next(iterator, context.waker()).map_or(Poll::Pending, Poll::Ready)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<T> AsCompleted<'_, T> {
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
    /// let futures: Vec<_> = (1..=3).map(|x| executor.submit(|x: u32| x * x, x)).collect();
    /// let mut done = procpool::as_completed(&futures).into_stream();
    /// future::block_on(async {
    ///     while let Some(future) = done.next().await {
    ///         println!("{}", future.result()?);
    ///     }
    ///     Ok::<(), procpool::Error>(())
    /// })?;
    /// #     Ok(())
    /// # }
    /// ```
    pub fn into_stream(self) -> IntoStream<Self> {
        IntoStream(self, |futures, waker| {
            futures.next_by(Some(Instant::now())).ok().or_else(|| {
                drop(futures.arrivals.slot.replace(Some(waker.clone())));
                // If one was done before this waker was stored, an older waker or none was woken.
                futures.next_by(Some(Instant::now())).ok()
            })
        })
    }
}
