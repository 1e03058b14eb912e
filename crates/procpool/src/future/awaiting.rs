//! `.await`: a future of this crate as a Rust future.
//!
//! Owns the hand-over from the thread that settles a future to the waker of the executor that polls
//! it. Knows no executor, only its waker.

use std::fmt;
use std::future::IntoFuture;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use procpool_callbacks::{catch, write_to_log};
use serde::de::DeserializeOwned;

use super::listeners::Listener;
use super::{Future, SharedFuture};
use crate::error::Error;

/// Holds the waker of the last poll. None of its code runs under the lock.
#[derive(Debug, Default)]
pub(super) struct Slot(Mutex<Option<Waker>>);

impl Slot {
    pub(super) fn replace(&self, waker: Option<Waker>) -> Option<Waker> {
        std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), waker)
    }
}

impl Listener for Slot {
    fn settled(&self, _future: &SharedFuture) {
        self.replace(None).into_iter().for_each(wake);
    }
}

/// Wakes `waker`. The caller holds no lock: a waker is user code.
pub(crate) fn wake(waker: Waker) {
    // By contract it neither blocks nor panics, but this may be the pool's manager.
    if let Err(panic) = catch(AssertUnwindSafe(|| waker.wake())) {
        write_to_log(log::Level::Error, format_args!("a waker panicked: {}", panic.message()));
    }
}

/// A [`Future`] that is being awaited; made by `.await`, or by its
/// [`into_future`](IntoFuture::into_future).
///
/// Combinators of the crate `futures`, such as `join_all`, take this type: a pool's [`Future`] is
/// converted by `.await` or `into_future()` only.
///
/// Dropping it before it is ready, as `select!` and asynchronous time limits do, cancels the task
/// if it has not started; see [`Future::cancel`]. A running task continues, unless this was made by
/// [`kill_on_drop`](Future::kill_on_drop).
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), procpool::Error> {
/// #     procpool::init();
/// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
/// use std::future::IntoFuture;
///
/// let awaiting: procpool::Awaiting<u32> = executor.submit(|x: u32| x + 1, 1).into_future();
/// // Nobody will ask for it any more: if it has not started, it never does.
/// drop(awaiting);
/// #     Ok(())
/// # }
/// ```
#[must_use = "dropping it cancels the task if that has not started: await it, or keep the `Future`"]
pub struct Awaiting<T> {
    /// `None` once its result was returned, or it was taken to be awaited no more.
    pub(crate) future: Option<Future<T>>,
    slot: Arc<Slot>,
    listens: bool,
    kills: bool,
}

impl<T> Future<T> {
    /// Converts it for `.await`, or for being kept: dropping the returned value before the task is over
    /// [kills](Self::kill) the task, which includes that it is cancelled if it has not started.
    ///
    /// To wait by blocking, keep the value of a clone as a guard. Once the task is over, dropping it has
    /// no effect.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::time::Duration;
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
    /// let endless = executor.submit(|()| std::thread::park(), ());
    /// let guard = endless.clone().kill_on_drop();
    /// assert!(endless.result_timeout(Duration::from_millis(10)).is_err());
    /// // The end of a scope, a `?` and a panic do this, too.
    /// drop(guard);
    /// assert!(endless.error().is_some());
    /// #     Ok(())
    /// # }
    /// ```
    pub fn kill_on_drop(self) -> Awaiting<T> {
        Awaiting { future: Some(self), slot: Arc::default(), listens: false, kills: true }
    }
}

impl<T: DeserializeOwned + 'static> IntoFuture for Future<T> {
    type Output = Result<T, Error>;
    type IntoFuture = Awaiting<T>;

    /// Converts it for `.await` under any executor: returns what
    /// [`into_result`](Future::into_result) returns, without blocking.
    ///
    /// # Examples
    ///
    /// ```
    /// async fn sum(executor: &procpool::ProcessPoolExecutor) -> Result<u32, procpool::Error> {
    ///     let first = executor.submit(|x: u32| x * x, 3);
    ///     let second = executor.submit(|x: u32| x * x, 4);
    ///     Ok(first.await? + second.await?)
    /// }
    ///
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(2).build()?;
    /// #     let runtime = tokio::runtime::Builder::new_current_thread().build();
    /// #     assert_eq!(runtime.expect("a runtime can be made").block_on(sum(&executor))?, 25);
    /// #     Ok(())
    /// # }
    /// ```
    fn into_future(self) -> Awaiting<T> {
        Awaiting { future: Some(self), slot: Arc::default(), listens: false, kills: false }
    }
}

impl<T: DeserializeOwned + 'static> std::future::Future for Awaiting<T> {
    type Output = Result<T, Error>;

    /// # Panics
    ///
    /// Panics if it is polled again after it was ready.
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let Some(future) = &this.future else { panic!("polled after it was ready") };
        if !future.done() && !future.is_lost() {
            drop(this.slot.replace(Some(context.waker().clone())));
            if !this.listens {
                this.listens = future.listen(Arc::clone(&this.slot) as Arc<dyn Listener>);
            }
            // If it settled before this waker was stored, an older waker or none was woken.
            if !future.done() {
                return Poll::Pending;
            }
        }
        match this.future.take() {
            Some(future) => Poll::Ready(future.into_result()),
            None => Poll::Pending,
        }
    }
}

impl<T> Drop for Awaiting<T> {
    fn drop(&mut self) {
        let Some(future) = &self.future else { return };
        if self.listens {
            let listener = Arc::clone(&self.slot) as Arc<dyn Listener>;
            future.shared.stop_listening(&listener);
        }
        if !future.cancel() && self.kills {
            future.kill();
        }
    }
}

impl<T> fmt::Debug for Awaiting<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Awaiting").field("future", &self.future).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::future::listeners::count;

    #[test]
    fn a_dropped_awaiting_removes_its_listener_and_cancels_if_pending() {
        for sent in [false, true] {
            let shared = SharedFuture::new();
            assert_eq!(sent.then(|| shared.mark_sent()).flatten(), sent.then_some(false));
            let mut awaiting = Future::<u32>::of(Arc::clone(&shared), None).into_future();
            let mut context = Context::from_waker(Waker::noop());
            for _ in 0..2 {
                let polled = std::future::Future::poll(Pin::new(&mut awaiting), &mut context);
                assert!(polled.is_pending());
                assert_eq!(count(&shared), 1, "one listener, however often it is polled");
            }
            drop(awaiting);
            assert_eq!((count(&shared), shared.is_settled()), (0, !sent));
        }
    }
}
